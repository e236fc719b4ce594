"""Danger events of recordings and live streams.

    detector = DangerDetector.from_config('configs/railway_yard/...py', 'best.pth')
    for event in detector.detect('yard.mp4'):
        print(event.label, event.start_seconds, event.end_seconds, event.peak_score)

Files and live streams go through the same windows, the same model and the same automaton.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from mmengine.config import Config

from mmaction_timesformer.detection.events.anticipation import choose_dangers
from mmaction_timesformer.detection.events.events import DangerEvent
from mmaction_timesformer.detection.events.rules import EventRule, make_rules, score_column
from mmaction_timesformer.detection.events.tracker import EventSettings
from mmaction_timesformer.detection.settings import DetectionSettings
from mmaction_timesformer.detection.sources.feed import Resume
from mmaction_timesformer.detection.sources.records import End
from mmaction_timesformer.detection.sources.sources import Source, parse_source
from mmaction_timesformer.detection.successors import NextModel
from mmaction_timesformer.detection.watch import Model, OnFrame, Record, Watch, WatchSettings
from mmaction_timesformer.detection.windows import Prepare
from mmaction_timesformer.engine.inputs import read_config
from mmaction_timesformer.inference import recognizer
from mmaction_timesformer.inference.loading import load_weights
from mmaction_timesformer.inference.online_model import is_online
from mmaction_timesformer.inference.scoring import Score
from mmaction_timesformer.inference.stream_scorer import StreamScorer
from video_clips.reading.opening import VideoError


class DangerDetector:
    """Finds danger events with a model of clips or of streams.

    Args:
        score: The model: from clips (B, C, T, H, W) to calibrated probabilities (B, K), or a
            `StreamScorer`, whose windows are single frames.
        prepare: Makes the model's input (V, C, H, W), V crops, of an RGB picture (H, W, 3) uint8.
        classes: The K classes in index order.
        rules: The classes that are dangers, with the rule of each.
        settings: How sources are cut into windows and watched.
        fingerprint: Names the model in its events.

    Attributes:
        next_model: Gives models that take over while this one watches.
        predecessors: Digests of the models whose results this one may continue.
    """

    def __init__(
        self,
        score: Score | StreamScorer,
        prepare: Prepare,
        classes: Sequence[str],
        rules: Mapping[str, EventRule],
        settings: WatchSettings,
        fingerprint: str = '',
    ) -> None:
        unknown = sorted(set(rules) - set(classes))
        if unknown:
            raise ValueError(
                f'rules has {unknown}, which are not among the classes {list(classes)}'
            )
        for label, rule in rules.items():
            score_column(label, rule, classes)
        self.score = score
        self.prepare = prepare
        self.classes = tuple(classes)
        self.rules = dict(rules)
        self.settings = settings
        self.fingerprint = fingerprint
        self.next_model: NextModel | None = None
        self.predecessors: tuple[str, ...] = ()

    @property
    def event_settings(self) -> EventSettings:
        """How scores become events."""
        return EventSettings(
            self.classes,
            self.rules,
            self.settings.windows,
            self.fingerprint,
            self.settings.update_seconds,
        )

    @classmethod
    def from_config(
        cls,
        config: str | Path | Config,
        checkpoint: str | Path,
        device: str = 'cpu',
        overrides: Mapping[str, Any] | None = None,
        trust_compiled: bool = False,
        anticipate: float | None = None,
    ) -> DangerDetector:
        """Build the detector that a config describes.

        Args:
            config: The model's config; its ``detection`` part has the fields of
                `DetectionSettings`.
            checkpoint: The trained weights, or what ``tools/export.py`` made of them.
            device: Where the model runs.
            overrides: Fields of `DetectionSettings` that replace the config's.
            trust_compiled: Whether machine code out of a ``.pt2`` file may be run.
            anticipate: Seconds ahead at which dangers are events too, as ``Cabin-Worker in 4 s``;
                one of an online model's horizons.

        Raises:
            FileNotFoundError: The config or the checkpoint is missing.
            ValueError: They do not fit each other, or a setting makes no sense.
        """
        if not isinstance(config, Config):
            config = read_config(str(config))
        settings = DetectionSettings.from_config(config.get('detection'), overrides)
        if is_online(config):
            frame_seconds = float(config.model.head.frame_seconds)
            settings = replace(settings, span_seconds=frame_seconds, hop_seconds=frame_seconds)
        parts, watch_settings = settings.for_pipeline(config)
        loaded = load_weights(config, checkpoint, device, settings.scoring, parts, trust_compiled)
        dangers = settings.dangers
        if is_online(config):
            dangers = choose_dangers(config.classes, loaded.horizons, dangers, anticipate)
        elif anticipate is not None:
            raise ValueError('anticipate needs an online model; this one scores clips')
        rules = make_rules(loaded.classes, dangers, settings.rules)
        fingerprint = recognizer.make_fingerprint(
            loaded.digest,
            watch_settings.windows,
            rules,
            loaded.temperature,
            loaded.numbers,
            settings.pipeline,
        )
        return cls(loaded.score, loaded.prepare, loaded.classes, rules, watch_settings, fingerprint)

    def detect(self, path: str | Path) -> list[DangerEvent]:
        """Find the events of one recording.

        Args:
            path: A video file.

        Returns:
            Closed events in order of their start.

        Raises:
            VideoError: The file cannot be read.
        """
        events = []
        source = Source(str(path), str(path))
        for record in self.watch([source]):
            if isinstance(record, DangerEvent) and record.state == 'closed':
                events.append(record)
            elif isinstance(record, End) and record.error:
                raise VideoError(path, record.error)
        return sorted(events, key=lambda event: (event.start_seconds, event.label))

    def stream(
        self,
        source: str | Source | Sequence[str | Source],
        stop: threading.Event | None = None,
    ) -> Iterator[DangerEvent]:
        """Watch one source or several, live ones until they are stopped.

        Args:
            source: File, URL or camera, as `parse_source` reads it, or several.
            stop: Set it to end the run; events that are open are closed then.

        Yields:
            Each event when it opens, grows and closes.

        Raises:
            VideoError: A source cannot be used, after the others are over.
        """
        several = [source] if isinstance(source, str | Source) else list(source)
        sources = [parse_source(item) if isinstance(item, str) else item for item in several]
        failures = []
        for record in self.watch(sources, stop=stop):
            if isinstance(record, DangerEvent):
                yield record
            elif isinstance(record, End) and record.error:
                failures.append(record)
        for failure in failures:
            raise VideoError(failure.source, failure.error)

    def watch(
        self,
        sources: Sequence[Source],
        resumes: Mapping[str, Resume] | None = None,
        stop: threading.Event | None = None,
        on_frame: OnFrame | None = None,
    ) -> Iterator[Record]:
        """Watch sources and give every record: scores, events, gaps, heartbeats, ends.

        Args:
            sources: The sources; names differ.
            resumes: Where an earlier run left them.
            stop: Set it to end the run.
            on_frame: Called for each picture that the model is shown.
        """
        model = Model(self.score, self.prepare, self.next_model)
        watch = Watch(sources, model, self.event_settings, self.settings, resumes, on_frame)
        return watch.records(stop)
