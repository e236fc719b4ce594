"""Fitting weights to a backbone or head of another size, another attention scheme, other classes.

Everything here has own names; the result has a value for every parameter that can have one, and
the outcome of each.

Legend: D channels of the model, C channels of a frame, p/q rows and columns of a patch.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

import torch
import torch.nn.functional as F
from torch import Tensor

from mmaction_timesformer.models.checkpoints.names import StateDict
from mmaction_timesformer.models.checkpoints.report import Fate, LoadReport, Outcome
from mmaction_timesformer.models.layers import resize_pos_embed, resize_time_embed

# A head's calibration, which is in its weights only once it is calibrated (heads/temperature.py).
TEMPERATURE = 'temperature.value'
# Likewise, what makes it less certain of clips unlike those of training (heads/novelty.py).
CALIBRATION = {TEMPERATURE, 'novelty.doubt', 'novelty.mean', 'novelty.precision'}

_STEP = re.compile(r'(?P<block>blocks\.\d+\.steps\.)(?P<step>\w+)\.(?P<part>.+)')


class Backbone(Protocol):
    """A TimeSformer as far as its weights are concerned.

    Attributes:
        embed_dims: D.
        pos_grid: Rows and columns of patches that ``pos_embed`` has entries for.
        loads_any_weights: Set by ``accept_any_weights``.
        load_report: Report of the last load, ``None`` before the first.
    """

    embed_dims: int
    pos_grid: tuple[int, int]
    loads_any_weights: bool
    load_report: LoadReport | None

    def state_dict(self) -> dict[str, Tensor]:
        """Parameters by own names, without ``backbone.``."""


@dataclass
class Fitted:
    """Values for parameters, what became of each, and which of the source's were of use."""

    values: dict[str, Tensor] = field(default_factory=dict)
    outcomes: dict[str, Outcome] = field(default_factory=dict)
    used: set[str] = field(default_factory=set)

    def take(self, name: str, value: Tensor, source: str, fate: Fate, detail: str = '') -> None:
        """Give a parameter a value of the source's."""
        self.values[name] = value
        self.outcomes[name] = Outcome(fate, detail)
        self.used.add(source)

    def zero(self, name: str, like: Tensor) -> None:
        """Start a parameter at zero."""
        self.values[name] = torch.zeros_like(like)
        self.outcomes[name] = Outcome(Fate.REINITIALISED, 'at zero')

    def leave(self, name: str, detail: str = '') -> None:
        """Leave a parameter as it was initialised."""
        self.outcomes[name] = Outcome(Fate.REINITIALISED, detail)


def fit_backbone(source: StateDict, backbone: Backbone, prefer_square: bool) -> Fitted:
    """Fit weights to a backbone.

    Steps that the source lacks start as copies of its base step with their extra linear layer at
    zero, so that the network starts as the one it came from (paper, Sec. 4). Frames that the source
    has no positions for start without any.

    Args:
        source: Own names, without ``backbone.``.
        backbone: The model.
        prefer_square: Whether positions that could be a square grid are one.

    Raises:
        ValueError: The source has another width or is no network of images.
    """
    _check_width(source, backbone.embed_dims)
    fitted = Fitted()
    targets = backbone.state_dict()
    steps = _source_steps(targets, source)
    is_network = any(name.startswith('blocks.') for name in source)
    for name, target in targets.items():
        source_name, copied = _source_name(name, steps)
        if source_name in source:
            value, detail = _fit_size(name, source[source_name], target, backbone, prefer_square)
            if value.shape != target.shape:
                leave = f'{tuple(source[source_name].shape)} does not fit {tuple(target.shape)}'
                fitted.leave(name, leave)
                continue
            fate = Fate.RESIZED if detail else Fate.COPIED if copied else Fate.MATCHED
            fitted.take(name, value, source_name, fate, detail or (copied and f'from {copied}'))
        elif is_network and (name == 'time_embed' or (copied and '.fc.' in name)):
            fitted.zero(name, target)
        else:
            fitted.leave(name)
    return fitted


