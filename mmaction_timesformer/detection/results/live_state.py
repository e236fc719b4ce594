"""``live/``: the newest picture of each source and its state, for who looks on while a run lasts.

For each source there is a small ``.jpg`` and a ``.json`` with the last heartbeat, when they were
written, how bright the picture is, and for how long it has not changed.
"""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from mmaction_timesformer.detection.sources.sources import file_name
from video_clips.whole_files import write_atomically, written_beside

LIVE = 'live'
PICTURE_SECONDS = 1.0
STILL_DIFFERENCE = 0.2
"""Mean change of brightness, of 255, up to which a picture counts as the same: not even noise."""
_SIDE, _SAMPLE_SIZE = 480, (64, 48)

_logger = logging.getLogger(__name__)


@dataclass
class _Shown:
    """The last picture of a source."""

    written: float = -PICTURE_SECONDS
    sample: np.ndarray | None = None
    changed: float = field(default_factory=time.monotonic)
    content: dict[str, Any] = field(default_factory=dict)


class LiveState:
    """Writes pictures and states into a folder; an error is logged once and ends nothing.

    Args:
        folder: The folder of results.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder / LIVE
        self._lock = threading.Lock()
        self._sources: dict[str, _Shown] = {}
        self._has_failed = False

    def show(self, source: str, seconds: float, picture: np.ndarray) -> None:
        """Take a picture (H, W, 3) that the model is shown; about one a second is written."""
        with self._lock:
            shown = self._sources.setdefault(source, _Shown())
            now = time.monotonic()
            if now - shown.written < PICTURE_SECONDS:
                return
            shown.written = now
            image = Image.fromarray(np.ascontiguousarray(picture))
            sample = np.asarray(image.convert('L').resize(_SAMPLE_SIZE), dtype=np.float32)
            if shown.sample is None or np.abs(sample - shown.sample).mean() > STILL_DIFFERENCE:
                shown.changed = now
            shown.sample = sample
            shown.content |= {
                'seconds': round(seconds, 3),
                'brightness': round(float(sample.mean()), 2),
                'still_seconds': round(now - shown.changed, 1),
            }
            image.thumbnail((_SIDE, _SIDE))
            self._write(source, shown, image)

    def take(self, record: Mapping[str, Any]) -> None:
        """Take a record; heartbeats, gaps and ends are part of the state."""
        if record['record'] == 'heartbeat':
            content = {name: record[name] for name in ('num_dropped', 'num_reconnects')}
            content['latency_seconds'] = record['median_latency_seconds']
        elif record['record'] == 'gap':
            content = {'gap': record['reason'] if record['end_seconds'] is None else ''}
        elif record['record'] == 'source':
            content = {'is_over': record['state'] != 'started', 'error': record.get('error', '')}
        else:
            return
        with self._lock:
            shown = self._sources.setdefault(record['source'], _Shown())
            shown.content |= content
            self._write(record['source'], shown)

    def _write(self, source: str, shown: _Shown, image: Image.Image | None = None) -> None:
        file = self._folder / file_name(source)
        content = {'source': source, 'at': datetime.now(timezone.utc).isoformat(), **shown.content}
        try:
            self._folder.mkdir(exist_ok=True)
            if image is not None:
                with written_beside(file.with_name(f'{file.name}.jpg')) as partial:
                    image.save(partial, 'jpeg', quality=80)
            with write_atomically(file.with_name(f'{file.name}.json')) as stream:
                json.dump(content, stream, ensure_ascii=False)
        except OSError as error:
            if not self._has_failed:
                _logger.warning('the live picture cannot be written: %s', error)
            self._has_failed = True
