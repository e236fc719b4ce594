"""Recipes that are trained by gradient descent on kept features.

Legend: N clips, M clips to predict, T frames, h/w cells, C channels, F features, K classes.
"""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from einops import rearrange
from torch import Tensor, nn

from mmaction_timesformer.engine.loops.choosing import choose, fit_rows
from mmaction_timesformer.engine.optimizers import average_weights
from mmaction_timesformer.engine.optimizers.sharpness import uphill
from mmaction_timesformer.models.backbones import TimeSformerBackbone
from mmaction_timesformer.studies.recipes.task import Task, balanced_weights
from mmaction_timesformer.studies.spec import Row

DESCENT = dict(epochs=25, learning_rate=5e-4, weight_decay=0.05, batch_size=16)
TRANSFORMER = dict(
    embed_dims=96, num_heads=3, num_transformer_layers=2, attention_type='divided_space_time'
)
FLATNESS = dict(radius=0.0, trainings=1)
OPTIONS = {*DESCENT, *TRANSFORMER, *FLATNESS, 'residual', 'grid'}


def adamw(task: Task) -> np.ndarray:
    """A linear layer on the features that ridge regression takes, by AdamW."""
    torch.manual_seed(task.seed)
    features = torch.from_numpy(task.features()).float()
    train = features[task.fold.train]
    features = (features - train.mean(dim=0)) / train.std(dim=0).clamp(min=1e-6)
    model = nn.Linear(features.shape[1], task.num_classes)
    return _train(task, model, features)


def timesformer(task: Task) -> np.ndarray:
    """A small TimeSformer whose patches are the cells of the feature map, with learned positions.

    Options: those of `DESCENT` and `TRANSFORMER`; ``grid``, the cells of a side that the map is
    pooled to; ``residual``, to start from the ridge regression's answer and correct it;
    ``radius``, of sharpness-aware minimisation; ``trainings``, whose weights are averaged: they
    start from the same weights, and differ in the order of the clips.
    """
    torch.manual_seed(task.seed)
    options = {**DESCENT, **TRANSFORMER, 'residual': False, 'grid': 4, **task.row.options}
    if unknown := sorted(set(options) - OPTIONS):
        raise ValueError(f'{task.row.name}: options {unknown}; choose from {sorted(OPTIONS)}')
    maps = torch.from_numpy(task.arrays[0][f'maps{task.row.stage}'].astype(np.float32))
    num_frames, grid = maps.shape[1], options['grid']
    pooled = F.adaptive_avg_pool2d(rearrange(maps, 'n t h w c -> (n t) c h w'), grid)
    clips = rearrange(pooled, '(n t) c h w -> n c t h w', t=num_frames)
    train = clips[task.fold.train]
    mean = train.mean(dim=(0, 2, 3, 4), keepdim=True)
    clips = (clips - mean) / train.std(dim=(0, 2, 3, 4), keepdim=True).clamp(min=1e-6)
    backbone = TimeSformerBackbone(
        num_frames=num_frames,
        img_size=grid,
        patch_size=1,
        in_channels=clips.shape[1],
        drop_path_rate=0.0,
        **{name: options[name] for name in TRANSFORMER},
    )
    head = nn.Linear(options['embed_dims'], task.num_classes)
    start = None
    if options['residual']:
        nn.init.zeros_(head.weight)
        nn.init.zeros_(head.bias)
        start = _ridge_logits(task)
    return _train(task, nn.Sequential(backbone, head), clips, start)


def work_of(row: Row) -> float:
    """Passes of a row of ``timesformer``, those of a usual one counting 1."""
    options = {**FLATNESS, **row.options}
    return options['trainings'] * (2.0 if options['radius'] else 1.0)


def _ridge_logits(task: Task) -> Tensor:
    """Calibrated logits of all clips, of training clips by fits that did not see their camera.

    A fit is right on its own clips, and would leave nothing to correct.
    """
    rows = task.training_rows()
    choice = choose(rows, task.num_classes, balanced=True)
    features = task.features()
    logits = fit_rows(rows, task.num_classes, choice.strength, True).calibrated(features, choice)
    count = len(task.fold.train)
    for group in np.unique(rows.groups):
        left_out = rows.groups == group
        fit = fit_rows(rows[~left_out], task.num_classes, choice.strength, balanced=True)
        numbers = task.fold.train[left_out[:count]]
        logits[numbers] = fit.calibrated(features[numbers], choice)
    return torch.from_numpy(logits).float()


def _train(task: Task, model: nn.Module, inputs: Tensor, start: Tensor | None = None) -> np.ndarray:
    """Train on the fold and predict (M, K): AdamW, cosine, balanced classes, the last epoch."""
    options = {**FLATNESS, **task.row.options}
    begun = copy.deepcopy(model.state_dict())
    ends = []
    for number in range(options['trainings']):
        model.load_state_dict(begun)
        _descend(task, model, inputs, start, seed=task.seed + 1000 * number)
        ends.append(copy.deepcopy(model.state_dict()))
    model.load_state_dict(average_weights(ends))
    model.eval()
    test = torch.from_numpy(task.fold.test)
    with torch.inference_mode():
        logits = torch.cat([model(inputs[batch]) for batch in test.split(16)])
        if start is not None:
            logits = logits + start[test]
    return logits.softmax(dim=1).double().numpy()


def _descend(task: Task, model: nn.Module, inputs: Tensor, start: Tensor | None, seed: int) -> None:
    options: dict[str, Any] = {**DESCENT, **FLATNESS, **task.row.options}
    labels = torch.from_numpy(task.clips.labels)
    weights = torch.zeros(len(labels))
    train = torch.from_numpy(task.fold.train)
    weights[train] = torch.from_numpy(balanced_weights(task.clips.labels[task.fold.train])).float()
    steps = -(-len(train) // options['batch_size']) * options['epochs']
    optimizer = torch.optim.AdamW(
        model.parameters(),
        options['learning_rate'],
        weight_decay=options['weight_decay'],
        fused=True,
    )
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    generator = torch.Generator().manual_seed(seed)

    def backward(batch: Tensor) -> None:
        logits = model(inputs[batch])
        if start is not None:
            logits = logits + start[batch]
        losses = F.cross_entropy(logits, labels[batch], reduction='none')
        (losses * weights[batch]).mean().backward()

    model.train()
    for _ in range(options['epochs']):
        order = train[torch.randperm(len(train), generator=generator)]
        for batch in order.split(options['batch_size']):
            optimizer.zero_grad()
            backward(batch)
            if options['radius']:
                with uphill(model.parameters(), options['radius']):
                    backward(batch)
            optimizer.step()
            schedule.step()
