"""One model over rendered recordings: rules tuned on some of them, figures taken on others.

Recordings go through the code of ``tools/detect.py``, or the features of them that are there
already through its head, trackers and rules.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
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
from mmaction_timesformer.detection.events.rules import SAFE_CLASS, EventRule
from mmaction_timesformer.detection.events.tracker import (
    EventSettings,
    EventTracker,
    ScoredWindow,
)
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
from mmaction_timesformer.evaluation.frame_metrics import FrameMetrics, FrameScores, frame_metrics
from mmaction_timesformer.inference.online_model import is_online
from mmaction_timesformer.inference.stream_scorer import StreamScorer
from mmaction_timesformer.models.heads.online_action_head import probabilities
from mmaction_timesformer.models.recognizers import OnlineRecognizer

STEP_SECONDS = 0.25
MARGIN_SECONDS = 0.25


def try_model(
    config: Config, checkpoint: str, folder: Path, options: argparse.Namespace
) -> dict[float, dict[str, Any]]:
    """Tune a model's rules on some recordings and take its figures on others.

    Returns:
        The figures by how many seconds later rules read what was; 0 alone for models of clips.
    """
    horizons = tuple(config.model.head.horizons) if is_online(config) else ()
    anticipate = options.anticipate if horizons else None
    detector = DangerDetector.from_config(config, checkpoint, anticipate=anticipate)
    if not horizons:
        windows = replace(detector.settings.windows, hop_seconds=STEP_SECONDS)
        detector.settings = replace(detector.settings, windows=windows)
    cached = (horizons and options.features) or (None, None)
    tuning = _detect(detector, options.tuning, folder / 'tuning', anticipate, cached[0])
    unseen = _detect(detector, options.unseen, folder / 'unseen', anticipate, cached[1])
    lookbacks = sorted({0.0, *(-seconds for seconds in horizons if seconds < 0)})
    trial = _Trial(tuning, unseen, horizons, options.rate, anticipate)
    return {seconds: _figures(trial, seconds) for seconds in lookbacks}


@dataclass(frozen=True)
class _Trial:
    """Scores of the recordings to tune on and of the others, and what is asked.

    Attributes:
        tuning: To tune on.
        unseen: For the figures.
        horizons: That the model scores too.
        rate: False alarms per hour to tune for.
        anticipate: Seconds ahead.
    """

    tuning: Results
    unseen: Results
    horizons: tuple[float, ...]
    rate: float
    anticipate: float | None


def _figures(trial: _Trial, lookback: float) -> dict[str, Any]:
    """Figures of rules that read what was so many seconds ago."""
    ahead = {name for name in trial.tuning.rules if ' in ' in name}
    rules = {
        name: rule if name in ahead else replace(rule, lookback_seconds=lookback)
        for name, rule in trial.tuning.rules.items()
    }
    tuned: dict[str, TunedRule] = {}
    # Rules for the present and for what is expected: each group has the rate for itself.
    for group in (
        {n: r for n, r in rules.items() if (n in ahead) is side} for side in (False, True)
    ):
        if group:
            tuned |= tune_results(replace(trial.tuning, rules=group), trial.rate)
    now = {name: one.rule for name, one in tuned.items() if name not in ahead}
    found = {
        'frames': asdict(_frame_metrics(trial.unseen, trial.horizons, lookback)),
        'rules': {name: asdict(one) for name, one in tuned.items()},
        'tuning': [asdict(row) for row in figures_of(_track(trial.tuning, now))],
        'events': [asdict(row) for row in figures_of(_track(trial.unseen, now))],
    }
    if trial.anticipate is not None:
        later = {name: tuned[name].rule for name in ahead}
        rows = figures_of(_track(trial.unseen, later), (0.3,))
        found['expected'] = [_with_lead(row, trial.anticipate) for row in rows]
    return found


def _track(results: Results, rules: Mapping[str, EventRule]) -> Results:
    """The events that rules make of scores."""
    settings = EventSettings(results.classes, rules, results.windows)
    events = {}
    for name, windows in results.scores.items():
        tracker = EventTracker(name, settings)
        changes = [change for window in windows for change in tracker.push(window)]
        changes += tracker.finish(results.hours[name] * 3600)
        events[name] = [change for change in changes if change.state == 'closed']
    return replace(results, events=events, rules=dict(rules))


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
    assert isinstance(detector.score, StreamScorer)
    assert isinstance(detector.score.model, OnlineRecognizer)
    head = detector.score.model.head
    scores, hours = {}, {}
    for name, known in truth.items():
        video = VideoFeatures.read(features / f'{Path(name).name}.npz')
        rows = probabilities(head(torch.from_numpy(video.features[None]))[0]).flatten(1)
        scores[name] = [
            ScoredWindow(seconds, seconds, tuple(row))
            for seconds, row in zip(video.seconds.tolist(), rows.tolist(), strict=True)
        ]
        hours[name] = (known.duration_seconds or float(video.seconds[-1])) / 3600
    windows = detector.settings.windows
    return Results(detector.classes, detector.rules, windows, {}, scores, truth, hours)


def _frame_metrics(results: Results, horizons: Sequence[float], lookback: float) -> FrameMetrics:
    """Per-frame metrics at moments that are the same for every model.

    Of the present, as it is known so many seconds later, and of what is ahead.
    """
    moments = (0.0, *horizons)
    classes = results.classes[: len(results.classes) // len(moments)]
    ahead = [place for place, seconds in enumerate(moments) if seconds > 0]
    rule = LabelRule(classes, SAFE_CLASS, MARGIN_SECONDS)
    parts = []
    for number, (name, known) in enumerate(results.truth.items()):
        end = results.hours[name] * 3600
        seconds = np.arange(0, end, STEP_SECONDS)
        shape = (len(seconds), len(moments), len(classes))
        scores, later = (
            _scores_at(results.scores[name], seconds + shift).reshape(shape)
            for shift in (0.0, lookback)
        )
        scores = np.concatenate(
            (later[:, [moments.index(-lookback or 0.0)]], scores[:, ahead]), axis=1
        )
        events = [event for event in known.events if event.label in classes]
        labeled = label_recording(
            name,
            VideoFeatures(np.zeros((len(seconds), 1)), seconds),
            events,
            rule,
            [moments[place] for place in ahead],
            end,
        )
        # The end of a recording has no later; it does not count for any.
        counts = labeled.known & (seconds + 4.0 <= end)[:, None]
        parts.append(
            FrameScores(
                scores, labeled.labels, counts, labeled.progress, np.full(len(seconds), number)
            )
        )
    found = FrameScores.join(parts)
    return frame_metrics(found, classes, SAFE_CLASS, [moments[place] for place in ahead])


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
