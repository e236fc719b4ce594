"""States of streams, kept beside the results so that a run resumes without scoring all again.

Two files a source are written in turn: scores are logged after the state that gave them, so a kill
may leave the newer state ahead of the log, and then the older one is taken.
"""

from __future__ import annotations

import hashlib
import logging
import pickle
from pathlib import Path
from typing import Any

import torch

from video_clips.whole_files import written_beside

_logger = logging.getLogger(__name__)


class StreamStates:
    """Saves the state of each source every so often, and finds the last that fits a log.

    Args:
        folder: Where the files go.
        model: Fingerprint of the model and the rules; states of others are left alone.
        period_seconds: Distance of saved states, in time of the source.
    """

    def __init__(self, folder: str | Path, model: str, period_seconds: float = 60.0) -> None:
        self._folder = Path(folder)
        self._model = model
        self._period_seconds = period_seconds
        self._saved: dict[str, tuple[float, int]] = {}

    def offer(self, source: str, seconds: float, state: Any) -> None:
        """Save the state after the frame at a time, if it is time and the state can be saved."""
        last, number = self._saved.get(source, (None, 0))
        if not hasattr(state, 'state_dict'):
            return
        if last is not None and 0 <= seconds - last < self._period_seconds:
            return
        self._saved[source] = (seconds, 1 - number)
        content = {
            'source': source,
            'model': self._model,
            'seconds': seconds,
            'state': state.state_dict(),
        }
        try:
            with written_beside(self._file(source, number)) as partial:
                torch.save(content, partial)
        except OSError as error:
            # A state saves time after a kill; the run goes on without it.
            _logger.warning('%s: the state of %s is not saved: %s', self._folder, source, error)

    def find(self, source: str, until_seconds: float) -> tuple[float, dict[str, Any]] | None:
        """The newest saved state that is not later than a time, with its own time."""
        found = []
        for number in (0, 1):
            file = self._file(source, number)
            try:
                content = torch.load(file, weights_only=True)
            except FileNotFoundError:
                continue
            except (OSError, EOFError, RuntimeError, ValueError, pickle.UnpicklingError) as error:
                _logger.warning('%s cannot be used, frames are scored again: %s', file, error)
                continue
            same = (content['source'], content['model']) == (source, self._model)
            if same and content['seconds'] <= until_seconds:
                found.append((content['seconds'], number, content['state']))
        if not found:
            return None
        seconds, number, state = max(found, key=lambda item: item[:2])
        self._saved[source] = (seconds, 1 - number)
        return seconds, state

    def _file(self, source: str, number: int) -> Path:
        name = hashlib.sha256(source.encode()).hexdigest()[:16]
        return self._folder / f'{name}.{number}.pt'
