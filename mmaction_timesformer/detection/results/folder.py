"""The folder that a run writes, and what a later run reads in it to go on.

================= ==================================================================
``run.json``      the model, its classes and rules; another model needs another folder
``events.jsonl``  events as they open, grow and close; gaps; starts and ends of sources
``scores.csv``    the scores of every window
================= ==================================================================

Scores are written before what follows from them. A run that goes on reads them back, so its
trackers stand where those of the killed run stood, and tells what that run did not get to tell.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from mmaction_timesformer.detection.detector import DangerDetector
from mmaction_timesformer.detection.events.events import DangerEvent, wall_clock
from mmaction_timesformer.detection.events.tracker import EventTracker, ScoredWindow
from mmaction_timesformer.detection.results.event_log import JsonLines, read_records
from mmaction_timesformer.detection.results.score_log import ScoreLog, read_scores
from mmaction_timesformer.detection.sources.feed import Begin, End, Gap, Resume
from mmaction_timesformer.detection.sources.sources import Source
from mmaction_timesformer.detection.watch import Pulse, Scored, Update, replay
from video_clips.whole_files import write_atomically

EVENTS, SCORES, MANIFEST = 'events.jsonl', 'scores.csv', 'run.json'


@dataclass
class SourceHistory:
    """What the log says of one source.

    Attributes:
        epoch: Wall-clock time at 0 of its time line.
        state: ``started``, ``finished``, ``failed`` or empty.
        has_started: Whether its first frame has been told.
        end_seconds: How far it was seen.
        events: Each event as told last.
        told: Everything that was told of events.
        gaps: Its gaps, those that ended.
        error: Why it could not be used.
    """

    epoch: datetime | None = None
    state: str = ''
    has_started: bool = False
    end_seconds: float = 0.0
    events: dict[str, DangerEvent] = field(default_factory=dict)
    told: set[tuple[str, str, float]] = field(default_factory=set)
    gaps: list[Gap] = field(default_factory=list)
    error: str = ''


def read_history(file: Path) -> dict[str, SourceHistory]:
    """Read ``events.jsonl``, source by source; there may be no such file.

    Raises:
        ValueError: A line is no record of a run.
    """
    history: dict[str, SourceHistory] = {}
    for number, record in enumerate(read_records(file) if file.exists() else (), start=1):
        try:
            _take(history.setdefault(record.get('source', ''), SourceHistory()), record)
        except (KeyError, TypeError, ValueError) as error:
            reason = f'{error} is missing' if isinstance(error, KeyError) else str(error)
            raise ValueError(f'{file}, line {number}: no record of detection: {reason}') from None
    return history


def _take(source: SourceHistory, record: Mapping[str, Any]) -> None:
    """Add a record to the history of its source."""
    if record['record'] == 'event':
        event = DangerEvent.from_record(dict(record))
        source.events[event.event_id] = event
        source.told.add(_news(event))
        source.end_seconds = max(source.end_seconds, event.end_seconds)
    elif record['record'] == 'gap' and record['end_seconds'] is not None:
        gap = Gap(*(record[name] for name in Gap.__dataclass_fields__))
        source.gaps.append(gap)
        source.end_seconds = max(source.end_seconds, record['end_seconds'])
    elif record['record'] == 'source':
        source.state = record['state']
        source.has_started |= source.state == 'started'
        source.error = record.get('error', '')
        source.end_seconds = max(source.end_seconds, record.get('end_seconds') or 0.0)
        if source.epoch is None and record.get('time'):
            source.epoch = datetime.fromisoformat(record['time'])


def read_manifest(file: Path) -> dict[str, Any]:
    """Read ``run.json``.

    Raises:
        ValueError: It is no manifest of a run.
    """
    try:
        manifest: dict[str, Any] = json.loads(file.read_text(encoding='utf-8'))
        missing = [name for name in ('fingerprint', 'rules', 'windows') if name not in manifest]
    except (ValueError, TypeError) as error:
        raise ValueError(f'{file} is no manifest of a run: {error}') from None
    if missing:
        raise ValueError(f'{file} is no manifest of a run: {missing} are missing')
    return manifest


@dataclass(frozen=True)
class Continuation:
    """How to go on with the sources.

    Attributes:
        sources: Those that are not finished yet.
        trackers: Trackers that stand where the earlier run's stood.
        resumes: Where the feeds begin.
        news: Changes of events that the earlier run did not get to tell.
    """

    sources: list[Source]
    trackers: dict[str, EventTracker]
    resumes: dict[str, Resume]
    news: list[DangerEvent]


class ResultsFolder:
    """Writes what happens, and knows what happened before.

    Args:
        folder: Where to write; made if it is missing.
        detector: The detector; its model and rules must be those that wrote the folder before.
        description: What else to note about the run.

    Raises:
        ValueError: The folder holds results of another model or other rules.
    """

    def __init__(
        self, folder: str | Path, detector: DangerDetector, description: Mapping[str, Any]
    ) -> None:
        self.folder = Path(folder)
        self._detector = detector
        self._check_manifest(description)
        self.history = read_history(self.folder / EVENTS)
        self._scores = ScoreLog(self.folder / SCORES, detector.classes)
        self._events = JsonLines(self.folder / EVENTS)

    def _check_manifest(self, description: Mapping[str, Any]) -> None:
        file = self.folder / MANIFEST
        fingerprint = self._detector.fingerprint
        if file.exists():
            earlier = read_manifest(file)['fingerprint']
            if earlier != fingerprint:
                raise ValueError(
                    f'{self.folder} holds results of {earlier}, these would be of {fingerprint}: '
                    'the model or the rules are others; name another folder'
                )
            return
        manifest = {
            'fingerprint': fingerprint,
            'classes': self._detector.classes,
            'rules': {name: asdict(rule) for name, rule in self._detector.rules.items()},
            'windows': asdict(self._detector.settings.windows),
            **description,
        }
        with write_atomically(file) as stream:
            json.dump(manifest, stream, indent=2, ensure_ascii=False, default=str)

    def resume(self, sources: Iterable[Source]) -> Continuation:
        """What an earlier run leaves to do."""
        going_on = Continuation([], {}, {}, [])
        past_scores = read_scores(self.folder / SCORES)[1]
        for source in sources:
            history = self.history.get(source.name, SourceHistory())
            if history.state == 'finished' and not source.is_live:
                continue
            going_on.sources.append(source)
            scored = past_scores.get(source.name, [])
            if source.is_live:
                self._resume_live(source, history, scored, going_on)
            elif history.state:
                self._resume_file(source, history, scored, going_on)
        return going_on

    def _resume_live(
        self,
        source: Source,
        history: SourceHistory,
        scored: list[ScoredWindow],
        going_on: Continuation,
    ) -> None:
        """The time that was missed is gone: events that were open end where they were last seen."""
        for event in history.events.values():
            if event.state != 'closed':
                going_on.news.append(replace(event, state='closed', interrupted=True))
        if history.has_started:
            scored_until = scored[-1].newest_seconds if scored else 0.0
            last_seconds = max(history.end_seconds, scored_until)
            going_on.resumes[source.name] = Resume(epoch=history.epoch, last_seconds=last_seconds)

    def _resume_file(
        self,
        source: Source,
        history: SourceHistory,
        scored: list[ScoredWindow],
        going_on: Continuation,
    ) -> None:
        """Go through all scores again, and take up the file where they end."""
        tracker = self._detector.make_tracker(source.name)
        tracker.epoch = history.epoch
        past: list[ScoredWindow | Gap] = sorted([*scored, *history.gaps], key=_moment)
        changes = replay(tracker, past)
        going_on.news.extend(event for event in changes if _news(event) not in history.told)
        going_on.trackers[source.name] = tracker
        going_on.resumes[source.name] = Resume(
            after_seconds=scored[-1].seconds if scored else None,
            epoch=history.epoch,
            after_gap_seconds=history.gaps[-1].end_seconds if history.gaps else None,
        )

    def write(self, update: Update) -> None:
        """Write one update."""
        past = self.history.get(update.source)
        is_known_start = isinstance(update, Begin) and past is not None and past.has_started
        if isinstance(update, Scored):
            self._scores.write(update.source, update.window)
        elif not isinstance(update, Pulse) and not is_known_start:
            self._events.write(to_record(update))

    def close(self) -> None:
        """Close the files."""
        self._scores.close()
        self._events.close()


def to_record(update: DangerEvent | Gap | Begin | End | Pulse) -> dict[str, Any]:
    """An update as a JSON object."""
    if isinstance(update, DangerEvent):
        return update.to_record()
    if isinstance(update, Gap):
        end = None if update.end_seconds is None else round(update.end_seconds, 6)
        start = round(update.start_seconds, 6)
        return {'record': 'gap', **asdict(update), 'start_seconds': start, 'end_seconds': end}
    if isinstance(update, Pulse):
        return {'record': 'heartbeat', **asdict(update)}
    if isinstance(update, Begin):
        time = wall_clock(update.epoch, 0.0)
        return {'record': 'source', 'state': 'started', 'source': update.source, 'time': time}
    return {
        'record': 'source',
        'state': 'failed' if update.error else 'finished',
        'source': update.source,
        'end_seconds': round(update.seconds, 3),
        'num_frames': update.num_frames,
        'error': update.error,
        'remark': update.remark,
    }


def _news(event: DangerEvent) -> tuple[str, str, float]:
    return event.event_id, event.state, event.end_seconds


def _moment(item: ScoredWindow | Gap) -> float:
    return item.seconds if isinstance(item, ScoredWindow) else item.start_seconds
