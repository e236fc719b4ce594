"""One model for several rates and numbers of frames, beside models for one each.

On clips of ``tools/make_demo_dataset.py --seconds 8 --fps 4``: 32 frames over 8 seconds, decoded
once and kept in memory. Clips are split by recording. Every model is the same tiny one with rotary
positions in seconds, trained for as many steps; the shared one also for as much computation as the
four that it replaces take together.

Legend: N clips, T frames, H/W pixels.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmaction.structures import ActionDataSample
from mmengine.logging import MMLogger
from mmengine.registry import init_default_scope
from torch import Tensor

from benchmarks.record import Record, table
from mmaction_timesformer.models import MotionDataPreprocessor
from mmaction_timesformer.models.recognizers.rates_recognizer import (
    RatesRecognizer,
    fit_view_weights,
)
from mmaction_timesformer.registry import MODELS
from video_clips.reading.video import open_video

CLASSES = ('Track-Excavator', 'Bucket-Worker', 'Cabin-Worker', 'Other')
NUM_DENSE, SIZE = 32, (48, 64)
FRAME_SECONDS = 0.25
WHOLE = {4: (4, 8), 8: (8, 4), 16: (16, 2), 32: (32, 1)}
WINDOWS = ((8, 1), (8, 2), (8, 4))
EPOCHS, LONGER, BATCH, RATE = 10, 16, 16, 3e-3
SHARED = {'shared': EPOCHS, 'shared, longer': LONGER}
ONE_PATHWAY = dict(
    type='TimeSformerBackbone', img_size=SIZE, patch_size=16, embed_dims=32, num_heads=2,
    num_transformer_layers=2, drop_path_rate=0.0, pos_embed='rotary', pos_init_std=1.0,
    frame_seconds=FRAME_SECONDS,
)  # fmt: skip
# Eight frames beside all 32, which get half the channels.
_PATHWAY = {name: value for name, value in ONE_PATHWAY.items() if name != 'type'}
TWO_PATHWAYS = dict(
    type='TwoRatesBackbone',
    slow=_PATHWAY,
    fast={**_PATHWAY, 'embed_dims': 16},
    slow_every=4,
    exchange_every=1,
)
APART = {**{f'{frames} frames': frames for frames in WHOLE}, 'two pathways, 8 and 32 frames': 32}
# Of the steps: until when, every how many frames, what share of the size.
SHAPES = ((0.4, 2, 2 / 3), (0.7, 1, 2 / 3), (1.0, 1, 1.0))


def read_clips(root: Path) -> dict[str, tuple[Tensor, Tensor]]:
    """Clips (N, 1, 3, T, H, W) of motion, half precision, and classes (N,), by split."""
    parts: dict[str, tuple[list[Tensor], list[int]]] = {
        name: ([], []) for name in ('train', 'val', 'test')
    }
    motion = MotionDataPreprocessor()
    for label, name in enumerate(CLASSES):
        for path in sorted((root / 'videos' / name).glob('*.mp4')):
            recording = int(path.name[3:6])
            clips, labels = parts[('val', 'test', 'train', 'train', 'train')[recording % 5]]
            clips.append(motion.motion(read_frames(path))[None].half())
            labels.append(label)
    return {
        name: (torch.stack(clips), torch.tensor(labels)) for name, (clips, labels) in parts.items()
    }


def read_frames(path: Path) -> Tensor:
    """(3, T, H, W) over the whole clip, area-averaged."""
    video = open_video(str(path), num_threads=1)
    try:
        times = np.linspace(0, len(video.seconds), NUM_DENSE, endpoint=False).astype(int)
        pictures = {number: picture.copy() for number, picture in video.pictures(times)}
    finally:
        video.close()
    frames = torch.from_numpy(np.stack([pictures[number] for number in times.tolist()]))
    frames = frames.permute(0, 3, 1, 2).float()
    return torch.nn.functional.interpolate(frames, SIZE, mode='area').transpose(0, 1)


def build(
    seed: int, backbone: dict[str, Any] = ONE_PATHWAY, in_channels: int = 32, **options: Any
) -> RatesRecognizer:
    """The tiny model."""
    init_default_scope('mmaction')
    torch.manual_seed(seed)
    head = dict(type='TimeSformerClsHead', num_classes=len(CLASSES), in_channels=in_channels)
    model = MODELS.build(dict(type='RatesRecognizer', backbone=backbone, cls_head=head, **options))
    model.init_weights()
    return model


def train(
    model: RatesRecognizer,
    clips: Tensor,
    labels: Tensor,
    seed: int,
    shapes: Sequence[tuple[float, int, float]] = (),
    epochs: int = EPOCHS,
) -> float:
    """Train a model; gives the CPU seconds it took."""
    torch.manual_seed(seed)
    num_steps = epochs * (len(clips) // BATCH)
    optimizer = torch.optim.AdamW(model.parameters(), lr=RATE, weight_decay=0.05)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, num_steps, pct_start=0.15)
    model.train()
    started = time.process_time()
    for step, chosen in enumerate(_batches(len(clips), seed, epochs)):
        model.train_shape = next(
            ((every, share) for until, every, share in shapes if step < until * num_steps),
            (1, 1.0),
        )
        samples = [ActionDataSample().set_gt_label(label) for label in labels[chosen]]
        losses = model.loss(clips[chosen].float(), samples)
        optimizer.zero_grad()
        torch.stack([value for name, value in losses.items() if 'loss' in name]).sum().backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
    return time.process_time() - started


def _batches(num_clips: int, seed: int, epochs: int) -> Iterator[Tensor]:
    generator = torch.Generator().manual_seed(seed)
    for _ in range(epochs):
        order = torch.randperm(num_clips, generator=generator)
        yield from order[: num_clips // BATCH * BATCH].split(BATCH)


@torch.no_grad()
def logits_of(model: RatesRecognizer, clips: Tensor) -> Tensor:
    """Logits (N, V, K) of every test view."""
    model.eval()
    return torch.cat([model.view_logits(some.float()) for some in clips.split(64)])


def accuracy(logits: Tensor, labels: Tensor) -> float:
    """Of logits (N, K)."""
    return round(float((logits.argmax(dim=1) == labels).double().mean()), 4)


Work = Callable[[], dict[str, Any]]


def works(data: dict[str, tuple[Tensor, Tensor]], seed: int) -> Iterator[tuple[str, Work]]:
    """The models of a seed, the shared ones first, by name; a call trains and tests one."""
    for name, epochs in SHARED.items():
        yield name, partial(train_shared, data, seed, epochs)
    for name, num_frames in APART.items():
        yield name, partial(_apart, data, seed, num_frames, two_pathways='two' in name)
    yield '16 frames, varying shapes', partial(_apart, data, seed, 16, SHAPES)


def train_shared(data: dict[str, tuple[Tensor, Tensor]], seed: int, epochs: int) -> dict[str, Any]:
    """Train one model on all views; accuracy of each on validation and test clips, and averaged."""
    views = [*WHOLE.values(), *(view for view in WINDOWS if view not in WHOLE.values())]
    model = build(seed, train_views=views, test_views=views)
    seconds = train(model, *data['train'], seed, epochs=epochs)
    found = {part: logits_of(model, data[part][0]) for part in ('val', 'test')}
    by_view = {
        part: {str(v): accuracy(x[:, i], data[part][1]) for i, v in enumerate(views)}
        for part, x in found.items()
    }
    window = [views.index(view) for view in WINDOWS]
    weights = fit_view_weights(found['val'][:, window], data['val'][1])
    averaged = torch.einsum('v,nvk->nk', weights, found['test'][:, window])
    score = accuracy(averaged, data['test'][1])
    return dict(seconds=seconds, **by_view, weights=weights.tolist(), averaged=score)


def _apart(
    data: dict[str, tuple[Tensor, Tensor]],
    seed: int,
    num_frames: int,
    shapes: Sequence[tuple[float, int, float]] = (),
    two_pathways: bool = False,
) -> dict[str, Any]:
    view = WHOLE[num_frames]
    pathways = (TWO_PATHWAYS, 32 + 16) if two_pathways else (ONE_PATHWAY, 32)
    model = build(seed, *pathways, train_views=[view], test_views=[view])
    seconds = train(model, *data['train'], seed, shapes)
    logits = logits_of(model, data['test'][0])[:, 0]
    return dict(seconds=seconds, test=accuracy(logits, data['test'][1]))


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this part's arguments."""
    parser.add_argument('root', type=Path, help='folder that tools/make_demo_dataset.py made')
    parser.add_argument('--seeds', type=int, default=3)
    parser.add_argument('--resume', action='store_true', help='keep what ROOT/rates.json holds')


