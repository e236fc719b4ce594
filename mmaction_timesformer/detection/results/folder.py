"""The folder that a run writes, and that a later run reads to resume.

================= ==================================================================
``run.json``      the model, its classes and rules; another model needs another folder
``events.jsonl``  events as they open, grow and close; gaps; starts and ends of sources
``scores.csv``    the scores of every window
================= ==================================================================

Scores are written before the events that follow from them. A run that resumes reads them back, so
its trackers stand where those of the killed run stood, and reports what that run did not get to.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from mmaction_timesformer.detection.events.events import DangerEvent, event_key, wall_clock
from mmaction_timesformer.detection.events.tracker import EventSettings, ScoredWindow
from mmaction_timesformer.detection.results.event_log import JsonLines, read_records
from mmaction_timesformer.detection.results.score_log import ScoreLog, grow_scores, read_scores
from mmaction_timesformer.detection.sources import file_state
from mmaction_timesformer.detection.sources.addresses import former_name
from mmaction_timesformer.detection.sources.feed import Resume
from mmaction_timesformer.detection.sources.records import Begin, Drift, End, Gap
from mmaction_timesformer.detection.sources.sources import Source
from mmaction_timesformer.detection.successors import ModelChange
from mmaction_timesformer.detection.watch import Heartbeat, Record, Scored
from video_clips.growing_files import FolderLock
from video_clips.plain_data import parse_json
from video_clips.whole_files import write_atomically

EVENTS, SCORES, MANIFEST = 'events.jsonl', 'scores.csv', 'run.json'
MODEL_FACTS = ('source', 'name', 'model', 'before', 'time', 'error', 'load_seconds')


@dataclass
class SourceHistory:
    """The log of one source.

    Attributes:
        epoch: Wall-clock time at 0 of its time line.
        begin_seconds: Time of its first frame.
        state: ``started``, ``finished``, ``failed`` or empty.
        has_started: Whether its first frame has been reported.
        end_seconds: How far it was seen.
        events: Each event as reported last.
        told: Keys of all reports of events.
        gaps: Its gaps, those that ended.
        error: Why it could not be used.
        file: Identity of the recording that was read.
    """

    epoch: datetime | None = None
    begin_seconds: float = 0.0
    state: str = ''
    has_started: bool = False
    end_seconds: float = 0.0
    events: dict[str, DangerEvent] = field(default_factory=dict)
    told: set[tuple[str, str, float]] = field(default_factory=set)
    gaps: list[Gap] = field(default_factory=list)
    error: str = ''
    file: Mapping[str, Any] | None = None


def read_history(file: Path) -> dict[str, SourceHistory]:
    """Read ``events.jsonl``, source by source; there may be no such file.

    Raises:
        ValueError: A line is not a record of a run.
    """
    history: dict[str, SourceHistory] = {}
    for number, record in enumerate(read_records(file) if file.exists() else (), start=1):
        if record.get('record') == 'model':  # of no source
            continue
        try:
            take_record(history.setdefault(record.get('source', ''), SourceHistory()), record)
        except (KeyError, TypeError, ValueError) as error:
            reason = f'{error} is missing' if isinstance(error, KeyError) else str(error)
            raise ValueError(f'{file}, line {number}: not a detection record: {reason}') from None
    return history


def take_record(source: SourceHistory, record: Mapping[str, Any]) -> None:
    """Add a record to the history of its source.

    Raises:
        KeyError: It lacks something.
        ValueError: It is not a record of a run.
    """
    if record['record'] == 'event':
        event = DangerEvent.from_record(dict(record))
        source.events[event.event_id] = event
        source.told.add(event_key(event))
        source.end_seconds = max(source.end_seconds, event.end_seconds)
    elif record['record'] == 'gap' and record['end_seconds'] is not None:
        gap = Gap(*(record[name] for name in Gap.__dataclass_fields__))
        source.gaps.append(gap)
        source.end_seconds = max(source.end_seconds, record['end_seconds'])
    elif record['record'] == 'source':
        source.state = record['state']
        source.has_started |= source.state == 'started'
        source.error = record.get('error', '')
        source.file = record.get('file') or source.file
        if source.state == 'started':
            source.begin_seconds = float(record.get('start_seconds') or 0.0)
        source.end_seconds = max(source.end_seconds, record.get('end_seconds') or 0.0)
        if source.epoch is None and record.get('time'):
            source.epoch = datetime.fromisoformat(record['time'])


def read_manifest(file: Path) -> dict[str, Any]:
    """Read ``run.json``.

    Raises:
        ValueError: It is not a manifest of a run.
    """
    try:
        manifest: dict[str, Any] = parse_json(file.read_text(encoding='utf-8'))
        missing = [name for name in ('fingerprint', 'rules', 'windows') if name not in manifest]
    except (ValueError, TypeError) as error:
        raise ValueError(f'{file} is not a manifest of a run: {error}') from None
    if missing:
        raise ValueError(f'{file} is not a manifest of a run: {missing} are missing')
    return manifest


@dataclass(frozen=True)
class Continuation:
    """How to resume.

    Attributes:
        sources: Those that are not finished yet.
        known: All of them, under their names in the results.
        resumes: Where the feeds begin.
        interrupted: Events of live sources that an earlier run left open, now closed.
    """

    sources: list[Source]
    known: list[Source]
    resumes: dict[str, Resume]
    interrupted: list[DangerEvent]


class ResultsFolder:
    """Writes records, and knows those of earlier runs.

    Args:
        folder: Where to write; made if it is missing, and locked until `close`.
        settings: The model and rules; they must be those that wrote the folder before.
        description: Further facts for ``run.json``.
        predecessors: Digests of models whose results this one may continue.

    Raises:
        ValueError: The folder holds results of another model or other rules, or another run
            writes to it.
    """

    def __init__(
        self,
        folder: str | Path,
        settings: EventSettings,
        description: Mapping[str, Any],
        predecessors: Collection[str] = (),
    ) -> None:
        self.folder = Path(folder)
        self.settings = settings
        self._description = description
        self._lock = FolderLock(self.folder)
        try:
            before = self._check_manifest(predecessors)
            self.history = read_history(self.folder / EVENTS)
            if before is not None:
                grow_scores(self.folder / SCORES, settings.classes)
            self._scores = ScoreLog(self.folder / SCORES, settings.classes)
            self._events = JsonLines(self.folder / EVENTS)
            if before is not None:
                now = datetime.now(timezone.utc).isoformat()
                self.write(ModelChange('', settings.model, before, now, settings))
        except BaseException:
            self._lock.release()
            raise

    def _check_manifest(self, predecessors: Collection[str]) -> str | None:
        """Compare the folder's model with this one; name it if this one succeeds it."""
        file = self.folder / MANIFEST
        if not file.exists():
            self._write_manifest()
            return None
        earlier, fingerprint = read_manifest(file)['fingerprint'], self.settings.model
        if earlier == fingerprint:
            return None
        if any(digest.startswith(earlier.partition('-')[0]) for digest in predecessors):
            return str(earlier)
        raise ValueError(
            f'{self.folder} holds results of {earlier}, these would be of {fingerprint}: '
            'the model or the rules are others; name another folder'
        )

    def _write_manifest(self) -> None:
        settings = self.settings
        manifest = {
            'fingerprint': settings.model,
            'classes': settings.classes,
            'rules': {name: asdict(rule) for name, rule in settings.rules.items()},
            'windows': asdict(settings.windows),
            **self._description,
        }
        with write_atomically(self.folder / MANIFEST) as stream:
            json.dump(manifest, stream, indent=2, ensure_ascii=False, default=str)

    def resume(self, sources: Iterable[Source]) -> Continuation:
        """Find out what an earlier run left to do."""
        left = Continuation([], [], {}, [])
        past_scores = read_scores(self.folder / SCORES)[1]
        for source in sources:
            if source.is_live:
                left.known.append(source)
                left.sources.append(source)
                self._resume_live(source, past_scores, left)
                continue
            source, history = self._recording(source)
            left.known.append(source)
            if history.state == 'finished' and not self._has_changed(source, history):
                continue
            left.sources.append(source)
            if history.state:
                self._resume_file(source, history, past_scores.get(source.name, []), left)
        return left

    def _recording(self, source: Source) -> tuple[Source, SourceHistory]:
        """Give the source a name of its own if its file has replaced the one that was read."""
        history = self.history.get(source.name, SourceHistory())
        if history.file is None or file_state.compare(source.url, history.file) != 'other':
            return source, history
        letters = file_state.short_name(file_state.identify(source.url))
        source = replace(source, name=f'{source.name}~{letters}')
        return source, self.history.get(source.name, SourceHistory())

    def _has_changed(self, source: Source, history: SourceHistory) -> bool:
        """Whether there is more to watch; folders of older versions do not tell."""
        return history.file is not None and file_state.compare(source.url, history.file) != 'same'

    def _resume_live(
        self, source: Source, past_scores: Mapping[str, list[ScoredWindow]], left: Continuation
    ) -> None:
        """The time that was missed is gone: events that were open end where they were last seen."""
        name = source.name
        if name not in self.history and (old := former_name(source.url)) in self.history:
            name = old
        history = self.history.get(name, SourceHistory())
        for event in history.events.values():
            if event.state != 'closed':
                left.interrupted.append(replace(event, state='closed', interrupted=True))
        if history.has_started:
            scored = past_scores.get(name, [])
            scored_until = scored[-1].newest_seconds if scored else 0.0
            last_seconds = max(history.end_seconds, scored_until)
            left.resumes[source.name] = Resume(epoch=history.epoch, last_seconds=last_seconds)

    def _resume_file(
        self,
        source: Source,
        history: SourceHistory,
        scored: list[ScoredWindow],
        left: Continuation,
    ) -> None:
        """Go through all scores again, and take up the file where they end."""
        past: list[ScoredWindow | Gap] = sorted([*scored, *history.gaps], key=_moment)
        left.resumes[source.name] = Resume(
            epoch=history.epoch,
            begin_seconds=history.begin_seconds,
            past=tuple(past),
            told=frozenset(history.told),
        )

    def write(self, record: Record) -> None:
        """Write one record.

        Raises:
            OSError: It cannot be written; the error names the file.
        """
        past = self.history.get(record.source)
        is_known_start = isinstance(record, Begin) and past is not None and past.has_started
        if isinstance(record, Scored):
            self._scores.write(record.source, record.window)
        elif not isinstance(record, Heartbeat) and not is_known_start:
            self._events.write(to_record(record))
        if isinstance(record, ModelChange) and record.events is not None:
            self._take_over(record.events)

    def _take_over(self, settings: EventSettings) -> None:
        """Make room for the classes of the model that writes from here on."""
        if settings.classes != self.settings.classes:
            self._scores.close()
            grow_scores(self.folder / SCORES, settings.classes)
            self._scores = ScoreLog(self.folder / SCORES, settings.classes)
        self.settings = settings
        self._write_manifest()

    def close(self) -> None:
        """Close the files and let others write."""
        self._scores.close()
        self._events.close()
        self._lock.release()


