"""Windows of long recordings as clips to train on, labelled by what truly happened.

A model that has seen whole, centred acts alone does not know most of what a detector shows it: acts
cut in half, two after each other, and above all nothing. These windows lie as the detector's do.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from data_analysis.annotations import write_annotations
from data_analysis.clips import Clip
from data_analysis.video import open_video
from mmaction_timesformer.datasets.window_labels import Span, window_label
from mmaction_timesformer.detection.rules import SAFE_CLASS
from mmaction_timesformer.detection.truth import TrueRecording, read_truth


def cut_windows(
    name: str,
    events: Sequence[Span],
    duration_seconds: float,
    classes: Sequence[str],
    span_seconds: float,
    hop_seconds: float,
) -> Iterator[Clip]:
    """The windows of a recording that have a label.

    Args:
        name: The recording's file.
        events: What happened in it.
        duration_seconds: How long it is.
        classes: Names in index order, ``Other`` among them.
        span_seconds: Length of a window.
        hop_seconds: From one to the next.

    Raises:
        ValueError: An event's label is none of the classes.
    """
    unknown = sorted({event.label for event in events} - set(classes))
    if unknown:
        raise ValueError(f'{name} has events {unknown}; the classes are {list(classes)}')
    for start in np.arange(0.0, duration_seconds - span_seconds + 1e-6, hop_seconds).tolist():
        end = round(start + span_seconds, 3)
        label = window_label(events, start, end, SAFE_CLASS)
        if label is not None:
            yield Clip(name, classes.index(label), Path(name).stem, round(start, 3), end)


def choose_windows(
    windows: Sequence[Clip], safe_index: int, others_per_danger: float, seed: int
) -> list[Clip]:
    """Every danger, and some of the many windows in which there is none.

    Args:
        windows: Of all recordings.
        safe_index: Index of ``Other``.
        others_per_danger: How many of the others to keep for each window of a danger.
        seed: Of the choice.
    """
    others = [place for place, window in enumerate(windows) if window.label == safe_index]
    num_kept = min(len(others), round(others_per_danger * (len(windows) - len(others))))
    dropped = np.random.default_rng(seed).permutation(others)[num_kept:]
    return [windows[place] for place in sorted({*range(len(windows))} - {*dropped.tolist()})]


def write_windows(
    recordings: Path,
    truth_file: Path,
    out: Path,
    classes: Sequence[str],
    span_seconds: float,
    hop_seconds: float,
    others_per_danger: float,
    seed: int,
) -> dict[str, int]:
    """Write the windows of recordings as an annotation file.

    Args:
        recordings: Folder that the names in the truth are below.
        truth_file: As `read_truth` reads it.
        out: The CSV to write: path, label, recording, start and end.
        classes: See `cut_windows`.
        span_seconds: See `cut_windows`.
        hop_seconds: See `cut_windows`.
        others_per_danger: See `choose_windows`.
        seed: See `choose_windows`.

    Returns:
        How many windows each class has.

    Raises:
        FileNotFoundError: A file is missing.
        ValueError: The truth does not fit the classes, or there is no window of any danger.
    """
    if SAFE_CLASS not in classes:
        raise ValueError(f'the classes {list(classes)} lack {SAFE_CLASS!r}, what no danger is')
    windows = [
        window
        for name, known in read_truth(truth_file).items()
        for window in cut_windows(
            name,
            known.events,
            _duration(recordings / name, known),
            classes,
            span_seconds,
            hop_seconds,
        )
    ]
    chosen = choose_windows(windows, classes.index(SAFE_CLASS), others_per_danger, seed)
    if not chosen:
        raise ValueError(f'{truth_file}: no window of {span_seconds:g} s shows a danger')
    write_annotations(out, chosen, classes)
    labels = [window.label for window in chosen]
    return {name: labels.count(index) for index, name in enumerate(classes)}


def _duration(file: Path, known: TrueRecording) -> float:
    """How long a recording is, by the truth or by its frames."""
    if known.duration_seconds is not None:
        return known.duration_seconds
    video = open_video(str(file))
    try:
        return float(video.seconds[-1])
    finally:
        video.close()
