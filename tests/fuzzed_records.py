"""Lists, records and other text files of every reader, small and right, to be mutated."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path

from data_analysis.summary.summary import SCHEMA_VERSION, read_summary
from mmaction_timesformer.detection.events.events import DangerEvent
from mmaction_timesformer.detection.quality.truth import read_truth
from mmaction_timesformer.detection.results.event_log import read_events
from mmaction_timesformer.detection.results.folder import (
    EVENTS,
    MANIFEST,
    SCORES,
    read_history,
    to_record,
)
from mmaction_timesformer.detection.results.score_log import read_scores
from mmaction_timesformer.detection.sources.records import Begin, End, Gap
from mmaction_timesformer.inference.exporting.exported_stream import KEY as STREAM_KEY
from mmaction_timesformer.inference.exporting.exported_stream import StreamMetadata
from mmaction_timesformer.inference.exporting.metadata import KEY, ExportMetadata
from mmaction_timesformer.learning.corrections import read_corrections
from mmaction_timesformer.learning.lineage import CARD, LOG, MODELS, Lineage
from mmaction_timesformer.web.run_records import RunRecords, read_model
from video_clips.annotation_files import class_names_in, read_annotations

CLASSES = ('Other', 'Worker')
EVENT = DangerEvent(
    'e1', 'closed', 'Worker', 1.0, 2.5, 1.5, 2.0, 0.9, 0.8, source='yard', model='m'
)
TRUE_EVENT = {'label': 'Worker', 'start_seconds': 1.0, 'end_seconds': 2.5}
WINDOWS = {'num_frames': 4, 'span_seconds': 1.0, 'hop_seconds': 0.5}


def _writer(name: str, text: str, **others: str) -> Callable[[Path], Path]:
    """A function that writes a file, and others beside it whose dots are underscores here."""

    def write(folder: Path) -> Path:
        for other, content in {name: text, **others}.items():
            path = folder / other
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content, encoding='utf-8')
        return folder / name

    return write


def _lines(*records: object) -> str:
    return ''.join(f'{json.dumps(record)}\n' for record in records)


def _strings(path: Path) -> dict[str, str]:
    text = path.read_bytes().decode('utf-8', 'replace')
    return {KEY: text, STREAM_KEY: text}


_EVENTS = _lines(
    to_record(Begin('yard', datetime(2026, 3, 1, tzinfo=timezone.utc), 0.5, 'creation_time')),
    to_record(EVENT),
    to_record(Gap('yard', 3.0, 4.0, 'no frame')),
    to_record(End('yard', 9.0, num_frames=90, file={'bytes': 3})),
)
_SCORES = 'source,seconds,newest_seconds,Other,Worker\nyard,0.5,1.0,0.25,0.75\nyard,1.0,1.5,1,0\n'
_MANIFEST = json.dumps(
    {
        'fingerprint': 'm-1',
        'classes': CLASSES,
        'rules': {'Worker': {'enter': 0.6, 'leave': 0.4}},
        'windows': WINDOWS,
    }
)
_TRUTH = {'yard.mp4': {'duration_seconds': 60, 'events': [TRUE_EVENT]}}
_CLIPS = (
    'path,label,recording,start_seconds,end_seconds\na.mp4,Worker,r1,0.5,2\n"b c.mp4",Other,,,\n'
)
_CARD = {
    'model': 'm1',
    'made': '2026-03-01T00:00:00+00:00',
    'how': 'start',
    'parents': [],
    'classes': CLASSES,
    'digest': 'ab',
    'exam': {'passed': True, 'reasons': ['as good']},
}
_LOG = {'action': 'start', 'model': 'm1', 'by': 'ann', 'time': '2026-03-01', 'reason': 'first'}
_EXPORT = {
    'classes': CLASSES,
    'num_frames': 4,
    'frame_interval': None,
    'span_seconds': 1.0,
    'image_size': [32, 32],
    'picture_steps': [{'type': 'Resize'}],
    'multi_label': False,
    'temperature': 1.0,
    'weights_digest': 'ab',
    'precision': 'fp32',
    'device': 'cpu',
    'pixels': 'float',
    'outputs': 'probabilities',
}
_STREAM = {
    'classes': CLASSES,
    'horizons': [-1.0, 2.0],
    'frame_seconds': 0.25,
    'image_size': [32, 32],
    'weights_digest': 'ab',
    'state': {'count': [1], 'keys': [2, 3, 4]},
}


def _read_lineage(path: Path) -> object:
    return Lineage(path.parents[path.name == CARD and 2]).cards()


RECORDS: dict[str, tuple[Callable[[Path], Path], Callable[[Path], object]]] = {
    'text list': (_writer('a.txt', 'a.mp4 0\nb c/d 1.mp4 1\n'), read_annotations),
    'CSV list': (_writer('a.csv', _CLIPS), lambda path: read_annotations(path, CLASSES)),
    'class names': (_writer('a.csv', _CLIPS), lambda path: class_names_in([path])),
    'corrections': (
        _writer('a.csv', _CLIPS, **{'a.mp4': '', 'b c.mp4': ''}),
        lambda path: read_corrections(path, CLASSES),
    ),
    'history': (_writer(EVENTS, _EVENTS), read_history),
    'events': (_writer(EVENTS, _EVENTS), read_events),
    'events on the web': (
        _writer(EVENTS, _EVENTS, **{MANIFEST: _MANIFEST, SCORES: _SCORES}),
        lambda path: RunRecords(path.parent),
    ),
    'scores': (_writer(SCORES, _SCORES), read_scores),
    'scores on the web': (_writer(SCORES, _SCORES), lambda path: RunRecords(path.parent)),
    'manifest': (_writer(MANIFEST, _MANIFEST), read_model),
    'truth': (_writer('truth.json', json.dumps(_TRUTH)), read_truth),
    'truth in CSV': (
        _writer('a.csv', 'source,label,start_seconds,end_seconds\na.mp4,Worker,0.5,2\n'),
        read_truth,
    ),
    'lineage log': (
        _writer(LOG, _lines(_LOG), **{f'{MODELS}/m1/{CARD}': json.dumps(_CARD)}),
        _read_lineage,
    ),
    'lineage card': (
        _writer(f'{MODELS}/m1/{CARD}', json.dumps(_CARD), **{LOG: _lines(_LOG)}),
        _read_lineage,
    ),
    'summary': (
        _writer('summary.json', json.dumps({'schema_version': SCHEMA_VERSION, 'classes': {}})),
        read_summary,
    ),
    'export': (
        _writer('metadata', json.dumps(_EXPORT)),
        lambda path: ExportMetadata.from_strings(_strings(path), path),
    ),
    'export of a stream': (
        _writer('metadata', json.dumps(_STREAM)),
        lambda path: StreamMetadata.from_strings(_strings(path), path),
    ),
}
"""Name of a kind of file to what writes one and what reads it."""
