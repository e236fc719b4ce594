"""State that all pages of one server share, and the steps that all of them take."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse

from data_analysis.report.html import render_page
from mmaction_timesformer.detection.events.rules import SAFE_CLASS
from mmaction_timesformer.detection.results.drawing import class_colours
from mmaction_timesformer.version import __version__
from mmaction_timesformer.web.cameras import Cameras, DetectorProcess
from mmaction_timesformer.web.catalogue import Catalogue, Recording
from mmaction_timesformer.web.clips import Clips
from mmaction_timesformer.web.items import Item, find_items
from mmaction_timesformer.web.programs.nights import NightProcess
from mmaction_timesformer.web.run_records import RunRecords
from mmaction_timesformer.web.security import CSRF_HEADER, Access
from mmaction_timesformer.web.store import Store
from mmaction_timesformer.web.trial import Models
from video_clips.plain_data import parse_json

TEMPLATES = Path(__file__).with_name('templates')
PAGES = {'try': 'Try', 'watch': 'Watch', 'review': 'Review', 'label': 'Label', 'learn': 'Learn'}
MOST_BODY_BYTES = 1 << 20


@dataclass
class Site:
    """The parts of a server.

    Attributes:
        folder: The results of a detector.
        access: Who may talk.
        run: The run's records.
        catalogue: The recordings.
        store: What people said.
        clips: Makes clips.
        models: The model to try.
        cameras: The cameras of the run.
        detector: The detector that the page starts.
        uploads: Where videos that are dropped are kept.
        lineage: The folder of models that follow one another; there may be none.
        night: The training that the page starts.
    """

    folder: Path
    access: Access
    run: RunRecords
    catalogue: Catalogue
    store: Store
    clips: Clips
    models: Models
    cameras: Cameras
    detector: DetectorProcess
    uploads: Path
    lineage: Path
    night: NightProcess

    @property
    def classes(self) -> list[str]:
        """The classes of the run's model, or of the model to try, or those that people used."""
        if self.run.model.classes:
            return list(self.run.model.classes)
        if not self.models.problem():
            return list(self.models.get().classes)
        used = {row['label'] for row in self.store.states().values() if row.get('label')}
        return sorted({*used, SAFE_CLASS})

    def items(self) -> dict[str, Item]:
        """Items to review, by id."""
        self.run.refresh()
        return {item.id: item for item in find_items(self.run)}

    def page(self, name: str, **content: Any) -> HTMLResponse:
        """Render one of the pages."""
        html = render_page(
            TEMPLATES / f'{name}.html.j2',
            pages=PAGES,
            here=name,
            title=PAGES.get(name, name),
            csrf=self.access.csrf,
            csrf_header=CSRF_HEADER,
            run_name=self.folder.name,
            version=__version__,
            **content,
        )
        return HTMLResponse(html)

    def colours(self) -> dict[str, str]:
        """A colour for each class, as in the reports."""
        return class_colours(self.classes)


def site_of(request: Request) -> Site:
    """The site that a request is for."""
    return request.app.state.site


def recording_of(request: Request) -> Recording:
    """The recording that a request names by its id."""
    recording = site_of(request).catalogue.get(request.path_params['recording'])
    if recording is None:
        raise HTTPException(404, 'there is no such recording any more')
    return recording


def source_of(site: Site, recording: Recording) -> str:
    """The name under which a detector knows a recording, or else its own."""
    for source in dict.fromkeys([*site.run.sources, *site.run.windows]):
        found = site.catalogue.of_source(source)
        if found is not None and found.id == recording.id:
            return source
    return recording.name


async def read_json(request: Request) -> Any:
    """The JSON of a request, of limited size."""
    if not request.headers.get('content-type', '').startswith('application/json'):
        raise HTTPException(415, 'JSON is expected')
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > MOST_BODY_BYTES:
            raise HTTPException(413, 'that is more than fits')
    try:
        return parse_json(bytes(body))
    except ValueError:
        raise HTTPException(400, 'that is not JSON') from None


def text_of(content: Any, name: str) -> str:
    """A text in a JSON object; empty where it is missing."""
    value = content.get(name, '') if isinstance(content, dict) else None
    if not isinstance(value, str):
        raise ValueError(f'{name} must be a text')
    return value


def number_of(content: Any, name: str) -> float:
    """A finite number in a JSON object."""
    value = content.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError(f'{name} must be a number')
    return float(value)


def short_name(source: str) -> str:
    """A source's name as lists show it: of a path its end."""
    return '/'.join(PurePath(source).parts[-2:]) if '://' not in source else source