def fit_classifier(
    source: StateDict, targets: StateDict, class_map: Mapping[int, int] | None = None
) -> Fitted:
    """Fit a head's parameters.

    Args:
        source: Parameters of the source's head.
        targets: Parameters of the model's head, of the same names where they correspond.
        class_map: Class of the model to class of the source, where they differ.

    Raises:
        ValueError: The class map names a class that is not there, or there are no classes.
    """
    if class_map is not None and not any('fc_cls.' in name for name in source):
        raise ValueError('class_map has nothing to pick from: there is no classifier of clips')
    fitted = Fitted()
    same_layers = set(source) - CALIBRATION == set(targets) - CALIBRATION
    for name, target in targets.items():
        value = source.get(name)
        if value is None or not same_layers or value.shape[1:] != target.shape[1:]:
            fitted.leave(name, 'other layers' if source else '')
        elif class_map is not None and '.fc_cls.' in f'.{name}':
            _pick_rows(fitted, name, value, target, class_map)
        elif len(value) != len(target):
            fitted.leave(name, f'{len(value)} classes -> {len(target)}')
        else:
            fitted.take(name, value, name, Fate.MATCHED)
    if len(fitted.values) == len(targets):
        for name in sorted(CALIBRATION & set(source) - set(targets)):
            fitted.take(name, source[name], name, Fate.MATCHED)
    return fitted


def _pick_rows(
    fitted: Fitted, name: str, value: Tensor, target: Tensor, class_map: Mapping[int, int]
) -> None:
    for wanted, given in class_map.items():
        if not (0 <= wanted < len(target) and 0 <= given < len(value)):
            raise ValueError(
                f'class_map has {wanted}: {given}, but the model has classes 0..{len(target) - 1} '
                f'and the weights 0..{len(value) - 1}'
            )
    rows = target.clone()
    rows[list(class_map)] = value[list(class_map.values())].to(rows)
    complete = len(class_map) == len(target)
    fate = Fate.COPIED if complete else Fate.REINITIALISED
    fitted.take(name, rows, name, fate, f'{len(class_map)} of {len(target)} classes by class_map')


def _check_width(source: StateDict, embed_dims: int) -> None:
    for name in ('norm.weight', 'blocks.0.mlp.norm.weight'):
        if name in source and len(source[name]) != embed_dims:
            raise ValueError(
                f'the weights have embed_dims={len(source[name])}, the model {embed_dims}; build '
                "it with the weights' own, as arch='tiny' (192), 'small' (384), 'base' (768) or "
                "'large' (1024) does"
            )


def _source_steps(targets: Iterable[str], source: Iterable[str]) -> dict[str, tuple[str, bool]]:
    """Which step of the source each step of the model takes, and whether as a copy."""
    target_base, target_steps = _steps(targets)
    source_base, source_steps = _steps(source)
    if source_base is None:
        return {step: (step, False) for step in target_steps}
    own = target_steps & source_steps - {target_base}
    return {
        step: (step, False) if step in own else (source_base, step != target_base)
        for step in target_steps
    }


def _steps(names: Iterable[str]) -> tuple[str | None, set[str]]:
    """The base step, which is the one without an extra linear layer, and all steps."""
    parts = [match.groupdict() for name in names if (match := _STEP.fullmatch(name))]
    steps = {part['step'] for part in parts}
    extra = {part['step'] for part in parts if part['part'].startswith('fc.')}
    return next(iter(sorted(steps - extra)), None), steps


def _source_name(name: str, steps: Mapping[str, tuple[str, bool]]) -> tuple[str, str]:
    """The source's name for a parameter and, where it is a copy, the step it is copied from."""
    match = _STEP.fullmatch(name)
    if match is None:
        return name, ''
    step, copied = steps[match['step']]
    return f'{match["block"]}{step}.{match["part"]}', step if copied else ''


