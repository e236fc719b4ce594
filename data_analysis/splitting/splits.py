"""Splits that keep a score honest: no recording on two sides, every class on each.

Clips are bound into groups that no split tears apart: clips of one recording, clips with the same
bytes, and, where no recordings are known, clips of scenes that look alike. scikit-learn proposes
grouped, stratified splits; the one whose mixture of classes comes closest to the whole is taken.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components
from sklearn.model_selection import GroupShuffleSplit, LeaveOneGroupOut

from data_analysis.checks.grouped_folds import grouped_folds
from data_analysis.measuring.scenes import find_scenes

_NUM_PROPOSALS = 40
_ABSENT_CLASS = 1.0


@dataclass(frozen=True)
class Fold:
    """One way to divide the clips.

    Attributes:
        name: `''` for the only one, `fold0`, or the name of the group that is left out.
        splits: Positions of clips by name of the split.
    """

    name: str
    splits: Mapping[str, np.ndarray]


def bind_groups(clips: pd.DataFrame, scene_distance: float | None = None) -> np.ndarray:
    """Finds which clips must stay together.

    Args:
        clips: The table of clips: `recording`, `sha256`, `file`, `signature`.
        scene_distance: Binds look-alikes nearer than this, too; None does not.

    Returns:
        (N,) group numbers from 0, in order of first appearance. Groups that share a clip are one:
        two recordings with the same file in them cannot be told apart.
    """
    bonds = [clips[name].where(clips[name] != '') for name in ('file', 'sha256', 'recording')]
    if scene_distance is not None:
        bonds.append(pd.Series(find_scenes(clips['signature'], scene_distance)))
    number = len(clips)
    rows, columns = [], []
    for bond in bonds:
        keys = pd.factorize(bond.reset_index(drop=True))[0]
        bound = np.flatnonzero(keys >= 0)
        firsts = pd.Series(bound).groupby(keys[bound]).transform('first').to_numpy()
        rows.append(bound)
        columns.append(firsts)
    row, column = np.concatenate(rows), np.concatenate(columns)
    graph = coo_matrix((np.ones(len(row), bool), (row, column)), shape=(number, number))
    return pd.factorize(connected_components(graph, directed=False)[1])[0]


def split_by_shares(
    labels: np.ndarray, groups: np.ndarray, shares: Mapping[str, float], seed: int = 0
) -> Fold:
    """Divides clips into train and further splits.

    Args:
        labels: (N,) classes.
        groups: (N,) groups that stay together.
        shares: Share of the clips of each split but train, for instance `val` and `test`.
        seed: The same seed gives the same split.

    Raises:
        ValueError: The shares leave no train split, or there are too few groups.
    """
    check_shares(shares)
    if not all(shares.values()):
        raise ValueError(f'a split needs a share above 0, got {dict(shares)}')
    if len(set(groups)) <= len(shares):
        raise ValueError(
            f'{len(set(groups))} groups cannot fill {len(shares) + 1} splits; groups are clips '
            f'that share a recording, a scene or their bytes'
        )
    left = np.arange(len(labels))
    splits: dict[str, np.ndarray] = {}
    wanted = pd.Series(labels).value_counts(normalize=True).sort_index()
    codes = wanted.index.get_indexer(pd.Index(labels))
    for index, (name, share) in enumerate(reversed(list(shares.items()))):
        needed = len(shares) - index  # groups that the splits still to come need
        taken = _best_part(
            codes[left],
            groups[left],
            share * len(codes) / len(left),
            wanted.to_numpy(),
            needed,
            seed,
        )
        splits[name] = left[taken]
        left = np.setdiff1d(left, left[taken])
    return Fold('', {'train': left, **{name: splits[name] for name in shares}})


def check_shares(shares: Mapping[str, float]) -> None:
    """Raise ValueError unless shares are 0 or more and leave some clips for train."""
    if any(not share >= 0 for share in shares.values()) or sum(shares.values()) >= 1:
        raise ValueError(f'shares lie between 0 and 1 and leave some for train, got {dict(shares)}')


def given_split(
    labels: np.ndarray, groups: np.ndarray, splits: np.ndarray, val_share: float, seed: int = 0
) -> Fold:
    """The division that the data came with; validation is cut from its train where it has none.

    Args:
        labels: (N,) classes.
        groups: (N,) groups that stay together.
        splits: (N,) name of each clip's split.
        val_share: As in `split_into_folds`.
        seed: For the validation split.
    """
    given = {name: np.flatnonzero(splits == name) for name in dict.fromkeys(splits)}
    if 'val' in given or 'test' not in given:
        return Fold('', given)
    divisions = [('', given['train'], given['test'])]
    return _with_val(divisions, labels, groups, val_share, seed)[0]


def _best_part(
    codes: np.ndarray,
    groups: np.ndarray,
    share: float,
    wanted: np.ndarray,
    groups_to_leave: int,
    seed: int,
) -> np.ndarray:
    """The proposal that comes closest to the wanted size and mixture; positions of its clips."""
    best: tuple[float, np.ndarray] | None = None
    for part in _proposals(codes, groups, share, seed):
        if len(part) == 0 or len(set(np.delete(groups, part))) < groups_to_leave:
            continue
        cost = _cost(codes, part, share, wanted)
        if best is None or cost < best[0] - 1e-12:
            best = cost, part
    if best is None:
        raise ValueError(f'no part of about {share:.0%} can be cut from {len(set(groups))} groups')
    return np.sort(best[1])


def _proposals(
    codes: np.ndarray, groups: np.ndarray, share: float, seed: int
) -> Iterator[np.ndarray]:
    num_groups = len(set(groups))
    num_folds = min(max(2, round(1 / share)), num_groups)
    if np.bincount(codes).max() >= num_folds:
        for draw in np.random.RandomState(seed).randint(
            2**31, size=1 + _NUM_PROPOSALS // num_folds
        ):
            yield from (part for _, part in grouped_folds(num_folds, codes, groups, draw))
    # Folds all have about the same number of groups; draws may have any, which few groups need.
    size = min(max(share, 1 / num_groups), 1 - 1 / num_groups)
    draws = GroupShuffleSplit(_NUM_PROPOSALS, test_size=size, random_state=seed)
    yield from (part for _, part in draws.split(np.zeros(len(codes)), codes, groups))


def _cost(codes: np.ndarray, part: np.ndarray, share: float, wanted: np.ndarray) -> float:
    """How far a part is from the wanted size and mixture; classes missing on a side cost most."""
    inside = np.bincount(codes[part], minlength=len(wanted))
    outside = np.bincount(codes, minlength=len(wanted)) - inside
    absent = ((inside == 0) | (outside == 0)).sum()
    mixture = np.abs(inside / inside.sum() - wanted).sum() / 2
    size = abs(len(part) / len(codes) - share) / share
    return float(_ABSENT_CLASS * absent + mixture + size)


def split_into_folds(
    labels: np.ndarray,
    groups: np.ndarray,
    num_folds: int,
    val_share: float = 0.0,
    seed: int = 0,
) -> list[Fold]:
    """Cross-validation: each clip is tested in exactly one fold.

    Args:
        labels: (N,) classes.
        groups: (N,) groups that stay together.
        num_folds: How many folds.
        val_share: Share of the clips that is cut from each fold's train for validation.
        seed: The same seed gives the same folds.

    Raises:
        ValueError: There are fewer groups, or fewer clips of the largest class, than folds.
    """
    if not 2 <= num_folds <= len(set(groups)):
        raise ValueError(f'{num_folds} folds of {len(set(groups))} groups are not possible')
    divisions = grouped_folds(num_folds, labels, groups, seed)
    named = ((f'fold{index}', *division) for index, division in enumerate(divisions))
    return _with_val(named, labels, groups, val_share, seed)


def leave_one_group_out(
    labels: np.ndarray,
    groups: np.ndarray,
    names: Sequence[str],
    val_share: float = 0.0,
    seed: int = 0,
) -> list[Fold]:
    """One fold for each group: train on the others, test on it.

    Args:
        labels: (N,) classes.
        groups: (N,) groups that stay together.
        names: (G,) name of each group.
        val_share: As in `split_into_folds`.
        seed: For the validation split.
    """
    if len(set(groups)) < 2:
        raise ValueError('leave-one-group-out needs two groups at least')
    divisions = LeaveOneGroupOut().split(np.zeros(len(labels)), labels, groups)
    named = ((f'without_{names[groups[test[0]]]}', train, test) for train, test in divisions)
    return _with_val(named, labels, groups, val_share, seed)


def _with_val(
    divisions: Iterable[tuple[str, np.ndarray, np.ndarray]],
    labels: np.ndarray,
    groups: np.ndarray,
    val_share: float,
    seed: int,
) -> list[Fold]:
    """Folds of (name, train, test), with a share of each train cut off for validation."""
    folds = []
    for name, train, test in divisions:
        splits = {'train': train, 'test': test}
        if val_share:
            inner = split_by_shares(labels[train], groups[train], {'val': val_share}, seed).splits
            splits = {'train': train[inner['train']], 'val': train[inner['val']], 'test': test}
        folds.append(Fold(name, splits))
    return folds


def nested_fractions(
    labels: np.ndarray, train: np.ndarray, percents: Sequence[int], seed: int = 0
) -> dict[int, np.ndarray]:
    """Smaller train splits, each contained in the next larger one, with the classes' shares kept.

    Args:
        labels: (N,) classes of all clips.
        train: Positions of the train split.
        percents: How much of it, 1 to 100.
        seed: The same seed gives the same choice.

    Returns:
        Positions by percent, in the order of `train`; at least one clip of each class.
    """
    if not all(1 <= percent <= 100 for percent in percents):
        raise ValueError(f'fractions are given in percent, 1 to 100, got {list(percents)}')
    shuffled = np.random.default_rng(seed).permutation(train)
    rank_in_class = pd.Series(shuffled).groupby(labels[shuffled]).cumcount()
    class_size = pd.Series(labels[shuffled]).groupby(labels[shuffled]).transform('size')
    wanted = {
        percent: set(shuffled[(100 * rank_in_class < percent * class_size).to_numpy()])
        for percent in sorted(percents)
    }
    return {
        percent: np.array([position for position in train if position in chosen], dtype=int)
        for percent, chosen in wanted.items()
    }
