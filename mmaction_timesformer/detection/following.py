"""Following a lineage: when it takes another model into use, load it while the old one watches."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

from mmengine.config import Config

from mmaction_timesformer.detection.detector import DangerDetector
from mmaction_timesformer.detection.events.rules import SAFE_CLASS
from mmaction_timesformer.detection.successors import Successor
from mmaction_timesformer.inference.checkpoint_config import read_checkpoint_config
from mmaction_timesformer.inference.recognizer import read_weights
from mmaction_timesformer.inference.stream_scorer import StreamScorer
from mmaction_timesformer.learning.lineage import MODEL, Lineage, current_model

POLL_SECONDS = 0.1


class LineageFollower:
    """Gives the models that a lineage takes into use.

    Args:
        folder: The lineage.
        model: The one that watches already.
        load: Builds the detector of a checkpoint.
    """

    def __init__(self, folder: Path, model: str, load: Callable[[Path], DangerDetector]) -> None:
        self.folder = folder
        self._load = load
        self._seen = model
        self._pool = ThreadPoolExecutor(1, 'next model')
        self._loading: Future[Successor] | None = None
        self._next_look = 0.0

    def __call__(self) -> Successor | None:
        """The model that takes over, once it is loaded."""
        if self._loading is None:
            if time.monotonic() < self._next_look:
                return None
            self._next_look = time.monotonic() + POLL_SECONDS
            try:
                found = current_model(self.folder)
            except FileNotFoundError:  # of a folder that is being moved
                return None
            if found.name == self._seen:
                return None
            self._seen = found.name
            self._loading = self._pool.submit(self._prepare, found)
        if not self._loading.done():
            return None
        successor, self._loading = self._loading.result(), None
        return successor

    def _prepare(self, folder: Path) -> Successor:
        started = time.perf_counter()
        try:
            detector = self._load(folder / MODEL)
        # Whatever is wrong with a new model, the old one goes on watching.
        except Exception as error:
            return Successor(
                folder.name, error=f'{type(error).__name__}: {error}'.partition('\n')[0]
            )
        assert not isinstance(detector.score, StreamScorer)
        seconds = round(time.perf_counter() - started, 3)
        return Successor(folder.name, detector.score, detector.event_settings, '', seconds)


def load_lineage(
    folder: Path,
    config: Config,
    build: Callable[[Config, Path], DangerDetector],
    version: str | None = None,
) -> DangerDetector:
    """Build the detector of a lineage's current model, which follows the lineage.

    Args:
        folder: The lineage.
        config: Its ``detection`` part and its pipelines are used; the model and the classes are
            the checkpoint's own.
        build: Builds a detector from a config and a checkpoint.
        version: A model of the lineage, which stays whatever the lineage takes into use.

    Raises:
        ValueError: The model cannot be loaded, or takes streams.
    """
    lineage = Lineage(folder)
    first = lineage.cards()[0]

    def load(checkpoint: Path) -> DangerDetector:
        return build(config_for(checkpoint, config, first.classes), checkpoint)

    current = version or lineage.current.model
    detector = load(lineage.checkpoint(current))
    if version is not None:
        return detector
    detector.next_model = LineageFollower(folder, current, load)
    detector.predecessors = tuple(card.digest for card in lineage.cards())
    return detector


def config_for(checkpoint: Path, config: Config, first_classes: tuple[str, ...]) -> Config:
    """The config of a checkpoint, with pipelines and detection of another.

    A class that learning has added is a danger with the rule for all classes, unless ``dangers``
    name it.
    """
    weights, meta, _ = read_weights(checkpoint)
    own = read_checkpoint_config(meta, checkpoint, weights).to_dict()
    own |= {name: value for name, value in config.to_dict().items() if name.endswith('_pipeline')}
    detection = dict(config.get('detection') or {})
    classes = tuple((meta.get('dataset_meta') or {}).get('classes') or ())
    if dangers := detection.get('dangers'):
        is_mapping = isinstance(dangers, Mapping)
        named: Mapping[str, Any] = dangers if is_mapping else {key: {} for key in dangers}
        old = (*first_classes, SAFE_CLASS)
        new: dict[str, Any] = {name: {} for name in classes if name not in old}
        detection['dangers'] = {**new, **named}
    return Config(own | dict(detection=detection))
