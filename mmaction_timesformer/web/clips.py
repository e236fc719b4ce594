"""Clips of items and playable copies of recordings, made when first asked for, then kept."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
from av import FFmpegError
from PIL import Image

from mmaction_timesformer.detection.results.annotate import (
    frames_from,
    media_name,
)
from mmaction_timesformer.detection.results.finishing import MEDIA
from mmaction_timesformer.detection.sources.sources import Source
from mmaction_timesformer.web.catalogue import Catalogue, Recording
from mmaction_timesformer.web.items import Item
from mmaction_timesformer.web.run_records import RunRecords
from mmaction_timesformer.web.trial import Models, write_map
from video_clips.reading.opening import VideoError
from video_clips.writing import open_writer

MARGIN_SECONDS = 1.0
MOST_SECONDS = 30.0
_MOST_SIDE = 640


class NoClipError(Exception):
    """Why there is no clip, in words for the page."""


class Clips:
    """Makes clips in a folder.

    Args:
        folder: Where they are kept; it may be removed at any time.
        run: The records of the run.
        catalogue: The recordings.
        models: The model whose maps are shown.
    """

    def __init__(self, folder: Path, run: RunRecords, catalogue: Catalogue, models: Models) -> None:
        self._folder = folder
        self._run = run
        self._catalogue = catalogue
        self._models = models
        self._lock = threading.Lock()
        self._making: dict[Path, threading.Lock] = {}
        self._room = threading.Semaphore(2)

    def of_item(self, item: Item) -> Path:
        """A clip of an item with a moment around it.

        Raises:
            NoClipError: Its recording is not here.
        """
        start, end = clip_span(item)
        recording = self._catalogue.of_source(item.source)
        if recording is None:
            return self._kept_by_detector(item)
        file = self._folder / f'{item.id}-{round(start * 1000)}-{round(end * 1000)}.mp4'
        return self._once(file, lambda: _cut(recording.path, start, end, file))

    def map_of_item(self, item: Item) -> Path:
        """A clip of what the model looked at around an item's peak.

        Raises:
            NoClipError: Its recording or its model is not here, or has no attention to show.
        """
        recording = self._catalogue.of_source(item.source)
        if recording is None:
            raise NoClipError('the recording is not here, so its map cannot be made')
        half = self._run.model.span_seconds / 2
        start = max(0.0, item.peak_seconds - half)
        span = (start, item.peak_seconds + half)
        name = f'{item.id}-{round(start * 1000)}-{self._models.fingerprint()}-map.mp4'
        file = self._folder / name
        return self._once(
            file, lambda: write_map(self._models.get(), recording.path, span, item.label, file)
        )

    def map_of_recording(self, recording: Recording) -> Path:
        """A clip of what the model looked at in a whole video.

        Raises:
            NoClipError: It cannot be read, or the model has no attention to show.
        """
        name = f'{recording.id}-{recording.path.stat().st_mtime_ns}-{self._models.fingerprint()}'
        file = self._folder / f'{name}-map.mp4'
        return self._once(
            file, lambda: write_map(self._models.get(), recording.path, None, '', file)
        )

    def playable(self, recording: Recording) -> Path:
        """The recording, or a copy of it that browsers play.

        Raises:
            NoClipError: It cannot be read.
        """
        if recording.is_playable:
            return recording.path
        stamp = recording.path.stat().st_mtime_ns
        name = hashlib.sha256(f'{recording.id} {stamp}'.encode()).hexdigest()[:20]
        file = self._folder / f'copy-{name}.mp4'
        return self._once(file, lambda: _cut(recording.path, 0.0, float('inf'), file))

    def poster(self, recording: Recording) -> Path:
        """A small picture of a recording.

        Raises:
            NoClipError: It cannot be read.
        """
        file = self._folder / f'poster-{recording.id}.jpg'
        return self._once(file, lambda: _first_picture(recording.path, file))

    def _kept_by_detector(self, item: Item) -> Path:
        """The clip that ``detect.py --clips`` keeps of an event of a camera."""
        history = self._run.sources.get(item.source)
        for event in history.events.values() if history is not None else ():
            if event.start_seconds == item.start_seconds and event.label == item.label:
                file = self._run.folder / MEDIA / f'{media_name(event)}.mp4'
                if file.exists():
                    return file
        raise NoClipError(
            'there is no clip: the recording is not below --recordings, and of cameras clips are '
            'kept by detect.py --clips'
        )

    def _once(self, file: Path, make: Callable[[], None]) -> Path:
        """Make a file unless it is there; who asks meanwhile waits."""
        with self._lock:
            making = self._making.setdefault(file, threading.Lock())
        with making, self._room:
            if not file.exists():
                self._folder.mkdir(parents=True, exist_ok=True)
                try:
                    make()
                except (VideoError, FFmpegError, ValueError, OSError) as error:
                    raise NoClipError(f'no clip could be made: {error}') from error
            if not file.exists():
                raise NoClipError('the recording has no picture there')
        return file


def clip_span(item: Item) -> tuple[float, float]:
    """From when to when an item's clip goes, in seconds of its source."""
    start = max(0.0, item.start_seconds - MARGIN_SECONDS)
    return start, min(item.end_seconds + MARGIN_SECONDS, start + MOST_SECONDS)


def _cut(path: Path, start: float, end: float, file: Path) -> None:
    is_empty = True
    with open_writer(file) as output:
        for frame in frames_from(Source(str(path), str(path)), start):
            if frame.seconds < start:
                continue
            if frame.seconds > end:
                break
            output.write(_small(frame.picture()), frame.seconds - start)
            is_empty = False
        if is_empty:
            raise NoClipError('the recording has no picture there')


def _first_picture(path: Path, file: Path) -> None:
    for frame in frames_from(Source(str(path), str(path)), 0.0):
        Image.fromarray(_small(frame.picture())).save(file, quality=80)
        return


def _small(picture: np.ndarray) -> np.ndarray:
    image = Image.fromarray(np.ascontiguousarray(picture))
    image.thumbnail((_MOST_SIDE, _MOST_SIDE))
    return np.asarray(image)
