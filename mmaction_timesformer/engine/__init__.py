"""Parts of the training loop beyond mmengine: an optimiser constructor, an AMP choice, hooks."""

from mmaction_timesformer.engine.hooks import ClassCountsHook, EpochSeedHook, TemperatureHook
from mmaction_timesformer.engine.loops import ClosedFormTrainLoop
from mmaction_timesformer.engine.optimizers import (
    AutoAmpOptimWrapper,
    LayerDecayOptimWrapperConstructor,
)

__all__ = [
    'AutoAmpOptimWrapper',
    'ClassCountsHook',
    'ClosedFormTrainLoop',
    'EpochSeedHook',
    'LayerDecayOptimWrapperConstructor',
    'TemperatureHook',
]
