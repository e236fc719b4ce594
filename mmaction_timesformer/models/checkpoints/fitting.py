"""Fitting weights of any known format to a whole model: names, sizes, and a report."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from torch import Tensor, nn

from mmaction_timesformer.models.checkpoints.fitting_parts import (
    Backbone,
    Fitted,
    fit_backbone,
    fit_classifier,
)
from mmaction_timesformer.models.checkpoints.formats import OWN, WeightFormat, recognise
from mmaction_timesformer.models.checkpoints.names import StateDict
from mmaction_timesformer.models.checkpoints.public_weights import find_public_weights
from mmaction_timesformer.models.checkpoints.report import Fate, LoadReport

_HEAD = 'cls_head.'


def fit(
    model: nn.Module,
    state_dict: Mapping[str, Any],
    metadata: Mapping[str, Any] | None = None,
    class_map: Mapping[int, int] | None = None,
) -> tuple[dict[str, Tensor], LoadReport]:
    """Convert and fit weights to a model, which is left alone.

    Args:
        model: A recognizer or a ``TimeSformerBackbone``.
        state_dict: Parameters of any known format.
        metadata: What is known of them: ``source``, ``preprocessing``.
        class_map: Class of the model to class of the weights.

    Returns:
        Values for parameters of the model, and the fate of every parameter.

    Raises:
        ValueError: No parameter of the model is in the weights, or they do not fit.
    """
    metadata = metadata or {}
    source = str(metadata.get('source', ''))
    name, backbone = find_backbone(model)
    targets = model.state_dict()
    tensors = {key: value for key, value in state_dict.items() if isinstance(value, Tensor)}
    weight_format, weights = _convert(tensors, targets, name, source)

    inside = f'{name}.' if name else ''
    bare = {key[len(inside) :]: value for key, value in weights.items() if key.startswith(inside)}
    try:
        backbone_fit = fit_backbone(bare, backbone, prefer_square=weight_format is not OWN)
        head_fit = fit_classifier(below(weights, _HEAD), below(targets, _HEAD), class_map)
    except ValueError as error:
        raise ValueError(f'{source or "the weights"} ({weight_format.name}): {error}') from error
    rest = _fit_rest(weights, targets, {f'{inside}{key}' for key in backbone.state_dict()})
    fitted = _gather((inside, backbone_fit), (_HEAD, head_fit), ('', rest))
    if not fitted.used:
        raise _nothing_matches(source, state_dict, targets)
    public = find_public_weights(source)
    report = LoadReport(
        source,
        weight_format.name,
        {key: fitted.outcomes[key] for key in targets},
        tuple(key for key in weights if key not in fitted.used),
        metadata.get('preprocessing')
        or (public.preprocessing if public else weight_format.preprocessing),
    )
    return fitted.values, report


def _convert(
    tensors: StateDict, targets: StateDict, backbone_name: str, source: str
) -> tuple[WeightFormat, StateDict]:
    """Weights under the names they have in this model."""
    weight_format = recognise(tensors)
    if weight_format is None:
        if not tensors.keys() & targets.keys():
            raise _nothing_matches(source, tensors, targets)
        return OWN, tensors
    inside = f'{backbone_name}.' if backbone_name else ''
    if weight_format is OWN and inside and any(name.startswith(inside) for name in tensors):
        return OWN, tensors
    ours = weight_format.to_ours(tensors)
    return weight_format, {
        inside + name.removeprefix('backbone.') if name.startswith('backbone.') else name: value
        for name, value in ours.items()
    }


def _nothing_matches(
    source: str, weights: Mapping[str, Any], targets: Mapping[str, Any]
) -> ValueError:
    return ValueError(
        f'no parameter of {source or "the weights"} matches the model: there is '
        f'{list(weights)[:5]}, the model has {list(targets)[:5]}'
    )


def _fit_rest(weights: StateDict, targets: StateDict, done: set[str]) -> Fitted:
    """Necks and the like: parameters of the same name and shape."""
    fitted = Fitted()
    for name, target in targets.items():
        if name in done or name.startswith(_HEAD):
            continue
        if name in weights and weights[name].shape == target.shape:
            fitted.take(name, weights[name], name, Fate.MATCHED)
        else:
            fitted.leave(name)
    return fitted


def _gather(*parts: tuple[str, Fitted]) -> Fitted:
    """Put parts of a model together, each under its own name."""
    whole = Fitted()
    for inside, part in parts:
        whole.values.update({inside + name: value for name, value in part.values.items()})
        whole.outcomes.update({inside + name: value for name, value in part.outcomes.items()})
        whole.used.update(inside + name for name in part.used)
    return whole


def below(state_dict: StateDict, inside: str) -> dict[str, Tensor]:
    """The parameters whose names start so, without that start."""
    return {
        name.removeprefix(inside): value
        for name, value in state_dict.items()
        if name.startswith(inside)
    }


def find_backbone(model: nn.Module) -> tuple[str, Backbone]:
    """The backbone and its name in a model, the empty one where it is the model.

    Raises:
        ValueError: There is none, or more than one.
    """
    candidates = [('', model), *model.named_children()]
    found = [(name, part) for name, part in candidates if is_backbone(part)]
    if len(found) != 1:
        raise ValueError(
            f'{type(model).__name__} holds {len(found)} TimeSformerBackbones, not one; load the '
            "weights of each by its own init_cfg=dict(type='Pretrained', checkpoint=...)"
        )
    return cast('tuple[str, Backbone]', found[0])


def is_backbone(module: nn.Module | None) -> bool:
    """Whether a module is a backbone that loads any weights."""
    return getattr(module, 'loads_any_weights', False)
