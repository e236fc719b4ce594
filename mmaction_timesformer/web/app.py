"""The server: its pages, the files that they load, and what it answers when something fails."""

from __future__ import annotations

from pathlib import Path

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp

import data_analysis.report
from mmaction_timesformer.detection.results.finishing import ANNOTATED, MEDIA, REPORT
from mmaction_timesformer.web.pages import label, learn, review, try_video, watch
from mmaction_timesformer.web.security import REPORT_POLICY, Guard
from mmaction_timesformer.web.site import Site, site_of
from video_clips.commands import in_a_line

STATIC = Path(__file__).with_name('static')
REPORT_CSS = Path(data_analysis.report.__file__).with_name('templates') / 'report.css'
_SHOWN_FOLDERS = (MEDIA, ANNOTATED)


def make_app(site: Site) -> ASGIApp:
    """The server's application, guarded."""
    routes = [
        Route('/', lambda request: RedirectResponse('/review')),
        Route('/results/{name:path}', finished_page),
        Route('/static/report.css', lambda request: FileResponse(REPORT_CSS)),
        Mount('/static', StaticFiles(directory=STATIC)),
        *review.ROUTES,
        *label.ROUTES,
        *watch.ROUTES,
        *try_video.ROUTES,
        *learn.ROUTES,
    ]
    handlers = {HTTPException: refuse, ValueError: fail, OSError: fail}
    app = Starlette(routes=routes, exception_handlers=handlers)
    app.state.site = site
    return Guard(app, site.access)


def finished_page(request: Request) -> Response:
    """The report that a detector wrote, and what it links to in its folder.

    The name is looked up in a list of the files that are there; it is never joined to a path.
    """
    folder = site_of(request).folder
    files = {REPORT: folder / REPORT}
    for name in _SHOWN_FOLDERS:
        if (folder / name).is_dir() and not (folder / name).is_symlink():
            files |= {f'{name}/{file.name}': file for file in (folder / name).iterdir()}
    file = files.get(request.path_params['name'])
    if file is None or not file.is_file() or file.is_symlink():
        raise HTTPException(404, 'there is no such page; a detector writes it when it ends')
    return FileResponse(file, headers={'content-security-policy': REPORT_POLICY})


def refuse(request: Request, error: Exception) -> Response:
    """Say in one line why a request cannot be answered."""
    assert isinstance(error, HTTPException)
    return _say(request, error.status_code, error.detail)


def fail(request: Request, error: Exception) -> Response:
    """Say in one line what is wrong with the files of this folder."""
    return _say(request, 500, in_a_line(error))


def _say(request: Request, status: int, text: str) -> Response:
    if 'text/html' in request.headers.get('accept', ''):
        response = site_of(request).page('message', message=text)
        response.status_code = status
        return response
    return JSONResponse({'error': text}, status)
