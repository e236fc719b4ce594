"""Checks of a backbone's arguments; a wrong one is refused with those that would fit."""

from __future__ import annotations

import inspect
from typing import Any

from mmaction_timesformer.models.layers import StepOptions
from mmaction_timesformer.registry import ATTENTION_SCHEMES


def check_choice(argument: str, value: object, choices: tuple[str, ...]) -> None:
    """Refuse a name that is not among the choices."""
    if value not in choices:
        raise ValueError(f'{argument}={value!r} is unknown; choose from {sorted(choices)}')


def check_counts(**counts: int | tuple[int, int]) -> None:
    """Refuse a number, or a pair of numbers, below 1."""
    for argument, count in counts.items():
        if min(count if isinstance(count, tuple) else (count,)) < 1:
            raise ValueError(f'{argument}={count} is too small; it must be at least 1')


def scheme_config(attention_type: str | dict) -> dict[str, Any]:
    """An attention type as a dict of a registered ``type`` and options that this one takes."""
    config = attention_type if isinstance(attention_type, dict) else dict(type=attention_type)
    name = config.get('type')
    check_choice('attention_type', name, tuple(ATTENTION_SCHEMES.module_dict))
    options = [
        parameter.name
        for parameter in inspect.signature(ATTENTION_SCHEMES.get(name)).parameters.values()
        if parameter.kind is not parameter.VAR_KEYWORD
        and parameter.name not in StepOptions.__annotations__
    ]
    of_backbone = sorted(set(config) & set(StepOptions.__annotations__))
    if of_backbone:
        raise ValueError(f'{of_backbone} are arguments of the backbone, not of attention_type')
    unknown = sorted(set(config) - {'type', *options})
    if unknown:
        raise ValueError(
            f'attention_type has {unknown}, but {name} takes {", ".join(options) or "none"}'
        )
    return config


def patch_grid(img_size: tuple[int, int], patch_size: tuple[int, int]) -> tuple[int, int]:
    """Rows and columns of patches in a frame; one that does not divide into them is refused."""
    rows, columns = (pixels // patch for pixels, patch in zip(img_size, patch_size, strict=True))
    if img_size != (rows * patch_size[0], columns * patch_size[1]):
        raise ValueError(
            f'img_size={img_size} does not divide into patches of {patch_size}; '
            f'{(max(rows, 1) * patch_size[0], max(columns, 1) * patch_size[1])} would'
        )
    return rows, columns
