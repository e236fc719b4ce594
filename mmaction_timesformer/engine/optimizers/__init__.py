"""Optimiser set-up."""

from .auto_amp import AutoAmpOptimWrapper, best_amp_dtype
from .layer_decay import LayerDecayOptimWrapperConstructor

__all__ = ['AutoAmpOptimWrapper', 'LayerDecayOptimWrapperConstructor', 'best_amp_dtype']
