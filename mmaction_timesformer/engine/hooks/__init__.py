"""Hooks of the training loop."""

from mmaction_timesformer.engine.hooks.class_counts_hook import ClassCountsHook, count_labels
from mmaction_timesformer.engine.hooks.epoch_seed_hook import EpochSeedHook
from mmaction_timesformer.engine.hooks.preprocessing_hook import PreprocessingHook
from mmaction_timesformer.engine.hooks.progress_hook import ProgressHook
from mmaction_timesformer.engine.hooks.run_record_hook import RunRecordHook
from mmaction_timesformer.engine.hooks.temperature_hook import TemperatureHook
from mmaction_timesformer.engine.hooks.varying_shapes_hook import VaryingShapesHook
from mmaction_timesformer.engine.hooks.whole_checkpoint_hook import (
    WholeCheckpointHook,
    newest_whole_checkpoint,
)

__all__ = [
    'ClassCountsHook',
    'EpochSeedHook',
    'PreprocessingHook',
    'ProgressHook',
    'RunRecordHook',
    'TemperatureHook',
    'VaryingShapesHook',
    'WholeCheckpointHook',
    'count_labels',
    'newest_whole_checkpoint',
]
