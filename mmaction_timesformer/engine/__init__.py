"""What the training loop needs beyond mmengine: an optimiser constructor, an AMP choice, hooks."""

from .hooks import ClassCountsHook, EpochSeedHook, TemperatureHook
from .optimizers import AutoAmpOptimWrapper, LayerDecayOptimWrapperConstructor

__all__ = [
    'AutoAmpOptimWrapper',
    'ClassCountsHook',
    'EpochSeedHook',
    'LayerDecayOptimWrapperConstructor',
    'TemperatureHook',
]
