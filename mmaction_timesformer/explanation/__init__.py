"""Attention made visible: recorded attention, relevance maps, and their pictures."""

from mmaction_timesformer.explanation.attention_maps import (
    AttentionPiece,
    attention_of_token,
    attention_pieces,
    dense_attention,
)
from mmaction_timesformer.explanation.attention_recorder import (
    AttentionRecorder,
    RecordedStep,
    Recording,
)
from mmaction_timesformer.explanation.faithfulness import FaithfulnessCurves, faithfulness_curves
from mmaction_timesformer.explanation.prediction_strips_hook import PredictionStripsHook
from mmaction_timesformer.explanation.rollout import (
    attention_rollout,
    class_relevance,
    frame_importance,
)

__all__ = [
    'AttentionPiece',
    'AttentionRecorder',
    'FaithfulnessCurves',
    'PredictionStripsHook',
    'RecordedStep',
    'Recording',
    'attention_of_token',
    'attention_pieces',
    'attention_rollout',
    'class_relevance',
    'dense_attention',
    'faithfulness_curves',
    'frame_importance',
]
