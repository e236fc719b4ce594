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
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary, ref

from mmengine.logging import print_log
from mmengine.model import is_model_wrapper
from torch import nn
from torch.nn.modules.module import register_module_module_registration_hook

from .fitting import below, find_backbone, fit, is_backbone
from .formats import OWN
from .names import StateDict
from .preprocessing import agree, read_preprocessing
from .reading import read_checkpoint, unwrap
from .report import Fate, LoadReport, Outcome

if TYPE_CHECKING:
    from ..backbones import TimeSformerBackbone

_OWNERS: WeakKeyDictionary[nn.Module, ref[nn.Module]] = WeakKeyDictionary()
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


def _adopt(owner: nn.Module, name: str, part: nn.Module | None) -> None:
    """Give the model that a backbone is put into the backbone's load hook."""
    if name == '_orig_mod':
        return  # torch.compile's wrapper passes on every attribute to what it is about to hold.
    if part is not None and is_backbone(part):
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
    arrived = below(state_dict, prefix)
    if prefix and (is_backbone(module) or not arrived):
        return  # The backbone's owner has been here already, or the weights are of other parts.
    if not prefix:
        arrived = dict(unwrap(arrived))
    targets = module.state_dict()
    if _same(arrived, targets):
        outcomes = dict.fromkeys(targets, Outcome(Fate.MATCHED))
        report = LoadReport(str(local_metadata.get('source', '')), OWN.name, outcomes)
        for part in filter(is_backbone, (module, *module.children())):
            _keep(part, report)
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


def _keep(backbone: Any, report: LoadReport) -> None:
    backbone.load_report = report


def _announce(model: nn.Module, report: LoadReport) -> None:
    """Keep the report, log it, and compare the preprocessing."""
    _, backbone = find_backbone(model)
    _keep(backbone, report)
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
