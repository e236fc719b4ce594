"""What the training loop needs beyond mmengine: an optimiser constructor, an AMP choice, a hook."""

from .hooks import ClassCountsHook
from .optimizers import AutoAmpOptimWrapper, LayerDecayOptimWrapperConstructor

__all__ = ['AutoAmpOptimWrapper', 'ClassCountsHook', 'LayerDecayOptimWrapperConstructor']
