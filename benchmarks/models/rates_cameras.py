"""Averaged windows of several lengths beside the best one, on cameras that training never saw.

The tiny model of `rates` on clips of real cameras: 32 frames over the whole clip, whatever its
length. Each camera of many clips is left out in turn; the weights of the windows, and which window
is best, are chosen on another one.
"""

from __future__ import annotations

import argparse
import csv
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import torch
from mmengine.logging import MMLogger
from torch import Tensor

from benchmarks.models.rates import (
    CLASSES,
    LONGER,
    WINDOWS,
    best_window,
    read_frames,
    train_shared,
)
from benchmarks.record import Record, table
from mmaction_timesformer.models import MotionDataPreprocessor

FEWEST = 50
"""Clips of a camera that is left out."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this part's arguments."""
    parser.add_argument('root', type=Path, help='folder of the clips')
    parser.add_argument('clips', type=Path, help='CSV with filename, label and camera')
    parser.add_argument('--seeds', type=int, default=3)


def run(options: argparse.Namespace) -> None:
    """Train and test a model for each camera and seed, and write the record."""
    MMLogger.get_instance('mmengine').setLevel('WARNING')
    with options.clips.open(newline='', encoding='utf-8') as file:
        rows = list(csv.DictReader(file))
    labels = sorted({row['label'] for row in rows})
    if len(labels) != len(CLASSES):
        raise ValueError(f'{options.clips}: {len(labels)} classes; the model has {len(CLASSES)}')
    motion = MotionDataPreprocessor()
    clips = torch.stack(
        [motion.motion(read_frames(options.root / row['filename']))[None].half() for row in rows]
    )
    classes = torch.tensor([labels.index(row['label']) for row in rows])
    results = []
    for camera, data in folds([row['camera'] for row in rows], clips, classes):
        for seed in range(options.seeds):
            results.append(dict(camera=camera, seed=seed, **train_shared(data, seed, LONGER)))
            print(results[-1], flush=True)
    Record(
        'rates_cameras',
        'Averaged windows on cameras that training never saw',
        dict(seeds=options.seeds, epochs=LONGER, clips=len(rows), windows=WINDOWS),
        results,
        tables(results),
    ).write(options.out)


def folds(
    cameras: Sequence[str], clips: Tensor, classes: Tensor
) -> Iterator[tuple[str, dict[str, tuple[Tensor, Tensor]]]]:
    """Each large camera for the test, the next large one for validation, the others to train on."""
    large = sorted(name for name, count in Counter(cameras).items() if count >= FEWEST)
    if len(large) < 2:
        raise ValueError(f'two cameras of {FEWEST} clips are needed; there are {len(large)}')
    for number, test in enumerate(large):
        val = large[(number + 1) % len(large)]
        part = [{test: 'test', val: 'val'}.get(name, 'train') for name in cameras]
        yield (
            test,
            {
                name: (clips[chosen], classes[chosen])
                for name in ('train', 'val', 'test')
                for chosen in [torch.tensor([one == name for one in part])]
            },
        )


def tables(results: Sequence[dict[str, Any]]) -> list[str]:
    """Means over the seeds, camera by camera."""
    rows = []
    for camera in dict.fromkeys(result['camera'] for result in results):
        of_camera = [result for result in results if result['camera'] == camera]
        best = [result['test'][best_window(result)] for result in of_camera]
        averaged = [result['averaged'] for result in of_camera]
        rows.append((camera, *(f'{sum(x) / len(x):.3f}' for x in (best, averaged)), len(best)))
    return table(('Camera', 'Best window on validation', 'All three averaged', 'Seeds'), rows)