def to_record(
    record: DangerEvent | Gap | Begin | Drift | End | Heartbeat | ModelChange,
) -> dict[str, Any]:
    """Make a JSON object of a record."""
    if isinstance(record, DangerEvent):
        return record.to_record()
    if isinstance(record, ModelChange):
        content = {name: getattr(record, name) for name in MODEL_FACTS}
        state = 'not taken over' if record.error else 'taken over'
        return {'record': 'model', 'state': state, **content}
    if isinstance(record, Gap):
        end = None if record.end_seconds is None else round(record.end_seconds, 6)
        start = round(record.start_seconds, 6)
        return {'record': 'gap', **asdict(record), 'start_seconds': start, 'end_seconds': end}
    if isinstance(record, Heartbeat):
        return {'record': 'heartbeat', **asdict(record)}
    if isinstance(record, Drift):
        return {'record': 'drift', **asdict(record)}
    if isinstance(record, Begin):
        return {
            'record': 'source',
            'state': 'started',
            'source': record.source,
            'time': wall_clock(record.epoch, 0.0),
            'start_seconds': round(record.seconds, 6),
            'clock': record.clock,
        }
    return {
        'record': 'source',
        'state': 'failed' if record.error else 'finished',
        'source': record.source,
        'end_seconds': round(record.seconds, 3),
        'num_frames': record.num_frames,
        'from_seconds': record.from_seconds,
        'error': record.error,
        'remark': record.remark,
        'file': record.file,
    }


def _moment(item: ScoredWindow | Gap) -> float:
    return item.seconds if isinstance(item, ScoredWindow) else item.start_seconds
