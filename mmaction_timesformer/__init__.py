"""TimeSformer (arXiv 2102.05095) for mmaction2, with all five of the paper's attention schemes.

Importing this package registers everything it holds. In a config, one line does it::

    custom_imports = dict(imports=['mmaction_timesformer'], allow_failed_imports=False)

A trained model is used without any of that::

    from mmaction_timesformer import predict

    for name, probability in predict('clip.mp4', 'work_dirs/run/best.pth').items():
        print(f'{name}: {probability:.1%}')
"""

import sys
import warnings
from importlib import import_module
from typing import TYPE_CHECKING, Any

from video_clips.commands import set_up_process

# ``python -m mmaction_timesformer`` imports this package before its __main__, the commands' door,
# and with it torch, which reads how its threads wait. Whoever imports the package chooses that.
if sys.argv[:1] == ['-m']:
    set_up_process()

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

from mmaction_timesformer.version import __version__  # noqa: E402

if TYPE_CHECKING:
    from mmaction_timesformer.inference.prediction import build_model, predict
    from mmaction_timesformer.inference.trained_model import TrainedModel

compat.turn_hue_both_ways()

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
