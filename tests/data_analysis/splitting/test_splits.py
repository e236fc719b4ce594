import numpy as np
import pandas as pd
import pytest

from data_analysis.splitting.splits import (
    Fold,
    bind_groups,
    leave_one_group_out,
    nested_fractions,
    split_by_shares,
    split_into_folds,
)
from tests.data_analysis.clip_tables import clips_of, signature_of


def recordings(num_groups: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Labels and groups of a set whose recordings have 3 to 12 clips of mostly one of 4 classes."""
    rng = np.random.default_rng(seed)
    labels, groups = [], []
    for group in range(num_groups):
        size = int(rng.integers(3, 13))
        shares = np.full(4, 0.1)
        shares[group % 4] = 0.7
        labels += list(rng.choice(list('abcd'), size, p=shares))
        groups += [group] * size
    return np.array(labels), np.array(groups)


def assert_is_partition(fold: Fold, number: int) -> None:
    positions = np.concatenate(list(fold.splits.values()))
    assert sorted(positions) == list(range(number))


def assert_groups_stay_together(fold: Fold, groups: np.ndarray) -> None:
    seen = [set(groups[positions]) for positions in fold.splits.values()]
    assert sum(map(len, seen)) == len(set.union(*seen))


class TestBindGroups:
    def test_recordings_files_and_bytes_bind(self) -> None:
        clips = clips_of(
            [
                {'path': '0', 'recording': 'r1'},
                {'path': '1', 'recording': 'r2'},
                {'path': '2', 'recording': 'r1'},
                {'path': '3', 'sha256': 'same'},
                {'path': '4', 'sha256': 'same'},
                {'path': '5', 'sha256': ''},
                {'path': '6', 'sha256': ''},
                {'path': '7', 'start_seconds': 0.0},
                {'path': '7', 'start_seconds': 5.0},
            ]
        )
        assert bind_groups(clips).tolist() == [0, 1, 0, 2, 2, 3, 4, 5, 5]

    def test_a_shared_clip_makes_two_recordings_one(self) -> None:
        clips = clips_of(
            [
                {'recording': 'r1', 'sha256': 'x'},
                {'recording': 'r1', 'sha256': 'y'},
                {'recording': 'r2', 'sha256': 'y2'},
                {'recording': 'r2', 'sha256': 'x'},
                {'recording': 'r3'},
            ]
        )
        assert bind_groups(clips).tolist() == [0, 0, 0, 0, 1]

    def test_scenes_bind_only_if_asked(self) -> None:
        clips = clips_of(
            {'path': str(n), 'signature': signature_of(n % 2, noise=4, noise_seed=n)}
            for n in range(4)
        )
        assert bind_groups(clips).tolist() == [0, 1, 2, 3]
        assert bind_groups(clips, scene_distance=0.3).tolist() == [0, 1, 0, 1]

    def test_the_table_may_have_any_index(self) -> None:
        clips = clips_of({'recording': f'r{n % 2}'} for n in range(4))
        clips.index = pd.Index([7, 3, 9, 1])
        assert bind_groups(clips, scene_distance=0.3).tolist() == [0, 1, 0, 1]


class TestSplitByShares:
    @pytest.mark.parametrize('seed', range(3))
    def test_shares_mixture_and_groups(self, seed: int) -> None:
        labels, groups = recordings(90, seed)
        fold = split_by_shares(labels, groups, {'val': 0.1, 'test': 0.2}, seed)
        assert list(fold.splits) == ['train', 'val', 'test']
        assert_is_partition(fold, len(labels))
        assert_groups_stay_together(fold, groups)
        whole = pd.Series(labels).value_counts(normalize=True)
        for name, share in (('train', 0.7), ('val', 0.1), ('test', 0.2)):
            part = labels[fold.splits[name]]
            assert len(part) / len(labels) == pytest.approx(share, abs=0.025)
            mixture = pd.Series(part).value_counts(normalize=True).reindex(whole.index)
            assert (mixture - whole).abs().max() < 0.09

    def test_few_large_groups(self) -> None:
        """Seven cameras: every class on each side matters more than the exact share."""
        rng = np.random.default_rng(0)
        groups = rng.choice(7, 350, p=[0.3, 0.3, 0.24, 0.08, 0.04, 0.02, 0.02])
        labels = rng.choice(list('abcd'), 350, p=[0.6, 0.16, 0.12, 0.12])
        fold = split_by_shares(labels, groups, {'test': 0.25})
        assert_is_partition(fold, 350)
        assert_groups_stay_together(fold, groups)
        assert set(labels[fold.splits['test']]) == set('abcd')
        assert len(fold.splits['test']) / 350 == pytest.approx(0.25, abs=0.08)

    def test_the_seed_decides(self) -> None:
        labels, groups = recordings(40)
        one, same, other = (
            split_by_shares(labels, groups, {'test': 0.2}, seed).splits['test']
            for seed in (1, 1, 2)
        )
        assert one.tolist() == same.tolist()
        assert one.tolist() != other.tolist()

    def test_what_cannot_be_divided(self) -> None:
        labels, groups = recordings(2)
        with pytest.raises(ValueError, match='2 groups cannot fill 3 splits'):
            split_by_shares(labels, groups, {'val': 0.1, 'test': 0.2})
        with pytest.raises(ValueError, match='leave some for train'):
            split_by_shares(labels, groups, {'val': 0.5, 'test': 0.5})

    def test_as_many_groups_as_splits(self) -> None:
        labels, groups = recordings(3)
        fold = split_by_shares(labels, groups, {'val': 0.1, 'test': 0.2})
        assert [len(set(groups[part])) for part in fold.splits.values()] == [1, 1, 1]


class TestFolds:
    def test_each_clip_is_tested_once(self) -> None:
        labels, groups = recordings(40)
        folds = split_into_folds(labels, groups, 5)
        assert [fold.name for fold in folds] == ['fold0', 'fold1', 'fold2', 'fold3', 'fold4']
        tested = np.concatenate([fold.splits['test'] for fold in folds])
        assert sorted(tested) == list(range(len(labels)))
        for fold in folds:
            assert_is_partition(fold, len(labels))
            assert_groups_stay_together(fold, groups)
            assert set(labels[fold.splits['test']]) == set('abcd')

    def test_a_validation_split_is_cut_from_train(self) -> None:
        labels, groups = recordings(40)
        for fold in split_into_folds(labels, groups, 4, val_share=0.2):
            assert list(fold.splits) == ['train', 'val', 'test']
            assert_is_partition(fold, len(labels))
            assert_groups_stay_together(fold, groups)

    def test_leave_one_group_out(self) -> None:
        labels, groups = recordings(5)
        folds = leave_one_group_out(labels, groups, [f'cam{group}' for group in range(5)])
        assert [fold.name for fold in folds] == [f'without_cam{group}' for group in range(5)]
        for group, fold in enumerate(folds):
            assert set(groups[fold.splits['test']]) == {group}
            assert_is_partition(fold, len(labels))

    def test_too_many_folds(self) -> None:
        labels, groups = recordings(5)
        with pytest.raises(ValueError, match='6 folds of 5 groups'):
            split_into_folds(labels, groups, 6)
        with pytest.raises(ValueError, match='two groups'):
            leave_one_group_out(labels, np.zeros(len(labels), int), ['all'])


class TestNestedFractions:
    def test_each_is_contained_in_the_next_with_the_classes_shares(self) -> None:
        labels = np.array(list('a' * 40 + 'b' * 20 + 'c' * 3))
        train = np.arange(1, 63)  # one clip of a is elsewhere
        parts = nested_fractions(labels, train, [100, 25, 50, 75])
        assert list(parts) == [25, 50, 75, 100]
        counts = [pd.Series(labels[part]).value_counts().to_dict() for part in parts.values()]
        assert counts == [
            {'a': 10, 'b': 5, 'c': 1},
            {'a': 20, 'b': 10, 'c': 2},
            {'a': 30, 'b': 15, 'c': 3},
            {'a': 39, 'b': 20, 'c': 3},
        ]
        sets = [set(part) for part in parts.values()]
        assert sets[0] < sets[1] < sets[2] < sets[3] == set(train)
        assert all(list(part) == sorted(part) for part in parts.values())

    def test_the_seed_decides(self) -> None:
        labels = np.array(list('ab' * 50))
        one, same, other = (
            nested_fractions(labels, np.arange(100), [25], seed)[25].tolist() for seed in (1, 1, 2)
        )
        assert one == same != other

    def test_fractions_are_percents(self) -> None:
        with pytest.raises(ValueError, match='percent'):
            nested_fractions(np.array(['a']), np.array([0]), [0])
