"""Clips of a config's training, validation or test videos, as a model is shown them.

Legend: B clips, T frames, H/W pixels.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope
from torch import Tensor

from mmaction_timesformer.registry import DATASETS


def read_clips(
    config: Config,
    split: str,
    pipeline: str = 'val_pipeline',
    count: int | None = None,
    batch_size: int = 8,
    seed: int = 0,
) -> Iterator[tuple[Tensor, Tensor]]:
    """Clips of a split, prepared without augmentation.

    Args:
        config: With ``SPLIT_dataloader.dataset`` and the pipeline.
        split: ``train``, ``val`` or ``test``.
        pipeline: Which pipeline of the config prepares them; the first view of each counts.
        count: How many, drawn at random; None for all, in order.
        batch_size: Clips of a batch.
        seed: Of the draw.

    Yields:
        Clips (B, 3, T, H, W) uint8 and labels (B,).

    Raises:
        ValueError: The config has no such split.
    """
    init_default_scope(config.get('default_scope', 'mmaction'))
    description = (config.get(f'{split}_dataloader') or {}).get('dataset')
    while description is not None and 'ann_file' not in description and 'dataset' in description:
        description = description['dataset']
    if description is None:
        raise ValueError(f'the config has no {split}_dataloader.dataset to take clips from')
    dataset = DATASETS.build({**description, 'pipeline': config[pipeline], 'test_mode': True})
    order = np.arange(len(dataset))
    if count is not None:
        order = np.random.default_rng(seed).permutation(order)[:count]
    for start in range(0, len(order), batch_size):
        samples = [dataset[int(number)] for number in order[start : start + batch_size]]
        clips = torch.stack([sample['inputs'][0] for sample in samples])
        labels = torch.cat([sample['data_samples'].gt_label for sample in samples])
        yield clips, labels
