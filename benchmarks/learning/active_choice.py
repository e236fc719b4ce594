"""The order of the review queue: labels given against the events found on other days.

A detector watches recordings, and a reviewer who knows the truth answers the queue's items in one
order or another. After some answers the model's logits are corrected by a linear map of its
features, fitted to the answers alone (its strength by cross-validation), and events are found on
other days.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from benchmarks.record import Record
from mmaction_timesformer.detection.detector import DangerDetector
from mmaction_timesformer.detection.events.rules import SAFE_CLASS
from mmaction_timesformer.detection.events.tracker import EventTracker, ScoredWindow
from mmaction_timesformer.detection.quality.evaluate import evaluate_events
from mmaction_timesformer.detection.quality.truth import TrueEvent, TrueRecording, read_truth
from mmaction_timesformer.detection.running import run as watch
from mmaction_timesformer.detection.sources.sources import find_sources
from mmaction_timesformer.web.items import Item, find_items
from mmaction_timesformer.web.queue import order_items
from mmaction_timesformer.web.run_records import RunRecords

COUNTS = (0, 10, 20, 40, 80, 160)
ORDERS = ('mixed', 'uncertain', 'typical')
NUM_RANDOM = 10
STRENGTHS = (3.0, 30.0, 300.0, 3000.0)
NUM_FOLDS = 5
SHOWN = 0.5
"""Share of an item, or of a true event, from which the reviewer sees the event in the item."""
THRESHOLD = 0.3


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what is compared on what."""
    parser.add_argument('config')
    parser.add_argument('checkpoint')
    parser.add_argument('pool', type=Path, help='recordings to label, with events.json')
    parser.add_argument('other', type=Path, help='recordings of other days, with events.json')
    parser.add_argument('--recordings', type=int, default=18, help='how many of each')
    parser.add_argument('--hop', type=float, default=1.0, help='seconds from window to window')


@dataclass(frozen=True)
class Day:
    """Recordings that were watched.

    Attributes:
        items: What there is to review.
        windows: By source.
        features: (N, D) by source.
        truth: By source.
    """

    items: list[Item]
    windows: dict[str, list[ScoredWindow]]
    features: dict[str, np.ndarray]
    truth: dict[str, TrueRecording]


class FeatureScore:
    """A model's score that keeps what its head reads.

    Args:
        score: Of a recognizer.
    """

    def __init__(self, score: Any) -> None:
        self._score = score
        self.kept: list[np.ndarray] = []
        score.model.cls_head.register_forward_pre_hook(self._keep)

    def _keep(self, _: Any, args: tuple[Tensor, ...]) -> None:
        self.kept.append(args[0].detach().float().numpy())

    def __call__(self, clips: Tensor) -> Tensor:
        """Clips to probabilities."""
        return self._score(clips)


def watch_day(detector: DangerDetector, folder: Path, count: int) -> Day:
    """Watch recordings one after another."""
    truth = read_truth(folder / 'events.json')
    day = Day([], {}, {}, {})
    score = FeatureScore(detector.score)
    own = replace_score(detector, score)
    for source in find_sources([str(folder)])[:count]:
        score.kept.clear()
        with tempfile.TemporaryDirectory() as out:
            watch(own, [source], out)
            records = RunRecords(Path(out))
        day.items.extend(find_items(records))
        day.windows.update(records.windows)
        day.features[source.name] = np.concatenate(score.kept)
        day.truth[source.name] = truth[Path(source.name).name]
        assert len(day.features[source.name]) == len(day.windows[source.name])
    return day


def replace_score(detector: DangerDetector, score: Any) -> DangerDetector:
    """The same detector with another score."""
    return DangerDetector(
        score, detector.prepare, detector.classes, detector.rules, detector.settings
    )


def answer(item: Item, events: Sequence[TrueEvent]) -> str:
    """The class of an item, as one sees it who knows the truth."""

    def share(event: TrueEvent) -> float:
        begin = max(item.start_seconds, event.start_seconds)
        end = min(item.end_seconds, event.end_seconds)
        lengths = (item.end_seconds - item.start_seconds, event.end_seconds - event.start_seconds)
        return max(0.0, end - begin) / min(lengths)

    best = max(events, key=share, default=None)
    return best.label if best is not None and share(best) >= SHOWN else SAFE_CLASS


@dataclass(frozen=True)
class Correction:
    """Correction of a model's logits: features (N, D) times `weights` (D + 1, K)."""

    mean: np.ndarray
    scale: np.ndarray
    weights: np.ndarray

    def __call__(self, probabilities: np.ndarray, features: np.ndarray) -> np.ndarray:
        """Corrected probabilities (N, K)."""
        logits = np.log(np.clip(probabilities, 1e-6, 1)) + self.inputs(features) @ self.weights
        odds = np.exp(logits - logits.max(axis=1, keepdims=True))
        return odds / odds.sum(axis=1, keepdims=True)

    def inputs(self, features: np.ndarray) -> np.ndarray:
        """Standardised features and a constant, (N, D + 1)."""
        return np.column_stack([(features - self.mean) / self.scale, np.ones(len(features))])


def fit(
    blank: Correction, probabilities: np.ndarray, features: np.ndarray, labels: np.ndarray
) -> Correction:
    """Fit a correction; its strength is the one that predicts held-out answers best."""
    folds = np.arange(len(labels)) % NUM_FOLDS

    def loss(strength: float) -> float:
        total = 0.0
        for fold in range(NUM_FOLDS):
            kept, held = folds != fold, folds == fold
            fitted = _solve(blank, probabilities[kept], features[kept], labels[kept], strength)
            found = fitted(probabilities[held], features[held])
            total -= np.log(np.clip(found[np.arange(held.sum()), labels[held]], 1e-6, 1)).sum()
        return total

    best = min(STRENGTHS, key=loss)
    return _solve(blank, probabilities, features, labels, best)


