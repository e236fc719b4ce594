"""The load hook: whatever a loader hands to a TimeSformer arrives converted and fitted.

A state dict enters a model at its root, and every child gets the part under its own name. Foreign
weights have other names, so they must be converted where they enter: at the backbone, or at the
model that holds it. Both get the same hook; PyTorch tells when a backbone is put into a model.
``load_from``, ``init_cfg``, ``pretrained``, ``load_state_dict`` and mmaction2's own functions all
pass here.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast
from weakref import WeakKeyDictionary, ref

from mmengine.logging import print_log
from mmengine.model import is_model_wrapper
from torch import Tensor, nn
from torch.nn.modules.module import register_module_module_registration_hook

from .families import find_public_weights
from .fitting import Fitted, fit_backbone, fit_classifier
from .formats import OWN, WeightFormat, recognise
from .names import StateDict
from .preprocessing import agree, read_preprocessing
from .reading import read_checkpoint, unwrap
from .report import Fate, LoadReport

if TYPE_CHECKING:
    from ..backbones import TimeSformerBackbone

_OWNERS: WeakKeyDictionary[nn.Module, ref[nn.Module]] = WeakKeyDictionary()
_HEAD = 'cls_head.'
_CONVERTS = '_converts_weights'


def load_weights(
    model: nn.Module,
    source: str | Path | Mapping[str, Any],
    strict: bool = False,
    class_map: Mapping[int, int] | None = None,
) -> LoadReport:
    """Load weights of any known format into a model with a TimeSformer, or into the backbone.

    Args:
        model: A recognizer or a ``TimeSformerBackbone``.
        source: File, directory or URL, or what such a file holds.
        strict: Whether to refuse weights that leave a parameter re-initialised or unused.
        class_map: Class of the model to class of the weights, to keep those rows of the classifier.

    Returns:
        The fate of every parameter; ``backbone.load_report`` is the same.

    Raises:
        ValueError: The weights are damaged, of an unknown format, do not fit, or with ``strict``
            fit in parts. The model is unchanged.
        FileNotFoundError: There is no such file.
    """
    model = getattr(model, 'module', model) if is_model_wrapper(model) else model
    checkpoint = source if isinstance(source, Mapping) else read_checkpoint(source)
    state_dict = unwrap(checkpoint)
    metadata = getattr(state_dict, '_metadata', {}).get('', {})
    values, report = fit(model, state_dict, metadata, class_map)
    if strict:
        report.check_complete()
    model.load_state_dict({**model.state_dict(), **values})
    _announce(model, report)
    return report


def accept_any_weights(backbone: TimeSformerBackbone) -> None:
    """Make a backbone, and every model it is put into, load weights of any known format."""
    backbone.loads_any_weights = True
    backbone.load_report = None
    backbone.register_load_state_dict_pre_hook(_convert_and_fit)


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
    name, backbone = _find_backbone(model)
    targets = model.state_dict()
    tensors = {key: value for key, value in state_dict.items() if isinstance(value, Tensor)}
    weight_format, weights = _convert(tensors, targets, name, source)

    inside = f'{name}.' if name else ''
    bare = {key[len(inside) :]: value for key, value in weights.items() if key.startswith(inside)}
    try:
        backbone_fit = fit_backbone(bare, backbone, prefer_square=weight_format is not OWN)
        head_fit = fit_classifier(_below(weights, _HEAD), _below(targets, _HEAD), class_map)
    except ValueError as error:
        raise ValueError(f'{source or "the weights"} ({weight_format.name}): {error}') from error
    rest = _fit_rest(weights, targets, {f'{inside}{key}' for key in backbone.state_dict()})
    fitted = _gather((inside, backbone_fit), (_HEAD, head_fit), ('', rest))

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
            raise ValueError(
                f'no parameter of {source or "the weights"} matches the model: it has '
                f'{list(tensors)[:5]}, the model {list(targets)[:5]}'
            )
        return OWN, tensors
    inside = f'{backbone_name}.' if backbone_name else ''
    if weight_format is OWN and inside and any(name.startswith(inside) for name in tensors):
        return OWN, tensors
    ours = weight_format.to_ours(tensors)
    return weight_format, {
        inside + name.removeprefix('backbone.') if name.startswith('backbone.') else name: value
        for name, value in ours.items()
    }


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


def _below(state_dict: StateDict, inside: str) -> dict[str, Tensor]:
    """The parameters whose names start so, without that start."""
    return {
        name.removeprefix(inside): value
        for name, value in state_dict.items()
        if name.startswith(inside)
    }


def _find_backbone(model: nn.Module) -> tuple[str, TimeSformerBackbone]:
    """The backbone and its name in the model; the empty one where it is the model."""
    candidates = [('', model), *model.named_children()]
    found = [(name, part) for name, part in candidates if _is_backbone(part)]
    if len(found) != 1:
        raise ValueError(
            f'{type(model).__name__} holds {len(found)} TimeSformerBackbones, not one; load the '
            "weights of each by its own init_cfg=dict(type='Pretrained', checkpoint=...)"
        )
    return cast('tuple[str, TimeSformerBackbone]', found[0])


def _is_backbone(module: nn.Module | None) -> bool:
    return getattr(module, 'loads_any_weights', False)


def _adopt(owner: nn.Module, name: str, part: nn.Module | None) -> None:
    """Give the model that a backbone is put into the backbone's load hook."""
    if part is not None and _is_backbone(part):
        _OWNERS[part] = ref(owner)
        if not getattr(owner, _CONVERTS, False):
            setattr(owner, _CONVERTS, True)
            owner.register_load_state_dict_pre_hook(_convert_and_fit)