def run(options: argparse.Namespace) -> None:
    """Train and test all models, one after the other, and write the record.

    Results are in ``ROOT/rates.json`` as soon as a model is done.
    """
    MMLogger.get_instance('mmengine').setLevel('WARNING')
    data = _data(options.root)
    file = options.root / 'rates.json'
    results = json.loads(file.read_text()) if options.resume and file.is_file() else []
    done = {name_of(result) for result in results}
    for seed in range(options.seeds):
        for name, work in works(data, seed):
            if (seed, name) in done:
                continue
            results.append(dict(seed=seed, name=name, **work()))
            file.write_text(json.dumps(results, indent=1) + '\n')
            print(results[-1], flush=True)
    settings = dict(
        clips={part: len(labels) for part, (_, labels) in data.items()}, seeds=options.seeds,
        epochs=EPOCHS, epochs_longer=LONGER, batch=BATCH, learning_rate=RATE, pixels=SIZE,
        windows=WINDOWS, shapes=SHAPES,
    )  # fmt: skip
    Record('rates', 'Several rates, one model', settings, results, tables(results)).write(
        options.out
    )


def _data(root: Path) -> dict[str, tuple[Tensor, Tensor]]:
    cache = root / 'motion.pt'
    if not cache.is_file():
        torch.save(read_clips(root), cache)
    return torch.load(cache, weights_only=True)


