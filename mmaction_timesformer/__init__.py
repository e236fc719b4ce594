"""TimeSformer (arXiv 2102.05095) for mmaction2, with all five of the paper's attention schemes.

Importing this package registers everything it holds. In a config, one line does it::

    custom_imports = dict(imports=['mmaction_timesformer'], allow_failed_imports=False)
"""

from mmaction_timesformer import compat

compat.apply()

from mmaction_timesformer import (  # noqa: E402
    datasets,
    engine,
    evaluation,
    explanation,
    models,
)
from mmaction_timesformer.version import __version__  # noqa: E402

compat.turn_hue_both_ways()

__all__ = ['__version__', 'datasets', 'engine', 'evaluation', 'explanation', 'models']
