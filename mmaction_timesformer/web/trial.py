"""One model, loaded when it is first asked for: what it says about a video, and where it looked."""

from __future__ import annotations

import hashlib
import threading
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from mmaction_timesformer.detection.detector import DangerDetector
from mmaction_timesformer.detection.events.tracker import EventSettings, EventTracker, ScoredWindow
from mmaction_timesformer.detection.sources.records import End
from mmaction_timesformer.detection.sources.sources import Source
from mmaction_timesformer.detection.watch import Scored
from mmaction_timesformer.explanation.explained_video import ExplainedVideo
from mmaction_timesformer.explanation.explanation import explain
from mmaction_timesformer.inference.trained_model import TrainedModel
from mmaction_timesformer.learning.lineage import MODEL, current_model, lineage_of
from video_clips.reading.opening import VideoError
from video_clips.writing import open_writer

THRESHOLDS = tuple(round(0.05 * step, 2) for step in range(1, 20))
MAP_SECONDS = 3.0
_LEAST_HEIGHT = 240


@dataclass(frozen=True)
class ModelFiles:
    """Where the model lies.

    Attributes:
        config: Its config; empty for the one in the checkpoint.
        checkpoint: Its weights, or a lineage, whose current model it is.
        device: Where it runs.
    """

    config: str
    checkpoint: str
    device: str = 'cpu'

    @property
    def weights(self) -> Path:
        """The file of weights at present."""
        folder = lineage_of(self.checkpoint)
        return Path(self.checkpoint) if folder is None else current_model(folder) / MODEL


class Models:
    """Loads a model once, and again when its lineage has taken another into use.

    Args:
        files: Where it lies; None where there is none.
    """

    def __init__(self, files: ModelFiles | None) -> None:
        self.files = files
        self._lock = threading.Lock()
        self._loaded: TrainedModel | None = None
        self._detector: DangerDetector | None = None
        self._of = ''

    def use(self, files: ModelFiles) -> None:
        """Take another model from now on."""
        with self._lock:
            self.files, self._of = files, ''

    def problem(self) -> str:
        """Why there is no model, in words; empty where there is one."""
        if self.files is None or not self.files.checkpoint:
            return 'no model: start the server with --config and --checkpoint'
        for name in filter(None, (self.files.config, self.files.checkpoint)):
            if not Path(name).is_file() and lineage_of(name) is None:
                return f'{name}: no such file; name it with --config and --checkpoint'
        return ''

    def fingerprint(self) -> str:
        """Letters that differ between models; cheap."""
        files = self.files
        if files is None or self.problem():
            return 'none'
        weights = files.weights
        stamp = weights.stat().st_mtime_ns
        return hashlib.sha256(f'{weights} {stamp}'.encode()).hexdigest()[:10]

    def get(self) -> TrainedModel:
        """The model.

        Raises:
            ValueError: There is none, or it cannot be loaded.
        """
        with self._lock:
            if self._of != (now := self.fingerprint()):
                self._of, self._loaded, self._detector = now, None, None
            if self._loaded is None:
                self._loaded = self._load(self._load_model)
            return self._loaded

    @staticmethod
    def _load_model(files: ModelFiles) -> TrainedModel:
        weights = files.weights
        # A model of a lineage has classes of its own.
        own = not files.config or lineage_of(files.checkpoint) is not None
        return TrainedModel.load(None if own else files.config, weights, files.device)

    def detector(self) -> DangerDetector:
        """The model as a detector.

        Raises:
            ValueError: There is none, or it cannot be loaded.
        """
        config = self.get().config
        with self._lock:
            if self._detector is None:
                self._detector = self._load(
                    lambda f: DangerDetector.from_config(config, f.weights, f.device)
                )
            return self._detector

    def _load(self, load: Any) -> Any:
        if problem := self.problem():
            raise ValueError(problem)
        try:
            return load(self.files)
        except (OSError, ImportError, KeyError, AttributeError) as error:
            raise ValueError(f'the model cannot be loaded: {error}') from error


@dataclass(frozen=True)
class Trial:
    """Answers of a model about a video.

    Attributes:
        probabilities: By class, the most probable first.
        windows: The scored windows.
        seconds: How long the video is, as far as it was seen.
        enter: The threshold of each danger.
        events: For each danger and each of `THRESHOLDS`, the events' starts and ends.
    """

    probabilities: dict[str, float]
    windows: list[ScoredWindow]
    seconds: float
    enter: dict[str, float]
    events: dict[str, dict[float, list[tuple[float, float]]]]


def try_video(models: Models, path: Path) -> Trial:
    """Classify a video, and find what other thresholds would find in it.

    Raises:
        ValueError: There is no model.
        VideoError: The video cannot be read.
    """
    probabilities = models.get().predict(path)
    detector = models.detector()
    windows, seconds = [], 0.0
    for record in detector.watch([Source(path.name, str(path))]):
        if isinstance(record, Scored):
            windows.append(record.window)
        elif isinstance(record, End):
            seconds = record.seconds
            if record.error:
                raise VideoError(path, record.error)
    settings = detector.event_settings
    return Trial(
        probabilities,
        windows,
        max(seconds, *(window.newest_seconds for window in windows), 0.1),
        {label: rule.enter for label, rule in settings.rules.items()},
        events_by_threshold(windows, settings),
    )


def events_by_threshold(
    windows: list[ScoredWindow], settings: EventSettings
) -> dict[str, dict[float, list[tuple[float, float]]]]:
    """Events that each threshold would find; ``leave`` moves in proportion, as when tuning."""
    found: dict[str, dict[float, list[tuple[float, float]]]] = {name: {} for name in settings.rules}
    for threshold in THRESHOLDS:
        rules = {
            label: replace(rule, enter=threshold, leave=rule.leave / rule.enter * threshold)
            for label, rule in settings.rules.items()
        }
        tracker = EventTracker('trial', replace(settings, rules=rules))
        tracker.begin(0.0)
        events = [event for window in windows for event in tracker.push(window)]
        events += tracker.finish(windows[-1].newest_seconds if windows else 0.0)
        for label in settings.rules:
            found[label][threshold] = [
                (round(event.start_seconds, 2), round(event.end_seconds, 2))
                for event in events
                if event.label == label and event.state == 'closed'
            ]
    return found


def write_map(
    model: TrainedModel, path: Path, span: tuple[float, float] | None, label: str, file: Path
) -> None:
    """Write a clip of what raised a class, over the frames that the model saw.

    Raises:
        ValueError: The model has no attention to show, or no such class.
        VideoError: The video cannot be read.
    """
    part = {} if span is None else dict(start_seconds=span[0], end_seconds=span[1])
    clip = model.read(path, **part)
    target = model.class_index(label) if label in model.classes else None
    explained = ExplainedVideo(clip, explain(model.model, clip, target))
    pictures = explained.overlays()
    with open_writer(file) as output:
        for number, picture in enumerate(pictures):
            output.write(_legible(picture), number * MAP_SECONDS / len(pictures))
        # The last frame is shown as long as the others.
        output.write(_legible(pictures[-1]), MAP_SECONDS)


def _legible(picture: Any) -> Any:
    times = max(1, -(-_LEAST_HEIGHT // picture.shape[0]))
    return picture.repeat(times, axis=0).repeat(times, axis=1)
