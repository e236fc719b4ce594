"""The one door to mmaction2's registries.

Everything here registers into mmaction2's own registries, so that a config refers to a class by its
name and mmaction2's tools find it. No name that mmaction2 has taken is used, and nothing is forced.
"""

from mmaction.registry import (
    DATA_SAMPLERS,
    DATASETS,
    HOOKS,
    LOOPS,
    METRICS,
    MODELS,
    OPTIM_WRAPPER_CONSTRUCTORS,
    OPTIM_WRAPPERS,
    PARAM_SCHEDULERS,
    RUNNERS,
    TASK_UTILS,
    TRANSFORMS,
    VISUALIZERS,
)
from mmengine.registry import Registry

ATTENTION_SCHEMES = Registry('attention scheme', scope='mmaction')
"""Schemes that ``attention_type`` can name; a sixth one registers here."""

PATCH_EMBEDS = Registry('patch embedding', scope='mmaction')
"""Modules that the ``patch_embed`` of a backbone can name."""

__all__ = [
    'ATTENTION_SCHEMES',
    'DATASETS',
    'DATA_SAMPLERS',
    'HOOKS',
    'LOOPS',
    'METRICS',
    'MODELS',
    'OPTIM_WRAPPERS',
    'OPTIM_WRAPPER_CONSTRUCTORS',
    'PARAM_SCHEDULERS',
    'PATCH_EMBEDS',
    'RUNNERS',
    'TASK_UTILS',
    'TRANSFORMS',
    'VISUALIZERS',
]
