"""The load hook: whatever a loader hands to a TimeSformer arrives converted and fitted.

A state dict enters a model at its root, and every child gets the part under its own name. Foreign
weights have other names, so they must be converted where they enter: at the backbone, or at the
recognizer that holds it. Each has a load-state-dict pre-hook of its own, so ``load_from``,
``init_cfg``, ``pretrained``, ``load_state_dict`` and mmaction2's own functions all pass here.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from functools import wraps
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary, ref

from mmaction.models.recognizers import BaseRecognizer
from mmengine.logging import print_log
from mmengine.model import is_model_wrapper
from torch import nn

from mmaction_timesformer.models.checkpoints.fitting import (
    below,
    find_backbone,
    fit,
    is_backbone,
)
from mmaction_timesformer.models.checkpoints.formats import OWN
from mmaction_timesformer.models.checkpoints.guards import check_contents
from mmaction_timesformer.models.checkpoints.names import StateDict
from mmaction_timesformer.models.checkpoints.public_weights import agree, read_preprocessing
from mmaction_timesformer.models.checkpoints.reading import read_checkpoint, unwrap
from mmaction_timesformer.models.checkpoints.report import Fate, LoadReport, Outcome

_RECOGNIZERS: WeakKeyDictionary[nn.Module, ref[nn.Module]] = WeakKeyDictionary()
"""Backbone to the recognizer that holds it, whose preprocessor its weights are compared with."""


def load_weights(
    model: nn.Module,
    source: str | Path | Mapping[str, Any],
    strict: bool = False,
    class_map: Mapping[int, int] | None = None,
) -> LoadReport:
    """Load weights of any known format into a model with a TimeSformer, or into the backbone.

    Args:
        model: A recognizer, another module with one TimeSformer in it, or the backbone.
        source: File, directory or URL, or the contents of such a file.
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
    check_contents(checkpoint, state_dict)
    metadata = getattr(state_dict, '_metadata', {}).get('', {})
    values, report = fit(model, state_dict, metadata, class_map)
    if strict:
        report.check_complete()
    model.load_state_dict({**model.state_dict(), **values})
    _announce(model, report)
    return report


def accept_any_weights(backbone: Any) -> None:
    """Make a backbone, and a recognizer that is built with it, load weights of any known format."""
    backbone.loads_any_weights = True
    backbone.is_in_recognizer = False
    backbone.load_report = None
    backbone.register_load_state_dict_pre_hook(_convert_and_fit)


def _hook_recognizers() -> None:
    """Let each of mmaction2's recognizers hook itself where its backbone is a TimeSformer.

    The backbone cannot do it: weights under foreign names never reach it, and it does not know the
    model that it is put into.
    """
    build = BaseRecognizer.__init__
    if hasattr(build, '__wrapped__'):
        return

    @wraps(build)
    def build_and_hook(self: Any, *args: Any, **kwargs: Any) -> None:
        build(self, *args, **kwargs)
        if is_backbone(self.backbone):
            self.backbone.is_in_recognizer = True
            _RECOGNIZERS[self.backbone] = ref(self)
            self.register_load_state_dict_pre_hook(_convert_and_fit)

    BaseRecognizer.__init__ = build_and_hook


_hook_recognizers()


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
    if prefix and getattr(module, 'is_in_recognizer', False):
        return  # Its recognizer has done this already.
    arrived = below(state_dict, prefix)
    if prefix and not arrived:
        if is_backbone(module):
            print_log(
                f'nothing has arrived for the backbone under {prefix}: load foreign weights, or '
                'those of a whole model, by mmaction_timesformer.models.checkpoints.load_weights',
                logger='current',
                level=logging.WARNING,
            )
        return
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
    """Tell whether weights are this model's own: resuming changes nothing and logs nothing."""
    return arrived.keys() == targets.keys() and all(
        getattr(arrived[name], 'shape', None) == target.shape for name, target in targets.items()
    )


def _keep(backbone: Any, report: LoadReport) -> None:
    backbone.load_report = report


def _announce(model: nn.Module, report: LoadReport) -> None:
    """Keep the report, log it, and compare the preprocessing."""
    _, backbone = find_backbone(model)
    assert isinstance(backbone, nn.Module)
    _keep(backbone, report)
    print_log(report.summary(), logger='current')
    print_log(report.table(), logger='current', level=logging.DEBUG)
    owner = _RECOGNIZERS.get(backbone, lambda: None)() or model
    actual = read_preprocessing(getattr(owner, 'data_preprocessor', None))
    if report.preprocessing and actual and not agree(report.preprocessing, actual):
        print_log(
            f'{report.source or "the weights"} ({report.weight_format}) were trained with '
            f'{report.preprocessing}, but the data_preprocessor gives {actual}: expect worse '
            'accuracy unless that is meant',
            logger='current',
            level=logging.WARNING,
        )
