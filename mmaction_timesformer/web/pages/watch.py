"""Watch: cameras with their newest picture, health and scores, and alarms as they open."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from mmaction_timesformer.web.site import Site, short_name, site_of

PERIOD_SECONDS = 1.0
MOST_ALARMS = 50


def watch_page(request: Request) -> Response:
    """The page; its script listens to the server."""
    site = site_of(request)
    site.run.refresh()
    return site.page(
        'watch',
        colours={label: site.colours().get(label, '') for label in site.run.model.rules},
        detector=site.detector.state(),
        sources=len(site.detector.sources),
    )


def snapshot(site: Site, since: int) -> dict[str, Any]:
    """Everything that the page shows, with the alarms that are new."""
    site.run.refresh()
    with site.run.lock:
        records = site.run.alarms[since:]
        count = len(site.run.alarms)
    alarms = [_alarm(r) for r in records if r['record'] == 'event'][-MOST_ALARMS:]
    cameras = [c | {'name': short_name(c['name'])} for c in site.cameras.all()]
    return {
        'alarms': alarms,
        'cameras': cameras,
        'detector': site.detector.state(),
        'count': count,
    }


def _alarm(record: dict[str, Any]) -> dict[str, Any]:
    names = ('event_id', 'state', 'label', 'start_seconds', 'end_seconds', 'start_time')
    found = {name: record[name] for name in names}
    return found | {'score': record['peak_score'], 'source': short_name(record['source'])}


def changes(request: Request) -> Response:
    """Server-sent events: the state once a second."""
    site = site_of(request)

    async def stream() -> AsyncIterator[str]:
        since = 0
        while not await request.is_disconnected():
            try:
                content = await run_in_threadpool(snapshot, site, since)
            except (ValueError, OSError) as error:
                content = {'error': str(error), 'count': since}
            since = content['count']
            yield f'data: {json.dumps(content)}\n\n'
            await asyncio.sleep(PERIOD_SECONDS)

    return StreamingResponse(stream(), media_type='text/event-stream')


def picture(request: Request) -> Response:
    """The newest picture of a camera."""
    file = site_of(request).cameras.picture(request.path_params['camera'])
    if file is None:
        raise HTTPException(404, 'there is no picture; detect.py keeps them with --live')
    return FileResponse(file)


def start(request: Request) -> Response:
    """Start the detector."""
    site = site_of(request)
    try:
        if problem := site.models.problem():
            raise ValueError(problem)
        site.detector.start(site.models.files)
    except ValueError as error:
        raise HTTPException(409, str(error)) from None
    return JSONResponse(site.detector.state())


def stop(request: Request) -> Response:
    """Ask the detector to end."""
    try:
        site_of(request).detector.stop()
    except ValueError as error:
        raise HTTPException(409, str(error)) from None
    return JSONResponse(site_of(request).detector.state())


ROUTES = [
    Route('/watch', watch_page),
    Route('/api/watch', changes),
    Route('/cameras/{camera}.jpg', picture),
    Route('/api/detector/start', start, methods=['POST']),
    Route('/api/detector/stop', stop, methods=['POST']),
]
