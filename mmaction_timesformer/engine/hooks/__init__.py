"""Hooks of the training loop."""

from .class_counts_hook import ClassCountsHook, count_labels
from .epoch_seed_hook import EpochSeedHook

__all__ = ['ClassCountsHook', 'EpochSeedHook', 'count_labels']
