"""Cameras as the page shows them, and the detector that the page starts and stops."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from mmaction_timesformer.detection.results.folder import SCORES
from mmaction_timesformer.detection.results.live_state import LIVE
from mmaction_timesformer.detection.sources.sources import file_name
from mmaction_timesformer.web.items import make_id
from mmaction_timesformer.web.run_records import RunRecords
from mmaction_timesformer.web.trial import ModelFiles
from video_clips.plain_data import parse_json

LOG, PID = 'detector.log', 'detector.pid'
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

    It is a process of its own: it goes on when the server ends, and a server that is started again
    finds it by the number that is written down.

    Args:
        folder: The results.
        own: The server's folder, for the log and the number.
        sources: Cameras, as ``detect.py`` takes them.
    """

    def __init__(self, folder: Path, own: Path, sources: Sequence[str]) -> None:
        self.sources = tuple(sources)
        self._folder = folder
        self._log, self._pid = own / LOG, own / PID
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None

    def state(self) -> dict[str, Any]:
        """Whether it runs, can be started, or somebody else's is followed."""
        number = self._number()
        return {
            'runs': number is not None,
            'follows': number is None and self._is_fresh(),
            'can_start': bool(self.sources) and number is None,
            'problem': '' if number is not None else self._last_words(),
        }

    def start(self, model: ModelFiles | None) -> None:
        """Start it.

        Raises:
            ValueError: It runs already, or there is no camera or no model.
        """
        with self._lock:
            if not self.sources:
                raise ValueError('no camera: name them to the server with --camera')
            if model is None or not model.config:
                raise ValueError('no model: start the server with --config and --checkpoint')
            if self._number() is not None or self._is_fresh():
                raise ValueError('a detector runs already')
            command = [sys.executable, '-m', 'mmaction_timesformer', 'detect', model.config]
            command += [model.checkpoint, *self.sources, '--out', str(self._folder)]
            command += ['--device', model.device, '--clips', '--live']
            with self._log.open('wb') as log:
                self._process = subprocess.Popen(
                    command,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,
                )
            self._pid.write_text(str(self._process.pid), encoding='ascii')

    def stop(self) -> None:
        """Ask it to end; it closes its events first.

        Raises:
            ValueError: None was started from here.
        """
        number = self._number()
        if number is None:
            raise ValueError('no detector was started from this page')
        os.kill(number, signal.SIGTERM)

    def _number(self) -> int | None:
        """The number of the process, if it is ours and alive."""
        if self._process is not None and self._process.poll() is None:
            return self._process.pid
        if self._process is not None or not self._pid.is_file():
            return None
        text = self._pid.read_text(encoding='ascii').strip()
        if not text.isdecimal():
            return None
        try:
            words = Path('/proc', text, 'cmdline').read_bytes().split(b'\0')
        except OSError:
            return None
        # A number is given again: only a detector of this folder is ours.
        is_ours = b'detect' in words and os.fsencode(self._folder) in words
        return int(text) if is_ours else None

    def _is_fresh(self) -> bool:
        """Whether somebody has written scores just now."""
        file = self._folder / SCORES
        return file.exists() and time.time() - file.stat().st_mtime < GONE_SECONDS

    def _last_words(self) -> str:
        """The error that the last detector ended with."""
        if not self._log.is_file():
            return ''
        lines = self._log.read_text(encoding='utf-8', errors='replace').strip().splitlines()
        return next((line for line in reversed(lines) if line.startswith('error')), '')
