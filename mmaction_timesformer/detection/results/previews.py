"""Small pictures of the last minutes of a live source, from which events are shown."""

from __future__ import annotations

import io
from collections import deque
from pathlib import Path

import numpy as np
from PIL import Image

from mmaction_timesformer.detection.events.events import DangerEvent
from mmaction_timesformer.detection.results.annotate import CLIP_MARGIN_SECONDS, media_name
from video_clips.whole_files import written_beside
from video_clips.writing import open_writer

_MAX_SIDE = 480
_QUALITY = 80


class PreviewRing:
    """Keeps the pictures that the model was shown, small and compressed, for some time.

    Args:
        keep_seconds: For how long.
        max_pictures: How many at most.
    """

    def __init__(self, keep_seconds: float = 120.0, max_pictures: int = 2000) -> None:
        self._keep_seconds = keep_seconds
        self._pictures: deque[tuple[float, bytes]] = deque(maxlen=max_pictures)

    def add(self, seconds: float, picture: np.ndarray) -> None:
        """Keep a picture (H, W, 3) uint8 RGB; forget those that are too old."""
        image = Image.fromarray(np.ascontiguousarray(picture))
        image.thumbnail((_MAX_SIDE, _MAX_SIDE))
        buffer = io.BytesIO()
        image.save(buffer, 'jpeg', quality=_QUALITY)
        self._pictures.append((seconds, buffer.getvalue()))
        while self._pictures[0][0] < seconds - self._keep_seconds:
            self._pictures.popleft()

    def save(self, event: DangerEvent, folder: Path) -> tuple[Path, Path] | None:
        """Write a picture of an event's peak and a clip of the pictures of it.

        Returns:
            The two files; None if no picture of the event is left.
        """
        start = event.start_seconds - CLIP_MARGIN_SECONDS
        end = event.end_seconds + CLIP_MARGIN_SECONDS
        shown = [(when, jpeg) for when, jpeg in list(self._pictures) if start <= when <= end]
        if not shown:
            return None
        name = media_name(event)
        snapshot, clip = folder / f'{name}.jpg', folder / f'{name}.mp4'
        peak = min(shown, key=lambda picture: abs(picture[0] - event.peak_seconds))
        with written_beside(snapshot) as partial:
            partial.write_bytes(peak[1])
        with open_writer(clip) as output:
            for seconds, jpeg in shown:
                output.write(np.asarray(Image.open(io.BytesIO(jpeg))), seconds - shown[0][0])
        return snapshot, clip
