"""Whole models that are not mmaction2's: those that take a stream, and those that are distilled."""

from mmaction_timesformer.models.recognizers.distilled_recognizer import DistilledRecognizer3D
from mmaction_timesformer.models.recognizers.online_recognizer import OnlineRecognizer, OnlineState
from mmaction_timesformer.models.recognizers.rates_recognizer import RatesRecognizer

__all__ = ['DistilledRecognizer3D', 'OnlineRecognizer', 'OnlineState', 'RatesRecognizer']
