import numpy as np
import pytest

from data_analysis.measuring.tables import (
    ALL,
    balance,
    class_table,
    distributions,
    picture_table,
    totals,
    training_split,
)
from tests.data_analysis.clip_tables import clips_of


def two_splits():
    return clips_of(
        [
            *({'label': 'a', 'split': 'train', 'recording': 'r1'} for _ in range(6)),
            *({'label': 'b', 'split': 'train', 'recording': 'r2'} for _ in range(2)),
            {'label': 'a', 'split': 'val', 'recording': 'r3', 'duration_seconds': 36.0},
            {'label': 'a;b', 'split': 'val', 'num_frames': np.nan, 'duration_seconds': np.nan},
        ]
    )


def test_counts_by_class_and_split() -> None:
    rows = {(row['label'], row['split']): row for row in class_table(two_splits(), ['a', 'b'])}
    assert rows['a', 'train']['clips'] == 6
    assert rows['a', 'train']['share'] == 0.75
    assert rows['b', 'val']['clips'] == 1
    assert rows['a', ALL]['clips'] == 8
    assert rows[ALL, ALL]['clips'] == 10
    assert rows['a', 'val']['hours'] == pytest.approx(0.01)
    assert rows[ALL, 'train']['frames'] == 2000
    assert rows[ALL, 'train']['recordings'] == 2


def test_one_split_has_no_sum_over_splits() -> None:
    rows = class_table(clips_of([{'label': 'a'}, {'label': 'b'}]), ['a', 'b', 'c'])
    assert [(row['label'], row['clips']) for row in rows] == [
        ('a', 1),
        ('b', 1),
        ('c', 0),
        (ALL, 2),
    ]


def test_a_label_that_is_no_class_has_its_row() -> None:
    rows = class_table(clips_of([{'label': 'a'}, {'label': 'z'}]), ['a'])
    assert [row['label'] for row in rows] == ['a', 'z', ALL]


def test_balance_of_the_training_split() -> None:
    found = balance(two_splits(), ['a', 'b', 'c'])
    assert found is not None
    assert found['split'] == 'train'
    assert found['imbalance_ratio'] == 3
    assert found['entropy_bits'] == pytest.approx(0.8113, abs=1e-4)
    assert found['evenness'] == pytest.approx(0.8113 / np.log2(3), abs=1e-4)
    inverse = found['class_weights']['inverse_frequency']
    assert inverse == [pytest.approx(8 / (2 * 6), abs=1e-4), 2.0, None]
    effective = found['class_weights']['effective_number']
    numbers = [(1 - 0.999**6) / 0.001, (1 - 0.999**2) / 0.001]
    assert effective[0] / effective[1] == pytest.approx(numbers[1] / numbers[0], rel=1e-3)
    assert (6 * effective[0] + 2 * effective[1]) / 8 == pytest.approx(1, rel=1e-3)
    assert balance(clips_of([{'label': ''}]), []) is None


def test_spreads_and_histograms() -> None:
    clips = clips_of(
        [*({'label': 'a', 'num_frames': n} for n in range(101)), {'label': 'b', 'num_frames': 7}]
    )
    found = distributions(clips, ['a', 'b', 'c'])['num_frames']
    row = found['classes']['a']
    assert [row[name] for name in ('min', 'p05', 'p25', 'median', 'p75', 'p95', 'max')] == [
        0,
        5,
        25,
        50,
        75,
        95,
        100,
    ]
    assert row['percentiles'] == pytest.approx(range(101))
    assert 'c' not in found['classes']
    histogram = found['histogram']
    assert sum(histogram['counts']['a']) == 101
    assert sum(histogram['counts'][ALL]) == 102
    assert len(histogram['edges']) == len(histogram['counts']['a']) + 1


def test_clips_beyond_the_last_bin_are_counted_apart() -> None:
    clips = clips_of([*({'num_frames': n % 10} for n in range(300)), {'num_frames': 100_000}])
    histogram = distributions(clips, ['a'])['num_frames']['histogram']
    assert histogram['edges'][-1] < 20
    assert sum(histogram['counts'][ALL]) == 300
    assert histogram['beyond'] == {ALL: 1, 'a': 1}


@pytest.mark.parametrize('fps', [8, 25, 30])
def test_no_bin_falls_between_the_frames(fps: int) -> None:
    """Every number of frames occurs equally often, so every full bin is equally high."""
    clips = clips_of([{'duration_seconds': n / fps} for n in range(27, 47) for _ in range(60)])
    counts = distributions(clips, ['a'])['duration_seconds']['histogram']['counts'][ALL]
    assert sum(counts) == 1200
    assert set(counts[:-1]) == {counts[0]}
    assert 0 < counts[-1] <= counts[0]


def test_equal_lengths_make_one_bin() -> None:
    histogram = distributions(clips_of([{}, {}]), ['a'])['num_frames']['histogram']
    assert histogram['counts'][ALL] == [2]


def test_totals_and_pictures() -> None:
    clips = clips_of([{'path': 'x'}, {'path': 'x'}, {'path': 'y', 'status': 'empty', 'bytes': 0}])
    found = totals(clips)
    assert (found['clips'], found['files'], found['readable_clips']) == (3, 2, 2)
    assert found['bytes'] == 125_000
    assert picture_table(clips)['sizes'] == [{'width': 320, 'height': 240, 'clips': 2}]


def test_the_split_to_train_on() -> None:
    assert training_split(clips_of([{'split': 'val'}, {'split': 'train'}])) == 'train'
    assert training_split(clips_of([{'split': 'all'}])) == 'all'
