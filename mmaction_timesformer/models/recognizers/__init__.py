"""Whole models that are not mmaction2's: those that take a stream."""

from mmaction_timesformer.models.recognizers.online_recognizer import OnlineRecognizer, OnlineState

__all__ = ['OnlineRecognizer', 'OnlineState']
