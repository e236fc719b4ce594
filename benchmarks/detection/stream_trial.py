"""One model over rendered recordings: rules tuned on some of them, figures taken on others.

Recordings go through the code of ``tools/detect.py``, or the features of them that are there
already through its head, trackers and rules.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.config import Config

from mmaction_timesformer.datasets.untrimmed_features import (
    LabelRule,
    VideoFeatures,
    label_recording,
)
from mmaction_timesformer.detection.detector import DangerDetector
from mmaction_timesformer.detection.events.anticipation import expected_truth
from mmaction_timesformer.detection.events.rules import SAFE_CLASS
from mmaction_timesformer.detection.events.tracker import EventTracker, ScoredWindow
from mmaction_timesformer.detection.quality.command import (
    Results,
    figures_of,
    read_results,
    tune_results,
)
from mmaction_timesformer.detection.quality.evaluate import EventMetrics
from mmaction_timesformer.detection.quality.truth import TrueRecording, read_truth
from mmaction_timesformer.detection.quality.tune import TunedRule
from mmaction_timesformer.detection.running import run as run_detection
from mmaction_timesformer.detection.sources.sources import find_sources
from mmaction_timesformer.evaluation.frame_metrics import FrameScores, frame_metrics
from mmaction_timesformer.inference.online_model import is_online
from mmaction_timesformer.inference.stream_scorer import StreamScorer
from mmaction_timesformer.models.heads.online_action_head import probabilities
from mmaction_timesformer.models.recognizers import OnlineRecognizer

STEP_SECONDS = 0.25
MARGIN_SECONDS = 0.25


def try_model(
    config: Config, checkpoint: str, folder: Path, options: argparse.Namespace
) -> dict[str, Any]:
    """Tune a model's rules on some recordings and take its figures on others."""
    horizons = tuple(config.model.head.horizons) if is_online(config) else ()
    anticipate = options.anticipate if horizons else None
    detector = DangerDetector.from_config(config, checkpoint, anticipate=anticipate)
    if not horizons:
        windows = replace(detector.settings.windows, hop_seconds=STEP_SECONDS)
        detector.settings = replace(detector.settings, windows=windows)
    cached = options.features or (None, None)
    tuned = _tune(
        _detect(detector, options.tuning, folder / 'tuning', anticipate, cached[0]), options
    )
    detector.rules = {name: one.rule for name, one in tuned.items()}
    unseen = _detect(detector, options.unseen, folder / 'unseen', anticipate, cached[1])
    ahead = {name for name in tuned if anticipate and name.endswith(f' in {anticipate:g} s')}
    now = replace(unseen, rules={n: r for n, r in unseen.rules.items() if n not in ahead})
    found = {
        'frames': asdict(_frame_metrics(unseen, horizons)),
        'rules': {name: asdict(one) for name, one in tuned.items()},
        'events': [asdict(row) for row in figures_of(now)],
    }
    if anticipate is not None:
        later = replace(unseen, rules={n: r for n, r in unseen.rules.items() if n in ahead})
        found['expected'] = [_with_lead(row, anticipate) for row in figures_of(later, (0.3,))]
    return found


def _detect(
    detector: DangerDetector,
    recordings: Path,
    out: Path,
    anticipate: float | None,
    features: Path | None,
) -> Results:
    truth_file = recordings / 'events.json'
    if features is not None:
        results = _detect_in_features(detector, read_truth(truth_file), features)
    else:
        run_detection(detector, find_sources([str(recordings)]), out)
        results = read_results(out, truth_file)
    if anticipate is None:
        return results
    return replace(results, truth=expected_truth(results.truth, anticipate))


@torch.inference_mode()
def _detect_in_features(
    detector: DangerDetector, truth: Mapping[str, TrueRecording], features: Path
) -> Results:
    """Detection from features that are there: its head, its trackers, its rules."""
    model = detector.score.model if isinstance(detector.score, StreamScorer) else None
    if not isinstance(model, OnlineRecognizer):
        raise ValueError('--features are for online models; leave models of clips out')
    head = model.head
    scores, events, hours = {}, {}, {}
    for name, known in truth.items():
        video = VideoFeatures.read(features / f'{Path(name).name}.npz')
        rows = probabilities(head(torch.from_numpy(video.features[None]))[0]).flatten(1)
        scores[name] = [
            ScoredWindow(seconds, seconds, tuple(row))
            for seconds, row in zip(video.seconds.tolist(), rows.tolist(), strict=True)
        ]
        tracker = EventTracker(name, detector.event_settings)
        changes = [change for window in scores[name] for change in tracker.push(window)]
        end = known.duration_seconds or float(video.seconds[-1])
        changes += tracker.finish(end)
        events[name] = [change for change in changes if change.state == 'closed']
        hours[name] = end / 3600
    windows = detector.settings.windows
    return Results(detector.classes, detector.rules, windows, events, scores, truth, hours)


def _tune(results: Results, options: argparse.Namespace) -> dict[str, TunedRule]:
    """Rules for the present and for what is expected; each group has the rate for itself."""
    suffix = f' in {options.anticipate:g} s'
    groups = (
        {name: rule for name, rule in results.rules.items() if name.endswith(suffix) is is_ahead}
        for is_ahead in (False, True)
    )
    tuned: dict[str, TunedRule] = {}
    for rules in groups:
        if rules:
            tuned |= tune_results(replace(results, rules=rules), options.rate)
    return tuned


def _frame_metrics(results: Results, horizons: Sequence[float]) -> Any:
    """Per-frame metrics at moments that are the same for every model."""
    classes = tuple(name for name in results.classes if not any(
        name.endswith(f' in {seconds:g} s') for seconds in horizons
    ))  # fmt: skip
    rule = LabelRule(classes, SAFE_CLASS, MARGIN_SECONDS)
    parts = []
    for number, (name, known) in enumerate(results.truth.items()):
        seconds = np.arange(0, results.hours[name] * 3600, STEP_SECONDS)
        scores = _scores_at(results.scores[name], seconds)
        events = [event for event in known.events if event.label in classes]
        labeled = label_recording(
            name, VideoFeatures(scores, seconds), events, rule, horizons, float(seconds[-1])
        )
        parts.append(
            FrameScores(
                scores.reshape(len(seconds), 1 + len(horizons), len(classes)),
                labeled.labels,
                labeled.known,
                labeled.progress,
                np.full(len(seconds), number),
            )
        )
    return frame_metrics(FrameScores.join(parts), classes, SAFE_CLASS, horizons)


def _scores_at(windows: Sequence[ScoredWindow], seconds: np.ndarray) -> np.ndarray:
    """Scores of the windows that are nearest in time."""
    times = np.array([window.seconds for window in windows])
    nearest = np.abs(times - seconds[:, None]).argmin(axis=1)
    return np.array([windows[place].scores for place in nearest])


def _with_lead(row: EventMetrics, anticipate: float) -> dict[str, Any]:
    """An expected event comes as much before its event as the horizon is long, less its delay."""
    return {
        **asdict(row),
        'median_lead_seconds': anticipate - row.median_delay_seconds.value,
        'late_lead_seconds': anticipate - row.late_delay_seconds.value,
    }
