"""Try: what the model says about a video, where it looked, and what other thresholds would find."""

from __future__ import annotations

import asyncio
import os
import re
import secrets
import threading
from dataclasses import dataclass
from pathlib import Path

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Route

from mmaction_timesformer.web.catalogue import Recording
from mmaction_timesformer.web.clips import NoClipError
from mmaction_timesformer.web.site import Site, recording_of, site_of
from mmaction_timesformer.web.trial import Trial, try_video
from video_clips.clip import VIDEO_SUFFIXES
from video_clips.commands import in_a_line
from video_clips.reading.opening import VideoError

MOST_UPLOAD_BYTES = 2 << 30
_one_at_a_time = threading.Lock()


@dataclass(frozen=True)
class _Key:
    """A result is of one file and one model."""

    recording: str
    stamp: int
    model: str


_results: dict[_Key, Trial] = {}
_MOST_RESULTS = 50


def try_page(request: Request) -> Response:
    """The page."""
    site = site_of(request)
    recordings = site.catalogue.all()
    return site.page('try', recordings=recordings, problem=site.models.problem())


def result(request: Request) -> Response:
    """The model's answers, as a part of the page."""
    site, recording = site_of(request), recording_of(request)
    try:
        trial = _try(site, recording)
    except (ValueError, VideoError, OSError) as error:
        return site.page('try_result', problem=in_a_line(error), recording=None)
    return site.page(
        'try_result',
        problem='',
        recording=recording,
        trial=trial,
        colours=site.colours(),
        curves=_curves(site, trial),
        best=next(iter(trial.probabilities)),
    )


def _try(site: Site, recording: Recording) -> Trial:
    stamp = recording.path.stat().st_mtime_ns
    key = _Key(recording.id, stamp, site.models.fingerprint())
    with _one_at_a_time:
        if key not in _results:
            while len(_results) >= _MOST_RESULTS:
                _results.pop(next(iter(_results)))
            _results[key] = try_video(site.models, recording.path)
    return _results[key]


def _curves(site: Site, trial: Trial) -> dict[str, str]:
    """Points of each danger's probability, 1000 wide and 100 high."""
    classes = site.models.detector().classes
    curves = {}
    for label in trial.enter:
        index = classes.index(label)
        places = [(w.seconds / trial.seconds, 1 - w.scores[index]) for w in trial.windows]
        curves[label] = ' '.join(f'{1000 * x:.1f},{100 * y:.1f}' for x, y in places)
    return curves


def map_clip(request: Request) -> Response:
    """Map of what raised the likeliest class, on the video."""
    site, recording = site_of(request), recording_of(request)
    try:
        file = site.clips.map_of_recording(recording)
    except NoClipError as error:
        raise HTTPException(404, str(error)) from None
    return FileResponse(file)


async def upload(request: Request) -> Response:
    """Take a video, under a name of our own."""
    site = site_of(request)
    suffix = Path(request.headers.get('x-file-name', '')).suffix.lower()
    if suffix not in VIDEO_SUFFIXES or not re.fullmatch(r'\.\w+', suffix):
        raise HTTPException(415, 'the name does not end like that of a video')
    file = site.uploads / f'{secrets.token_hex(8)}{suffix}'
    partial = file.with_name(f'.{file.name}')
    try:
        await _receive(request, partial)
        os.replace(partial, file)
    except OSError as error:
        raise HTTPException(507, f'the video cannot be kept: {error.strerror}') from None
    finally:
        partial.unlink(missing_ok=True)
    recording = await run_in_threadpool(site.catalogue.find_new, file)
    return JSONResponse({'recording': recording.id, 'name': recording.name})


async def _receive(request: Request, file: Path) -> None:
    size = 0
    with file.open('wb') as stream:
        async for piece in request.stream():
            size += len(piece)
            if size > MOST_UPLOAD_BYTES:
                raise HTTPException(413, f'a video may have {MOST_UPLOAD_BYTES >> 30} GiB')
            await asyncio.to_thread(stream.write, piece)


ROUTES = [
    Route('/try', try_page),
    Route('/try/{recording}', result),
    Route('/try/{recording}/map.mp4', map_clip),
    Route('/api/upload', upload, methods=['POST']),
]
