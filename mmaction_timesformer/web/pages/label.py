"""Label: intervals marked on a recording's time line; what everybody said, to take away."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Route

from mmaction_timesformer.detection.events.rules import SAFE_CLASS
from mmaction_timesformer.web.clips import NoClipError
from mmaction_timesformer.web.exports import (
    frames_csv,
    judged_intervals,
    training_clips,
    truth,
)
from mmaction_timesformer.web.site import (
    Site,
    read_json,
    recording_of,
    site_of,
    source_of,
    text_of,
)
from video_clips.annotation_files import write_annotations
from video_clips.reading.opening import VideoError
from video_clips.reading.video import open_video

_DOWNLOAD = {'truth': 'application/json', 'annotations': 'text/csv', 'frames': 'text/csv'}


def label_page(request: Request) -> Response:
    """The page; its script asks for the recordings."""
    site = site_of(request)
    site.run.refresh()
    recordings = site.catalogue.all()
    classes = [name for name in site.classes if name != SAFE_CLASS]
    return site.page('label', recordings=recordings, classes=classes, colours=site.colours())


def intervals(request: Request) -> Response:
    """Intervals of a recording, by people and by the detector."""
    site, recording = site_of(request), recording_of(request)
    source, items = source_of(site, recording), site.items()
    states = site.store.states()
    by_hand = [
        _interval(state)
        for state in states.values()
        if state.get('source') == source and state['item'] not in items
    ]
    alarms = [
        _interval({**vars(item), 'item': item.id, 'says': '', **states.get(item.id, {})}, item.kind)
        for item in items.values()
        if item.source == source
        and (item.kind == 'alarm' or states.get(item.id, {}).get('says') in ('right', 'relabel'))
    ]
    content = {
        'intervals': [i for i in [*alarms, *by_hand] if i['says'] != 'wrong' or i['kind']],
        'duration': duration_of(site, recording.path, source),
        'is_whole': source in site.store.whole(),
    }
    return JSONResponse(content)


def _interval(state: dict[str, Any], kind: str = '') -> dict[str, Any]:
    names = ('item', 'says', 'label', 'start_seconds', 'end_seconds', 'who')
    found = {name: state.get(name, '') for name in names}
    return found | {'kind': kind, 'head': state.get('head', '')}


def duration_of(site: Site, path: Path, source: str) -> float:
    """How long a recording is; 0 where it cannot be read."""
    history = site.run.sources.get(source)
    if history is not None and history.state == 'finished':
        return history.end_seconds
    try:
        with open_video(path) as video:
            return float(video.seconds[0] + video.duration_seconds)
    except (VideoError, OSError):
        return 0.0


def video(request: Request) -> Response:
    """A recording, or a copy that browsers play."""
    try:
        file = site_of(request).clips.playable(recording_of(request))
    except NoClipError as error:
        raise HTTPException(404, str(error)) from None
    return FileResponse(file)


async def set_whole(request: Request) -> Response:
    """Note that everything in a recording is labelled, or that it is not."""
    site = site_of(request)
    content = await read_json(request)
    try:
        recording = site.catalogue.get(text_of(content, 'recording'))
        who = text_of(content, 'who').strip() or 'somebody'
    except ValueError as error:
        raise HTTPException(400, str(error)) from None
    if recording is None:
        raise HTTPException(404, 'there is no such recording any more')
    site.store.set_whole(source_of(site, recording), who, bool(content.get('is_whole')))
    return JSONResponse({'is_whole': bool(content.get('is_whole'))})


def export(request: Request) -> Response:
    """One of the files to take away."""
    site, name = site_of(request), request.path_params['name']
    found = judged_intervals(site.store, site.catalogue)
    if name == 'truth.json':
        sources = site.store.whole()
        if request.query_params.get('all'):
            sources = sources | {a.source for a in found}
        durations = {source: _duration(site, source) for source in sorted(sources)}
        return _download(name, json.dumps(truth(found, durations), indent=1, ensure_ascii=False))
    if name == 'frames.csv':
        return _download(name, frames_csv(found))
    if name == 'annotations.csv':
        clips, classes = training_clips(found, site.run.model.classes, absolute=False)
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder, name)
            write_annotations(file, clips, classes)
            return _download(name, file.read_text(encoding='utf-8'))
    if name == 'history.jsonl':
        rows = reversed(site.store.history(newest=1_000_000))
        return _download(name, ''.join(json.dumps(row, ensure_ascii=False) + '\n' for row in rows))
    raise HTTPException(404, 'there is no such export')


def _duration(site: Site, source: str) -> float:
    recording = site.catalogue.of_source(source)
    return 0.0 if recording is None else round(duration_of(site, recording.path, source), 3)


def _download(name: str, text: str) -> Response:
    kind = _DOWNLOAD.get(name.partition('.')[0], 'application/x-ndjson')
    headers = {'content-disposition': f'attachment; filename="{name}"'}
    return Response(text, media_type=kind, headers=headers)


ROUTES = [
    Route('/label', label_page),
    Route('/api/intervals/{recording}', intervals),
    Route('/api/whole', set_whole, methods=['POST']),
    Route('/recordings/{recording}', video),
    Route('/export/{name}', export),
]
