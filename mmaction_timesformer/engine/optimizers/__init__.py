"""Optimiser set-up."""

from mmaction_timesformer.engine.optimizers.auto_amp import AutoAmpOptimWrapper, best_amp_dtype
from mmaction_timesformer.engine.optimizers.layer_decay import LayerDecayOptimWrapperConstructor

__all__ = ['AutoAmpOptimWrapper', 'LayerDecayOptimWrapperConstructor', 'best_amp_dtype']