def name_of(result: dict[str, Any]) -> tuple[int, str]:
    """Seed and model that a result is of."""
    return result['seed'], result['name']


def tables(results: Sequence[dict[str, Any]]) -> list[str]:
    """The record's tables, means over the seeds that have run."""
    by_name: dict[str, list[dict[str, Any]]] = {}
    for result in results:
        by_name.setdefault(result['name'], []).append(result)

    def mean(name: str, value: Callable[[dict[str, Any]], float]) -> str:
        values = [value(result) for result in by_name.get(name, ())]
        return f'{sum(values) / len(values):.3f} ({len(values)})' if values else '-'

    def seconds(name: str) -> str:
        return mean(name, lambda result: result['seconds'])

    lines = table(
        ('Frames over 8 s', 'One model for all', 'Trained longer', 'Trained for this number'),
        [
            (
                frames,
                *(mean(name, partial(_test_of_view, view=view)) for name in SHARED),
                mean(f'{frames} frames', _test),
            )
            for frames, view in WHOLE.items()
        ],
    )
    windows = [
        (
            name,
            mean(name, lambda result: result['test'][best_window(result)]),
            mean(name, lambda result: result['averaged']),
        )
        for name in SHARED
    ]
    lines += table(
        ('Windows of 2, 4 and 8 s, 8 frames each', 'Best on validation', 'All three averaged'),
        windows,
    )
    apart = (*APART, '16 frames, varying shapes')
    rows = [(name, '', seconds(name)) for name in SHARED]
    rows += [(name, mean(name, _test), seconds(name)) for name in apart]
    return lines + table(('Training', 'Top-1 (seeds)', 'CPU seconds'), rows)


def _test_of_view(result: dict[str, Any], view: tuple[int, int]) -> float:
    return result['test'][str(view)]


def _test(result: dict[str, Any]) -> float:
    return result['test']


def best_window(result: dict[str, Any]) -> str:
    """The window that is best on validation clips."""
    return max((str(view) for view in WINDOWS), key=lambda view: result['val'][view])
