"""Learning from videos without labels, before training."""

from mmaction_timesformer.models.pretraining.feature_prediction import FeaturePrediction

__all__ = ['FeaturePrediction']