def _solve(
    blank: Correction,
    probabilities: np.ndarray,
    features: np.ndarray,
    labels: np.ndarray,
    strength: float,
) -> Correction:
    inputs = torch.from_numpy(blank.inputs(features))
    start = torch.from_numpy(np.log(np.clip(probabilities, 1e-6, 1)))
    target = torch.from_numpy(labels)
    weights = torch.zeros(blank.weights.shape, dtype=torch.float64, requires_grad=True)
    solver = torch.optim.LBFGS([weights], max_iter=60, line_search_fn='strong_wolfe')

    def closure() -> Tensor:
        solver.zero_grad()
        total = torch.nn.functional.cross_entropy(start + inputs @ weights, target, reduction='sum')
        total = total + strength / 2 * weights.square().sum()
        total.backward()
        return total

    solver.step(closure)
    return replace(blank, weights=weights.detach().numpy())


def events_of(day: Day, detector: DangerDetector, correction: Correction | None) -> Any:
    """Events of a day with corrected scores, by source."""
    found = {}
    for source, windows in day.windows.items():
        scores = np.array([window.scores for window in windows])
        if correction is not None:
            scores = correction(scores, day.features[source])
        tracker = EventTracker(source, detector.event_settings)
        tracker.begin(0.0)
        events = []
        for window, row in zip(windows, scores, strict=True):
            events += tracker.push(replace(window, scores=tuple(row.tolist())))
        events += tracker.finish(windows[-1].newest_seconds)
        found[source] = [event for event in events if event.state == 'closed']
    return found


def measure(day: Day, detector: DangerDetector, correction: Correction | None) -> dict[str, float]:
    """F1 and false alarms per hour on a day."""
    hours = {s: (r.duration_seconds or 0.0) / 3600 for s, r in day.truth.items()}
    found = events_of(day, detector, correction)
    whole, *_ = evaluate_events(found, day.truth, hours, list(detector.rules), [THRESHOLD])
    return {'f1': whole.f1.value, 'false_alarms_per_hour': whole.false_alarms_per_hour.value}


def run(options: argparse.Namespace) -> None:
    """Measure every order and write the record."""
    overrides = {'hop_seconds': options.hop}
    detector = DangerDetector.from_config(options.config, options.checkpoint, overrides=overrides)
    pool, other = (
        watch_day(detector, folder, options.recordings) for folder in (options.pool, options.other)
    )
    orders = {name: [order_items(pool.items, detector.rules, name)] for name in ORDERS}
    generator = np.random.default_rng(0)
    orders['random'] = [
        [pool.items[n] for n in generator.permutation(len(pool.items))] for _ in range(NUM_RANDOM)
    ]
    results = {
        name: [curve(pool, other, detector, items) for items in several]
        for name, several in orders.items()
    }
    settings = {
        'config': Path(options.config).stem,
        'recordings of each day': options.recordings,
        'hop seconds': options.hop,
        'items': len(pool.items),
        'dangers among them': sum(
            answer(i, pool.truth[i.source].events) != SAFE_CLASS for i in pool.items
        ),
        'random orders': NUM_RANDOM,
    }
    title = 'Order of the review queue: labels given against F1 on other days'
    Record('active-choice', title, settings, results, table(results)).write(options.out)


def curve(
    pool: Day, other: Day, detector: DangerDetector, items: Sequence[Item]
) -> list[dict[str, float]]:
    """The figures after each number of answers."""
    features = np.concatenate(list(pool.features.values()))
    mean, scale = features.mean(axis=0), features.std(axis=0) + 1e-6
    shape = (features.shape[1] + 1, len(detector.classes))
    blank = Correction(mean, scale, np.zeros(shape))
    rows = []
    for count in COUNTS:
        correction = None
        if count:
            asked = items[:count]
            places = [_place(pool.windows[i.source], i.peak_seconds) for i in asked]
            known = [pool.features[i.source][p] for i, p in zip(asked, places, strict=True)]
            said = [pool.windows[i.source][p].scores for i, p in zip(asked, places, strict=True)]
            names = [answer(i, pool.truth[i.source].events) for i in asked]
            labels = np.array([detector.classes.index(name) for name in names])
            correction = fit(blank, np.array(said), np.array(known), labels)
        rows.append({'labels': count, **measure(other, detector, correction)})
    return rows


def _place(windows: Sequence[ScoredWindow], seconds: float) -> int:
    return int(np.abs(np.array([window.seconds for window in windows]) - seconds).argmin())


def table(results: Mapping[str, list[list[dict[str, float]]]]) -> list[str]:
    """The figures in Markdown; of random orders the mean and the range."""
    lines = [f'| order | {" | ".join(f"{count} labels" for count in COUNTS)} |']
    lines.append('|---|' + '---|' * len(COUNTS))
    for name, curves in results.items():
        cells = []
        for place in range(len(COUNTS)):
            f1 = [rows[place]['f1'] for rows in curves]
            alarms = float(np.mean([rows[place]['false_alarms_per_hour'] for rows in curves]))
            spread = f' ({min(f1):.2f} to {max(f1):.2f})' if len(f1) > 1 else ''
            cells.append(f'{np.mean(f1):.2f}{spread}, {alarms:.0f} an hour')
        lines.append(f'| {name} | {" | ".join(cells)} |')
    return [f'F1 at tIoU {THRESHOLD}, and false alarms per hour.', '', *lines]
