"""Features of the clips of a config's splits, as the last linear layer reads them.

Legend: N clips, V views of a clip, D channels, K classes, T frames.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmengine.registry import init_default_scope
from PIL import Image
from torch import Tensor
from torch.utils.data import DataLoader, Subset

from mmaction_timesformer.inference.trained_model import TrainedModel, test_dataset
from mmaction_timesformer.registry import DATASETS

SPLITS = ('train', 'val', 'test')
STRIP_FRAMES, STRIP_HEIGHT = 4, 72


@dataclass(frozen=True)
class ClipFeatures:
    """Clips as points.

    Attributes:
        features: (N, D), what the last linear layer reads, averaged over views.
        scores: (N, K) probabilities.
        clips: N facts: ``split``, ``file``, ``recording`` and ``labels`` (class indices).
        strips: N pictures, a few frames in a row, as the model saw them.
    """

    features: np.ndarray
    scores: np.ndarray
    clips: list[dict[str, Any]]
    strips: list[Image.Image]


def collect_features(
    trained: TrainedModel,
    splits: Sequence[str],
    max_clips: int,
    batch_size: int = 8,
    num_workers: int = 0,
) -> ClipFeatures:
    """Run the model over clips of some splits, all through the test pipeline.

    Args:
        trained: The model; its head must end in a linear layer ``fc_cls``, as those of mmaction2
            and this project do.
        splits: Of ``train``, ``val`` and ``test``.
        max_clips: Clips of all splits together, at most; taken evenly from each. A clip that is in
            several splits counts for the first of them.
        batch_size: Clips at once.
        num_workers: Processes that decode; 0 decodes in this one.

    Raises:
        ValueError: The config lacks a split, no clips are found, or the head has no ``fc_cls``.
        VideoError: A clip cannot be decoded.
    """
    layer = getattr(trained.model.cls_head, 'fc_cls', None)
    if layer is None:
        raise ValueError(f'{type(trained.model.cls_head).__name__} has no linear layer fc_cls')
    read: list[Tensor] = []
    handle = layer.register_forward_pre_hook(lambda module, args: read.append(args[0].detach()))
    features, scores, clips, strips = [], [], [], []
    try:
        for split, info, data in _clips(trained.config, splits, max_clips, batch_size, num_workers):
            read.clear()
            with torch.no_grad():
                samples = trained.model.test_step(data)
            of_views = torch.cat(read).flatten(1).float().cpu()
            features.append(of_views.unflatten(0, (len(samples), -1)).mean(dim=1))
            scores += [sample.pred_score.float().cpu() for sample in samples]
            clips += [_facts(split, one) for one in info]
            strips += [_strip(views) for views in data['inputs']]
    finally:
        handle.remove()
    if not clips:
        raise ValueError(f'the splits {list(splits)} hold no clips')
    return ClipFeatures(torch.cat(features).numpy(), torch.stack(scores).numpy(), clips, strips)


def _clips(
    config: Config, splits: Sequence[str], max_clips: int, batch_size: int, num_workers: int
) -> Iterator[tuple[str, list[Mapping[str, Any]], dict[str, Any]]]:
    """Batches of each split: its name, the annotations, and the loaded data."""
    init_default_scope(config.get('default_scope', 'mmaction'))
    datasets = {split: _dataset(config, split) for split in splits}
    new_rows = _new_rows(datasets)
    total = sum(map(len, new_rows.values()))
    for split, dataset in datasets.items():
        new = new_rows[split]
        share = len(new) if total <= max_clips else max_clips * len(new) // total
        rows = [new[place] for place in np.linspace(0, len(new) - 1, share).round().astype(int)]
        loader = DataLoader(
            Subset(dataset, rows),
            batch_size=batch_size,
            num_workers=num_workers,
            collate_fn=pseudo_collate,
        )
        for number, data in enumerate(loader):
            batch = rows[number * batch_size : (number + 1) * batch_size]
            yield split, [dataset.get_data_info(row) for row in batch], data


def _new_rows(datasets: Mapping[str, Any]) -> dict[str, list[int]]:
    """Clips by split, each once: where val and test are one list, a clip is its own neighbour."""
    taken = set()
    rows: dict[str, list[int]] = {split: [] for split in datasets}
    for split, dataset in datasets.items():
        for row in range(len(dataset)):
            info = dataset.get_data_info(row)
            clip = (_file(info), info.get('start_seconds'), info.get('end_seconds'))
            if clip not in taken:
                taken.add(clip)
                rows[split].append(row)
    return rows


def _file(info: Mapping[str, Any]) -> str:
    return str(info.get('filename') or info.get('frame_dir'))


def _dataset(config: Config, split: str) -> Any:
    """A split's clips through the test pipeline, inside whatever wraps them in training."""
    if split not in SPLITS:
        raise ValueError(f'{split!r} is no split; choose from {list(SPLITS)}')
    dataset = (config.get(f'{split}_dataloader') or {}).get('dataset')
    while dataset is not None and 'pipeline' not in dataset and 'dataset' in dataset:
        dataset = dataset['dataset']
    if dataset is None:
        raise ValueError(f'the config has no {split}_dataloader.dataset')
    pipeline = test_dataset(config)['pipeline']
    return DATASETS.build(dataset.to_dict() | dict(pipeline=pipeline, test_mode=True))


def _facts(split: str, info: Mapping[str, Any]) -> dict[str, Any]:
    label = info.get('label', -1)
    if isinstance(label, Tensor | np.ndarray):
        labels = np.flatnonzero(np.asarray(label)).tolist()
    else:
        labels = [int(one) for one in np.atleast_1d(label) if one >= 0]
    return {
        'split': split,
        'file': _file(info),
        'recording': None if info.get('recording') is None else str(info['recording']),
        'labels': labels,
    }


def _strip(views: Tensor) -> Image.Image:
    """Frames of a clip's middle view (V, channels, T, H, W) in a row."""
    frames = views[len(views) // 2].permute(1, 2, 3, 0).float().numpy()
    chosen = frames[np.linspace(0, len(frames) - 1, STRIP_FRAMES).round().astype(int)]
    if views.is_floating_point():
        chosen = 255 * (chosen - chosen.min()) / max(float(np.ptp(chosen)), 1e-6)
    row = np.concatenate(list(chosen.clip(0, 255).astype(np.uint8)), axis=1)
    width = round(row.shape[1] * STRIP_HEIGHT / row.shape[0])
    return Image.fromarray(row).resize((width, STRIP_HEIGHT), Image.Resampling.LANCZOS)
