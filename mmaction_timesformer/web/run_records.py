"""The records of a run, read as a detector writes them: what happened, where, and how surely."""

from __future__ import annotations

import csv
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mmaction_timesformer.detection.events.rules import EventRule
from mmaction_timesformer.detection.events.tracker import ScoredWindow
from mmaction_timesformer.detection.results.folder import (
    EVENTS,
    MANIFEST,
    SCORES,
    SourceHistory,
    read_manifest,
    take_record,
)
from video_clips.plain_data import from_text, parse_json

_SCORE_COLUMNS = 3


@dataclass
class _Tail:
    """A file that grows, read line by line from where the last reading ended."""

    file: Path
    offset: int = 0

    def lines(self) -> Iterator[str]:
        """Whole lines that are new."""
        if not self.file.exists():
            return
        with self.file.open('rb') as stream:
            stream.seek(self.offset)
            for line in stream:
                if not line.endswith(b'\n'):
                    return
                self.offset += len(line)
                yield line.decode('utf-8', 'replace')

    @property
    def has_shrunk(self) -> bool:
        """Whether the file was replaced by a shorter one."""
        return self.offset > 0 and (
            not self.file.exists() or self.file.stat().st_size < self.offset
        )


@dataclass(frozen=True)
class RunModel:
    """The model and the rules of a run; empty before one has begun.

    Attributes:
        classes: The model's classes in index order.
        rules: The rule of each class that is a danger.
        span_seconds: Time that a window covers.
        windows: How windows lie in time, as in ``run.json``.
        fingerprint: Names model and rules.
        config: The model's config, as the detector was given it.
        checkpoint: Its weights.
    """

    classes: tuple[str, ...] = ()
    rules: dict[str, EventRule] = field(default_factory=dict)
    span_seconds: float = 4.0
    windows: dict[str, Any] = field(default_factory=dict)
    fingerprint: str = ''
    config: str = ''
    checkpoint: str = ''


class RunRecords:
    """Records of the run in a folder; there may be none yet.

    Args:
        folder: The folder that `tools/detect.py` writes.

    Raises:
        ValueError: It holds something else.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.lock = threading.RLock()
        self._begin()
        self.refresh()

    def _begin(self) -> None:
        self.model = RunModel()
        self.sources: dict[str, SourceHistory] = {}
        self.windows: dict[str, list[ScoredWindow]] = {}
        self.alarms: list[dict[str, Any]] = []
        self._events, self._scores = _Tail(self.folder / EVENTS), _Tail(self.folder / SCORES)
        self._columns: list[str] = []
        self.version = 0

    def refresh(self) -> None:
        """Read what has been written since.

        Raises:
            ValueError: A line is not a record of a run.
        """
        with self.lock:
            if self._events.has_shrunk or self._scores.has_shrunk:
                self._begin()
            if not self.model.fingerprint and (self.folder / MANIFEST).exists():
                self.model = read_model(self.folder / MANIFEST)
            for line in self._events.lines():
                self._take_event(line)
            try:
                for row in csv.reader(self._scores.lines()):
                    self._take_scores([*map(from_text, row)])
            except csv.Error as error:
                raise ValueError(f'{self._scores.file} has a line of no CSV: {error}') from None

    def _take_event(self, line: str) -> None:
        try:
            record = parse_json(line)
            source = self.sources.setdefault(record.get('source', ''), SourceHistory())
            take_record(source, record)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise ValueError(f'{self._events.file} has a line that is no record: {error}') from None
        self.version += 1
        if record['record'] in ('event', 'gap', 'source'):
            self.alarms.append(record)

    def _take_scores(self, row: list[str]) -> None:
        if not self._columns:
            self._columns = row
            return
        try:
            seconds, newest, *scores = map(float, row[1:])
        except ValueError:
            raise ValueError(f'{self._scores.file} has a line that holds no scores') from None
        if len(scores) != len(self._columns) - _SCORE_COLUMNS:
            raise ValueError(f'{self._scores.file} has a line with {len(row)} fields')
        self.windows.setdefault(row[0], []).append(ScoredWindow(seconds, newest, tuple(scores)))
        self.version += 1


def read_model(manifest: Path) -> RunModel:
    """Read the model of a run.

    Raises:
        ValueError: It is not a manifest of a run.
    """
    content = read_manifest(manifest)
    try:
        return RunModel(
            classes=tuple(map(str, content.get('classes', content['rules']))),
            rules={name: EventRule(**rule) for name, rule in content['rules'].items()},
            span_seconds=float(content['windows']['span_seconds']),
            windows=dict(content['windows']),
            fingerprint=content['fingerprint'],
            config=str(content.get('config', '')),
            checkpoint=str(content.get('checkpoint', '')),
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f'{manifest} is not a manifest of a run: {error}') from None
