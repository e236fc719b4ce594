"""Optimiser set-up."""

from mmaction_timesformer.engine.optimizers.auto_amp import AutoAmpOptimWrapper, best_amp_dtype
from mmaction_timesformer.engine.optimizers.layer_decay import LayerDecayOptimWrapperConstructor
from mmaction_timesformer.engine.optimizers.sharpness import SharpnessAwareOptimWrapper
from mmaction_timesformer.engine.optimizers.weight_averages import (
    average_files,
    average_weights,
)

__all__ = [
    'AutoAmpOptimWrapper',
    'LayerDecayOptimWrapperConstructor',
    'SharpnessAwareOptimWrapper',
    'average_files',
    'average_weights',
    'best_amp_dtype',
]
