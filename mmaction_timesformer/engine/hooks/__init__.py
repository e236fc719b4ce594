"""Hooks of the training loop."""

from .class_counts_hook import ClassCountsHook, count_labels

__all__ = ['ClassCountsHook', 'count_labels']
