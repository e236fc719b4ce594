"""Cameras as the page shows them, and the detector that the page starts and stops."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from mmaction_timesformer.detection.results.folder import SCORES
from mmaction_timesformer.detection.results.live_state import LIVE
from mmaction_timesformer.detection.sources.sources import file_name
from mmaction_timesformer.web.items import make_id
from mmaction_timesformer.web.programs.own_process import OwnProcess
from mmaction_timesformer.web.run_records import RunRecords
from mmaction_timesformer.web.trial import ModelFiles
from video_clips.plain_data import parse_json

GONE_SECONDS = 15.0
LATE_SECONDS = 5.0
FROZEN_SECONDS = 10.0
DARK_BRIGHTNESS = 16.0
STRIP_SECONDS = 120.0
_MOST_POINTS = 240


def health(state: Mapping[str, Any], now: datetime) -> list[str]:
    """Say what is wrong with a camera; empty if nothing is.

    Args:
        state: What `LiveState` wrote about it.
        now: The time.
    """
    if state.get('is_over'):
        return [f'ended: {state["error"]}'] if state.get('error') else []
    found = []
    age = (now - datetime.fromisoformat(state['at'])).total_seconds()
    if age > GONE_SECONDS:
        found.append(f'gone for {age:.0f} s')
    if state.get('gap'):
        found.append(f'gone: {state["gap"]}')
    if (state.get('latency_seconds') or 0.0) > LATE_SECONDS:
        found.append(f'late by {state["latency_seconds"]:.1f} s')
    if state.get('brightness', 255.0) < DARK_BRIGHTNESS:
        found.append('dark')
    if state.get('still_seconds', 0.0) > FROZEN_SECONDS:
        found.append(f'frozen for {state["still_seconds"]:.0f} s')
    return found


class Cameras:
    """The cameras of a run.

    Args:
        run: Its records.
    """

    def __init__(self, run: RunRecords) -> None:
        self._run = run

    def all(self) -> list[dict[str, Any]]:
        """Each source with its health and the strip of its last scores."""
        with self._run.lock:
            names = [n for n in dict.fromkeys([*self._run.sources, *self._run.windows]) if n]
            return [self._camera(name) for name in names]

    def picture(self, camera: str) -> Path | None:
        """The newest picture of a camera."""
        with self._run.lock:
            for name in self._run.sources:
                if make_id('camera', name) == camera:
                    file = self._live(name).with_suffix('.jpg')
                    return file if file.is_file() else None
        return None

    def _live(self, name: str) -> Path:
        folder = self._run.folder / LIVE
        return folder / f'{file_name(name)}.json'

    def _camera(self, name: str) -> dict[str, Any]:
        state, file = {}, self._live(name)
        if file.is_file():
            try:
                state = parse_json(file.read_text(encoding='utf-8'))
            except ValueError:
                state = {}
        state = state if isinstance(state, dict) else {}
        history = self._run.sources.get(name)
        is_over = history is not None and history.state in ('finished', 'failed')
        state = {**state, 'is_over': is_over, 'error': history.error if history else ''}
        problems = health(state, datetime.now(timezone.utc)) if state.get('at') or is_over else []
        return {
            'id': make_id('camera', name),
            'name': name,
            'is_over': is_over,
            'problems': problems,
            'picture': state.get('at', '') if file.with_suffix('.jpg').is_file() else '',
            'strip': self._strip(name),
        }

    def _strip(self, name: str) -> dict[str, Any]:
        windows = self._run.windows.get(name, [])
        last = windows[-1].seconds if windows else 0.0
        recent = [w for w in windows[-_MOST_POINTS:] if w.seconds >= last - STRIP_SECONDS]
        classes = self._run.model.classes
        curves = {
            label: [round(w.scores[classes.index(label)], 3) for w in recent]
            for label in self._run.model.rules
        }
        seconds = [round(w.seconds - last, 2) for w in recent]
        return {'seconds': seconds, 'curves': curves, 'last': round(last, 1)}


class DetectorProcess:
    """Starts ``detect.py`` on the cameras that the server was given, and stops it.

    Args:
        folder: The results.
        own: The server's folder, for the log and the number.
        sources: Cameras, as ``detect.py`` takes them.
    """

    def __init__(self, folder: Path, own: Path, sources: Sequence[str]) -> None:
        self.sources = tuple(sources)
        self._folder = folder
        self._process = OwnProcess(own, 'detector', ('detect', str(folder)))

    def state(self) -> dict[str, Any]:
        """Whether it runs, can be started, or somebody else's is followed."""
        runs = self._process.number() is not None
        return {
            'runs': runs,
            'follows': not runs and self._is_fresh(),
            'can_start': bool(self.sources) and not runs,
            'problem': '' if runs else self._process.error(),
        }

    def start(self, model: ModelFiles | None) -> None:
        """Start it.

        Raises:
            ValueError: It runs already, or there is no camera or no model.
        """
        if not self.sources:
            raise ValueError('no camera: name them to the server with --camera')
        if model is None or not model.config:
            raise ValueError('no model: start the server with --config and --checkpoint')
        command = ['detect', model.config, model.checkpoint, *self.sources]
        command += ['--out', str(self._folder), '--device', model.device, '--clips', '--live']
        if self._is_fresh() or not self._process.start(command):
            raise ValueError('a detector runs already')

    def stop(self) -> None:
        """Ask it to end; it closes its events first.

        Raises:
            ValueError: None was started from here.
        """
        if not self._process.stop():
            raise ValueError('no detector was started from this page')

    def _is_fresh(self) -> bool:
        """Whether somebody has written scores just now, and not ours that has ended since."""
        file = self._folder / SCORES
        written = file.stat().st_mtime if file.exists() else 0.0
        return written > max(time.time() - GONE_SECONDS, self._process.last_word_at)
