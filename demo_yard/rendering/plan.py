"""Which clips a demo set has: their classes, acts, recordings and lengths."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from demo_yard.acting.acts import LABELS, OTHER, choose_act

CLASS_SHARES: dict[str, int] = {
    'Track-Excavator': 352,
    'Bucket-Worker': 468,
    'Cabin-Worker': 320,
    'Other': 504,
}
"""Clips of each class in the real railway-yard set."""
SPLIT_SHARES: dict[str, float] = {'train': 0.7, 'val': 0.1, 'test': 0.2}
LENGTH_SPREAD = 0.15
"""Clips are up to this share shorter or longer than asked for, whatever their class."""
WINDOW, MIRROR_WINDOW = 'window', 'mirror window'
"""In place of an act: whatever untrimmed time shows, cut anywhere, or where a danger is undone."""
WINDOW_SHARES: dict[str, int] = {
    'Track-Excavator': 1,
    'Bucket-Worker': 2,
    'Cabin-Worker': 2,
    'Other': 2,
    MIRROR_WINDOW: 3,
}
"""Windows of each class; the class of those where a danger is undone is `Other`."""


@dataclass(frozen=True)
class ClipPlan:
    """A clip to render.

    Args:
        label: Its class.
        act: A key of `acts.ACTS`, `WINDOW` or `MIRROR_WINDOW`.
        recording: Index of the recording that it comes from.
        clip: Index within the recording.
        seconds: Its length.
    """

    label: str
    act: str
    recording: int
    clip: int
    seconds: float

    @property
    def recording_name(self) -> str:
        """As in file names and annotations."""
        return recording_name(self.recording)

    @property
    def path(self) -> str:
        """File name below the folder of all videos."""
        kind = 'window' if self.act in (WINDOW, MIRROR_WINDOW) else 'clip'
        return f'{self.label}/{self.recording_name}_{kind}{self.clip:02d}.mp4'


def recording_name(index: int) -> str:
    """The name of a recording, by its index."""
    return f'rec{index:03d}'


def class_counts(num_clips: int, shares: Mapping[str, int] = CLASS_SHARES) -> dict[str, int]:
    """Distribute `num_clips` by `shares`, rounding by the largest remainders."""
    total = sum(shares.values())
    exact = {label: num_clips * share / total for label, share in shares.items()}
    counts = {label: int(value) for label, value in exact.items()}
    by_remainder = sorted(exact, key=lambda label: counts[label] - exact[label])
    for label in by_remainder[: num_clips - sum(counts.values())]:
        counts[label] += 1
    return counts


def plan_clips(
    num_clips: int, clips_per_recording: float, seconds: float, seed: int
) -> list[ClipPlan]:
    """Plan a set: every class in every recording by its share, as far as the counts go.

    Args:
        num_clips: Clips in all.
        clips_per_recording: How many come from one recording, on average.
        seconds: Mean length of a clip.
        seed: Of the set.

    Raises:
        ValueError: There are too few clips for each class, or too few recordings for the splits.
    """
    num_recordings = round(num_clips / clips_per_recording) if clips_per_recording > 0 else 0
    if num_clips < len(LABELS) or num_recordings < len(SPLIT_SHARES):
        raise ValueError(
            f'{num_clips} clips, {clips_per_recording:g} from one recording, are too few: a set '
            f'needs {len(LABELS)} clips and {len(SPLIT_SHARES)} recordings or more'
        )
    rng = np.random.default_rng([seed, 1])
    dealt: list[list[str]] = [[] for _ in range(num_recordings)]
    order = rng.permutation(num_recordings)
    labels = [label for label, count in class_counts(num_clips).items() for _ in range(count)]
    for position, label in enumerate(labels):
        dealt[order[position % num_recordings]].append(label)
    plans = []
    for recording, hand in enumerate(dealt):
        for clip, index in enumerate(rng.permutation(len(hand))):
            length = seconds * rng.uniform(1 - LENGTH_SPREAD, 1 + LENGTH_SPREAD)
            act = choose_act(rng, hand[index])
            plans.append(ClipPlan(hand[index], act, recording, clip, float(length)))
    return plans


def plan_windows(
    num_windows: int, clips: Sequence[ClipPlan], seconds: float, seed: int
) -> list[ClipPlan]:
    """Plan windows of untrimmed time in the recordings that are for training.

    Args:
        num_windows: How many.
        clips: The clips of the set.
        seconds: Mean length of a window.
        seed: Of the set.
    """
    if not num_windows:
        return []
    rng = np.random.default_rng([seed, 3])
    recordings = split_recordings(1 + max(plan.recording for plan in clips), seed)['train']
    next_clip = Counter(plan.recording for plan in clips)
    counts = class_counts(num_windows, WINDOW_SHARES)
    labels = [label for label, count in counts.items() for _ in range(count)]
    plans = []
    for position, index in enumerate(rng.permutation(num_windows)):
        recording = recordings[position % len(recordings)]
        length = seconds * rng.uniform(1 - LENGTH_SPREAD, 1 + LENGTH_SPREAD)
        clip, label, act = next_clip[recording], labels[index], WINDOW
        if label == MIRROR_WINDOW:
            label, act = OTHER, MIRROR_WINDOW
        plans.append(ClipPlan(label, act, recording, clip, float(length)))
        next_clip[recording] += 1
    return plans


def split_recordings(num_recordings: int, seed: int) -> dict[str, list[int]]:
    """Deal recordings to train, val and test; each gets one at least."""
    order = np.random.default_rng([seed, 2]).permutation(num_recordings).tolist()
    num_val = max(1, round(SPLIT_SHARES['val'] * num_recordings))
    num_test = max(1, round(SPLIT_SHARES['test'] * num_recordings))
    return {
        'val': sorted(order[:num_val]),
        'test': sorted(order[num_val : num_val + num_test]),
        'train': sorted(order[num_val + num_test :]),
    }
