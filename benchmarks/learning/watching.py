"""A day that a detector watched once, of which any head can be asked for its events.

The network below the head stays as it is when corrections are learned, so that its features of
each window are kept, and another head's scores and events follow in a second.

Legend: N windows, F features.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from mmaction_timesformer.detection.detector import DangerDetector
from mmaction_timesformer.detection.events.events import DangerEvent
from mmaction_timesformer.detection.events.rules import EventRule
from mmaction_timesformer.detection.events.tracker import (
    EventSettings,
    EventTracker,
    ScoredWindow,
)
from mmaction_timesformer.detection.quality.command import Results, read_results
from mmaction_timesformer.detection.running import run
from mmaction_timesformer.detection.sources.sources import find_sources
from mmaction_timesformer.inference.recognizer import RecognizerScore
from mmaction_timesformer.inference.trained_model import TrainedModel
from mmaction_timesformer.learning.features import score_features
from mmaction_timesformer.web.items import Item, find_items
from mmaction_timesformer.web.run_records import RunRecords

FEATURES = 'features.npz'


@dataclass(frozen=True)
class Day:
    """A day that was watched.

    Attributes:
        recordings: Folder of its recordings.
        results: What the detector found, and the truth.
        items: What there is to review, as the page lists it.
        features: (N, F) of each recording's windows.
    """

    recordings: Path
    results: Results
    items: list[Item]
    features: Mapping[str, np.ndarray]

    def with_head(
        self, trained: TrainedModel, rules: Mapping[str, EventRule] | None = None
    ) -> Results:
        """Events that the detector would have found with another head, and by other rules."""
        rules = self.results.rules if rules is None else dict(rules)
        settings = EventSettings(trained.classes, rules, self.results.windows)
        scores, events = {}, {}
        for name, features in self.features.items():
            rows = score_features(trained, features[:, None]).tolist()
            windows = self.results.scores[name]
            scores[name] = [
                replace(window, scores=tuple(row))
                for window, row in zip(windows, rows, strict=True)
            ]
            events[name] = find_events(name, scores[name], settings)
        return replace(
            self.results, classes=trained.classes, rules=rules, scores=scores, events=events
        )


def find_events(
    name: str, windows: list[ScoredWindow], settings: EventSettings
) -> list[DangerEvent]:
    """Closed events of a recording's windows."""
    tracker = EventTracker(name, settings)
    tracker.begin(0.0)
    found = [event for window in windows for event in tracker.push(window)]
    found += tracker.finish(windows[-1].newest_seconds)
    return [event for event in found if event.state == 'closed']


class FeatureScore:
    """A model's score that keeps what the last layer of its head reads.

    Args:
        score: Of a recognizer.
    """

    def __init__(self, score: RecognizerScore) -> None:
        self._score = score
        self.kept: list[np.ndarray] = []
        score.model.cls_head.fc_cls.register_forward_pre_hook(self._keep)

    def _keep(self, _: Any, args: tuple[Tensor, ...]) -> None:
        self.kept.append(args[0].detach().float().numpy())

    @torch.inference_mode()
    def __call__(self, clips: Tensor) -> Tensor:
        """Clips to probabilities."""
        return self._score(clips)


def watch(config: Path, checkpoint: Path, recordings: Path, out: Path) -> Day:
    """Watch the recordings of a folder as ``tools/detect.py`` does, or read what was found.

    Args:
        config: The model's config.
        checkpoint: Its weights.
        recordings: The folder, with ``events.json``.
        out: Folder for the results.
    """
    if not (out / FEATURES).is_file():
        shutil.rmtree(out, ignore_errors=True)
        detector = DangerDetector.from_config(config, checkpoint, overrides=dict(dtype='float32'))
        assert isinstance(detector.score, RecognizerScore)
        detector.score = score = FeatureScore(detector.score)
        features = {}
        for source in find_sources([str(recordings)]):
            score.kept.clear()
            run(detector, [source], out)
            features[Path(source.name).name] = np.concatenate(score.kept)
        np.savez(out / FEATURES, allow_pickle=False, **features)
    results = read_results(out, recordings / 'events.json')
    with np.load(out / FEATURES) as kept:
        features = {name: kept[name] for name in results.scores}
    return Day(recordings, results, find_items(RunRecords(out)), features)
