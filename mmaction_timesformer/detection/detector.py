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

from mmaction_timesformer.detection.events.events import DangerEvent
from mmaction_timesformer.detection.events.rules import EventRule, make_rules
from mmaction_timesformer.detection.events.tracker import EventTracker
from mmaction_timesformer.detection.results.previews import PreviewRing
from mmaction_timesformer.detection.settings import DetectionSettings
from mmaction_timesformer.detection.sources.feed import End, Resume
from mmaction_timesformer.detection.sources.sources import Source, parse_source
from mmaction_timesformer.detection.watch import Score, Update, Watch, WatchSettings
from mmaction_timesformer.detection.windows import Prepare
from mmaction_timesformer.inference.preparation import split_pipeline
from video_clips.reading.opening import VideoError


class DangerDetector:
    """Finds danger events with a model that classifies clips.

    Args:
        score: The model: from clips (B, C, T, H, W) to calibrated probabilities (B, K).
        prepare: Makes the model's input (V, C, H, W), V crops, of an RGB picture (H, W, 3) uint8.
        classes: The K classes in index order.
        rules: The classes that are dangers, and what makes an event of each.
        settings: How sources are cut into windows and watched.
        fingerprint: Names the model in its events.
        update_seconds: How much an open event must have grown to be told again.
    """

    def __init__(
        self,
        score: Score,
        prepare: Prepare,
        classes: Sequence[str],
        rules: Mapping[str, EventRule],
        settings: WatchSettings,
        fingerprint: str = '',
        update_seconds: float = 1.0,
    ) -> None:
        unknown = sorted(set(rules) - set(classes))
        if unknown:
            raise ValueError(f'rules has {unknown}, which are no classes: {list(classes)}')
        self.score = score
        self.prepare = prepare
        self.classes = tuple(classes)
        self.rules = dict(rules)
        self.settings = settings
        self.fingerprint = fingerprint
        self.update_seconds = update_seconds

    @classmethod
    def from_config(
        cls,
        config: str | Path | Config,
        checkpoint: str | Path,
        device: str = 'cpu',
        overrides: Mapping[str, Any] | None = None,
        trust_compiled: bool = False,
    ) -> DangerDetector:
        """Build the detector that a config describes.

        Args:
            config: The model's config; its ``detection`` part has the fields of
                `DetectionSettings`.
            checkpoint: The trained weights, or what ``tools/export.py`` made of them.
            device: Where the model runs.
            overrides: Fields of `DetectionSettings` that replace the config's.
            trust_compiled: Whether machine code out of a ``.pt2`` file may be run.

        Raises:
            FileNotFoundError: The config or the checkpoint is missing.
            ValueError: They do not fit each other, or a setting makes no sense.
        """
        from mmaction_timesformer.inference import recognizer
        from mmaction_timesformer.inference.loading import load_weights

        if not isinstance(config, Config):
            config = Config.fromfile(config)
        settings = DetectionSettings.from_config(config.get('detection'), overrides)
        if settings.pipeline not in config:
            raise ValueError(f'the config has no {settings.pipeline}; set detection.pipeline')
        parts = split_pipeline(config[settings.pipeline])
        if settings.span_seconds is None and parts.span_seconds is not None:
            settings = replace(settings, span_seconds=parts.span_seconds)
        watch_settings = settings.watch_settings(parts.num_frames, parts.frame_interval)

        loaded = load_weights(config, checkpoint, device, settings, parts, trust_compiled)
        rules = make_rules(loaded.classes, settings.dangers, settings.rules)
        return cls(
            loaded.score,
            loaded.prepare,
            loaded.classes,
            rules,
            watch_settings,
            recognizer.make_fingerprint(
                loaded.digest,
                watch_settings.windows,
                rules,
                loaded.temperature,
                loaded.numbers,
                settings.pipeline,
            ),
            settings.update_seconds,
        )

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
        for update in self.watch([source]):
            if isinstance(update, DangerEvent) and update.state == 'closed':
                events.append(update)
            elif isinstance(update, End) and update.error:
                raise VideoError(path, update.error)
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
        for update in self.watch(sources, stop=stop):
            if isinstance(update, DangerEvent):
                yield update
            elif isinstance(update, End) and update.error:
                failures.append(update)
        for failure in failures:
            raise VideoError(failure.source, failure.error)

    def watch(
        self,
        sources: Sequence[Source],
        trackers: Mapping[str, EventTracker] | None = None,
        resumes: Mapping[str, Resume] | None = None,
        stop: threading.Event | None = None,
        previews: Mapping[str, PreviewRing] | None = None,
    ) -> Iterator[Update]:
        """Watch sources and tell everything: scores, events, gaps, heartbeats, ends.

        Args:
            sources: What to watch.
            trackers: Trackers that go on from an earlier run, by the source's name.
            resumes: Where that run left the sources.
            stop: Set it to end the run.
            previews: Where to keep the pictures of a source that the model is shown.
        """
        names = [source.name for source in sources]
        if len(set(names)) < len(names):
            raise ValueError(f'sources have the same name: {sorted(names)}')
        all_trackers = {name: self.make_tracker(name) for name in names} | dict(trackers or {})
        run = Watch(
            sources,
            all_trackers,
            self.score,
            self.prepare,
            self.settings,
            resumes,
            stop,
            previews,
        )
        return run.updates()

    def make_tracker(self, source: str) -> EventTracker:
        """A tracker for a source of that name."""
        return EventTracker(
            source,
            self.classes,
            self.rules,
            self.settings.windows,
            self.fingerprint,
            update_seconds=self.update_seconds,
        )
