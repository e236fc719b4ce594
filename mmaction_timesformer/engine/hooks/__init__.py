"""Hooks of the training loop."""

from .class_counts_hook import ClassCountsHook, count_labels
from .epoch_seed_hook import EpochSeedHook
from .prediction_strips_hook import PredictionStripsHook
from .run_record_hook import RunRecordHook
from .temperature_hook import TemperatureHook

__all__ = [
    'ClassCountsHook',
    'EpochSeedHook',
    'PredictionStripsHook',
    'RunRecordHook',
    'TemperatureHook',
    'count_labels',
]
