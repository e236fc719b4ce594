"""Backbones, heads and what they are made of."""

from .attention_schemes import AttentionScheme
from .backbones import TimeSformerBackbone

__all__ = ['AttentionScheme', 'TimeSformerBackbone']
