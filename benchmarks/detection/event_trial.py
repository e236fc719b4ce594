"""Rendered recordings with known events: rules tuned on some of them, figures taken on others.

Both kinds show the site that the model knows, on days that it has never seen: other weather, light,
wagons, clothes and events, from seeds of their own.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from demo_yard.rendering.recordings import TUNING_SEED, UNSEEN_SEED, render_recordings
from mmaction_timesformer.detection.detector import DangerDetector
from mmaction_timesformer.detection.quality.command import (
    Results,
    figures_of,
    read_results,
    tune_results,
)
from mmaction_timesformer.detection.quality.evaluate import EventMetrics
from mmaction_timesformer.detection.quality.tune import TunedRule
from mmaction_timesformer.detection.running import run
from mmaction_timesformer.detection.sources.sources import find_sources


@dataclass(frozen=True)
class EventTrial:
    """Result of a trial.

    Attributes:
        rules: The rules, and how they do on the recordings that chose them.
        figures: How they do on the others.
        num_tuning_events: True events in the former.
    """

    rules: dict[str, TunedRule]
    figures: list[EventMetrics]
    num_tuning_events: int


def try_events(
    config: str,
    checkpoint: str,
    folder: Path,
    site_seed: int,
    minutes: tuple[float, float],
    max_false_alarms_per_hour: float,
) -> EventTrial:
    """Tune the rules of a model on some recordings and take its figures on others.

    Args:
        config: The model's config.
        checkpoint: Its weights.
        folder: Where everything goes.
        site_seed: Of the set that the model was trained on.
        minutes: Of recordings to tune the rules on, and of others to take the figures on.
        max_false_alarms_per_hour: What to tune for.
    """
    tuning, unseen = (
        render_recordings(folder / name, seed, site_seed, length)
        for name, seed, length in zip(
            ('tuning', 'unseen'), (TUNING_SEED, UNSEEN_SEED), minutes, strict=True
        )
    )
    detector = DangerDetector.from_config(config, checkpoint)
    found = _detect(detector, tuning, folder / 'tuning_events')
    rules = tune_results(found, max_false_alarms_per_hour)
    detector.rules = {label: tuned.rule for label, tuned in rules.items()}
    figures = figures_of(_detect(detector, unseen, folder / 'unseen_events'))
    return EventTrial(rules, figures, sum(len(known.events) for known in found.truth.values()))


def _detect(detector: DangerDetector, recordings: Path, out: Path) -> Results:
    run(detector, find_sources([str(recordings)]), out)
    return read_results(out, recordings / 'events.json')
