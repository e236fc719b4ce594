"""Averages of the weights of several trainings (model soups, arXiv 2203.05482).

Trainings that differ by their seed alone and start from the same weights, such as a fitted linear
model, end near each other, and the mean of their weights is often better than each of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from mmaction_timesformer.models.checkpoints import read_checkpoint
from video_clips.whole_files import written_beside

KEPT = ('state_dict', 'meta')
FITTED = 'closed_form_statistics'


def average_weights(states: Sequence[Mapping[str, Tensor]]) -> dict[str, Tensor]:
    """The mean of each weight, in float64; whole numbers and flags must be equal.

    Raises:
        ValueError: Weights of different models; the message names the first difference.
    """
    first, *others = states
    for number, other in enumerate(others, 2):
        if missing := sorted(set(first) ^ set(other)):
            raise ValueError(f'number {number} is of another model: {missing[0]} is in one of them')
        for name, value in first.items():
            if value.shape != other[name].shape:
                raise ValueError(
                    f'number {number} is of another model: {name} is {tuple(other[name].shape)}, '
                    f'not {tuple(value.shape)}'
                )
            if not value.is_floating_point() and not torch.equal(value, other[name]):
                raise ValueError(f'number {number} is of another model: {name} differs')
    return {
        name: torch.stack([state[name].double() for state in states]).mean(dim=0).to(value.dtype)
        if value.is_floating_point()
        else value
        for name, value in first.items()
    }


def average_files(sources: Sequence[str], output: Path) -> None:
    """Average checkpoints of trainings that differ by their seed alone.

    The file that is written holds what a test, an export and further training need: weights, and
    the first one's meta data and closed-form statistics.

    Raises:
        ValueError: There is one only, they are of different models, or they start from
            closed-form heads that were fitted on different clips.
        FileNotFoundError: There is no such file.
    """
    if len(sources) < 2:
        raise ValueError('an average is of two checkpoints at least')
    contents = [read_checkpoint(source) for source in sources]
    names = ', '.join(map(str, sources))
    first = contents[0]
    for content, source in zip(contents[1:], sources[1:], strict=True):
        if not _same(first.get(FITTED), content.get(FITTED)):
            raise ValueError(
                f'{source} starts from a closed-form head that was fitted on other clips than '
                f"{sources[0]}'s: averages are of trainings that start from the same one"
            )
        if (classes := _classes(first)) != _classes(content):
            raise ValueError(f'{source} has other classes than {sources[0]}: {classes}')
    try:
        state = average_weights([content['state_dict'] for content in contents])
    except ValueError as error:
        raise ValueError(f'{names}: {error}') from None
    kept = {key: first[key] for key in (*KEPT, FITTED) if key in first}
    with written_beside(output) as partial:
        torch.save(kept | dict(state_dict=state), partial)


def _classes(content: Mapping[str, Any]) -> Any:
    return ((content.get('meta') or {}).get('dataset_meta') or {}).get('classes')


def _same(one: Any, other: Any) -> bool:
    """Whether nested statistics are equal."""
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return one.keys() == other.keys() and all(_same(one[key], other[key]) for key in one)
    if isinstance(one, Tensor) and isinstance(other, Tensor):
        return torch.equal(one, other)
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        return len(one) == len(other) and all(map(_same, one, other))
    return type(one) is type(other) and bool(one == other)