register_module_module_registration_hook(_adopt)


def _convert_and_fit(
    module: nn.Module,
    state_dict: dict[str, Any],
    prefix: str,
    local_metadata: Mapping[str, Any],
    strict: bool,
    missing_keys: list[str],
    unexpected_keys: list[str],
    error_msgs: list[str],
) -> None:
    """Replace what a loader brings by what the module can take, before it is taken.

    What is re-initialised or unused counts as missing or unexpected, so that a loader's own
    ``strict`` means what it says.
    """
    arrived = _below(state_dict, prefix)
    if prefix and (_is_backbone(module) or not arrived):
        return  # The backbone's owner has been here already, or the weights are of other parts.
    if not prefix:
        arrived = dict(unwrap(arrived))
    targets = module.state_dict()
    if _same(arrived, targets):
        return
    values, report = fit(module, arrived, local_metadata)
    for name in [name for name in state_dict if name.startswith(prefix)]:
        del state_dict[name]
    state_dict.update({prefix + name: value for name, value in values.items()})
    missing_keys.extend(prefix + name for name in report.reinitialised if name in values)
    unexpected_keys.extend(prefix + name for name in report.unused)
    _announce(module, report)


def _same(arrived: Mapping[str, Any], targets: StateDict) -> bool:
    """Whether weights are this model's own: resuming changes nothing and says nothing."""
    return arrived.keys() == targets.keys() and all(
        getattr(arrived[name], 'shape', None) == target.shape for name, target in targets.items()
    )


def _announce(model: nn.Module, report: LoadReport) -> None:
    """Keep the report, log it, and compare the preprocessing."""
    _, backbone = _find_backbone(model)
    backbone.load_report = report
    print_log(report.summary(), logger='current')
    print_log(report.table(), logger='current', level=logging.DEBUG)
    owner = _OWNERS.get(backbone, lambda: None)() or model
    actual = read_preprocessing(getattr(owner, 'data_preprocessor', None))
    if report.preprocessing and actual and not agree(report.preprocessing, actual):
        print_log(
            f'{report.source or "the weights"} ({report.weight_format}) were trained with '
            f'{report.preprocessing}, but the data_preprocessor gives {actual}: expect worse '
            'accuracy unless that is meant',
            logger='current',
            level=logging.WARNING,
        )