def _fit_size(
    name: str, value: Tensor, target: Tensor, backbone: Backbone, prefer_square: bool
) -> tuple[Tensor, str]:
    """A value in the target's size, and what was changed."""
    # Positions of every patch of a clip, 'joint', fit as they are or not at all.
    if name == 'pos_embed' and target.shape[1] == 1 + math.prod(backbone.pos_grid):
        new = backbone.pos_grid
        old = guess_grid(value.shape[1] - 1, new, prefer_square)
        change = '' if old == new else f'{old[0]}x{old[1]} -> {new[0]}x{new[1]}'
        return resize_pos_embed(value, old, new), change
    if name == 'time_embed':
        num_frames = target.shape[1]
        change = '' if value.shape == target.shape else f'{value.shape[1]} -> {num_frames} frames'
        return resize_time_embed(value, num_frames), change
    is_linear = target.dim() == 4 and target.shape[2:] != (1, 1)
    if name == 'patch_embed.projection.weight' and value.shape != target.shape and is_linear:
        if value.dim() != 4:
            raise ValueError(
                f'a patch embedding of shape {tuple(value.shape)} is not one of images, '
                '(channels of the model, channels of a frame, rows, columns)'
            )
        rows, columns = target.shape[2:]
        resized = resize_patch_kernel(adapt_channels(value, target.shape[1]), (rows, columns))
        return resized, f'{tuple(value.shape[1:])} -> {tuple(target.shape[1:])}'
    return value, ''


def resize_patch_kernel(kernel: Tensor, size: tuple[int, int]) -> Tensor:
    """Resize the kernel of a patch embedding by the pseudo-inverse of resizing patches.

    If R resizes a patch, the new kernel is the one whose products with resized patches come closest
    to the old kernel's with the originals, and equal them where R enlarges (FlexiViT, arXiv
    2212.08013, Sec. 3.4). Interpolating the kernel itself would change the tokens' magnitude.

    Args:
        kernel: (D, C, p, q).
        size: (p', q') wanted.

    Returns:
        (D, C, p', q').
    """
    rows, columns = kernel.shape[2:]
    if (rows, columns) == size:
        return kernel
    pixels = torch.eye(rows * columns).view(rows * columns, 1, rows, columns)
    resized = F.interpolate(pixels, size=size, mode='bilinear', antialias=True).flatten(1)
    new = kernel.flatten(2).double() @ torch.linalg.pinv(resized.double()).T
    return new.unflatten(2, size).to(kernel.dtype)


def adapt_channels(kernel: Tensor, num_channels: int) -> Tensor:
    """Give the kernel of a patch embedding another number of input channels.

    To fewer channels, or from a single one, every channel gets an equal share of the sum: a grey
    frame then gives the tokens of its RGB copy. To more channels, the new ones start at zero: the
    model starts as it was and learns what depth or infrared add.

    Args:
        kernel: (D, C, p, q).
        num_channels: C' wanted.

    Returns:
        (D, C', p, q).
    """
    source = kernel.shape[1]
    if source == num_channels:
        return kernel
    if num_channels < source or source == 1:
        share = kernel.sum(dim=1, keepdim=True) / num_channels
        return share.expand(-1, num_channels, -1, -1).contiguous()
    return F.pad(kernel, (0, 0, 0, 0, 0, num_channels - source))


def guess_grid(num_patches: int, target: tuple[int, int], prefer_square: bool) -> tuple[int, int]:
    """The grid that a number of positions stands for: nothing in the weights tells.

    Args:
        num_patches: Positions, the class token's left out.
        target: (h, w) of the model, which the source's grid resembles where it is not square.
        prefer_square: Whether a square grid is likelier than the model's own, as in public weights.

    Raises:
        ValueError: No square and no grid of the target's aspect ratio has this many patches.
    """
    side = math.isqrt(num_patches)
    square = side * side == num_patches
    if num_patches == target[0] * target[1] and not (square and prefer_square):
        return target
    if square:
        return side, side
    scale = math.sqrt(num_patches / (target[0] * target[1]))
    rows, columns = round(target[0] * scale), round(target[1] * scale)
    if rows * columns == num_patches:
        return rows, columns
    raise ValueError(
        f'{num_patches} positions are neither a square grid nor one with the aspect ratio of '
        f"the model's {target[0]}x{target[1]} patches; build the model with the img_size of the "
        'weights, or with the same ratio of height to width'
    )
