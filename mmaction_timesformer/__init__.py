"""TimeSformer (arXiv 2102.05095) for mmaction2, with all five of the paper's attention schemes.

Importing this package registers everything it holds. In a config, one line does it::

    custom_imports = dict(imports=['mmaction_timesformer'], allow_failed_imports=False)

A trained model is used without any of that::

    from mmaction_timesformer import predict

    for name, probability in predict('clip.mp4', 'work_dirs/run/best.pth').items():
        print(f'{name}: {probability:.1%}')
"""

import gc
import sys
import warnings
from importlib import import_module
from typing import TYPE_CHECKING, Any

from mmaction_timesformer.version import __version__

# `python -m mmaction_timesformer` imports this package before the commands' door, which needs
# nothing of it. The subcommand imports it again, and whole.
if sys.argv[:1] != ['-m']:
    # Of all that is imported nothing is garbage; looking for it again and again takes a second.
    _collects_garbage = gc.isenabled()
    gc.disable()
    try:
        from mmaction_timesformer import compat

        compat.apply()

        with warnings.catch_warnings():
            # mmcv-lite has no such operator, and nothing here needs it.
            warnings.filterwarnings('ignore', 'Fail to import ``MultiScaleDeformableAttention``')
            from mmaction_timesformer import (
                datasets,
                engine,
                evaluation,
                explanation,
                models,
            )

        compat.turn_hue_both_ways()
    finally:
        if _collects_garbage:
            gc.enable()

if TYPE_CHECKING:
    from mmaction_timesformer.inference.prediction import build_model, predict
    from mmaction_timesformer.inference.trained_model import TrainedModel

__all__ = [
    'TrainedModel',
    '__version__',
    'build_model',
    'datasets',
    'engine',
    'evaluation',
    'explanation',
    'models',
    'predict',
]

_LAZY = {
    'TrainedModel': 'mmaction_timesformer.inference.trained_model',
    'build_model': 'mmaction_timesformer.inference.prediction',
    'predict': 'mmaction_timesformer.inference.prediction',
}


def __getattr__(name: str) -> Any:
    """Import on first use what training does not need."""
    if name in _LAZY:
        return getattr(import_module(_LAZY[name]), name)
    raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
