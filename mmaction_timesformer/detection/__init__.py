"""From clips to alarms: danger events in long recordings and live streams."""

from mmaction_timesformer.detection.detector import DangerDetector
from mmaction_timesformer.detection.events.events import DangerEvent
from mmaction_timesformer.detection.events.rules import EventRule
from mmaction_timesformer.detection.sources.sources import Source, find_sources
from mmaction_timesformer.detection.windows import WindowSettings

__all__ = [
    'DangerDetector',
    'DangerEvent',
    'EventRule',
    'Source',
    'WindowSettings',
    'find_sources',
]
