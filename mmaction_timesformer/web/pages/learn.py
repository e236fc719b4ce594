"""Learn: what was corrected, what a model makes of it, and who takes that model into use."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from mmaction_timesformer.learning.corrections import Corrections
from mmaction_timesformer.learning.lineage import Card, Lineage, is_lineage
from mmaction_timesformer.learning.steps import learn_at_once, plan
from mmaction_timesformer.web.exports import judged_intervals, training_clips
from mmaction_timesformer.web.site import MOST_BODY_BYTES, Site, site_of
from video_clips.commands import in_a_line
from video_clips.reading.opening import VideoError

_learning = threading.Lock()


def learn_page(request: Request) -> Response:
    """The page."""
    return site_of(request).page('learn', **_content(site_of(request)))


def night(request: Request) -> Response:
    """The part of the page about a training; when it is over, the page asks for all anew."""
    site = site_of(request)
    return site.page('learn_night', night=site.night.state(), asked=True)


def content(request: Request) -> Response:
    """The content of the page."""
    return site_of(request).page('learn_content', **_content(site_of(request)))


def _content(site: Site, problem: str = '', done: str = '') -> dict[str, Any]:
    """Content of the page at present."""
    content: dict[str, Any] = dict(
        lineage=str(site.lineage), has_lineage=False, problem=problem, done=done
    )
    content |= dict(night=site.night.state(), asked=False)
    if not is_lineage(site.lineage):
        return content
    line = Lineage(site.lineage)
    current = line.current
    new = [row for row in site.store.history() if row['at'] > current.made]
    content |= dict(
        has_lineage=True,
        current=current,
        cards=line.cards()[::-1],
        log=line.log()[::-1],
        num_new=len(new),
        people=sorted({row['who'] for row in new}),
        planned=None,
        nothing='',
    )
    try:
        content['planned'] = plan(line, corrections_of(site, line))
    except ValueError as error:
        content['nothing'] = str(error)
    return content


def corrections_of(site: Site, line: Lineage) -> Corrections:
    """All that people have judged, as clips to learn from."""
    found = judged_intervals(site.store, site.catalogue)
    clips, names = training_clips(found, line.current.classes, absolute=True)
    return Corrections.of(clips, names)


def _learn(site: Site, line: Lineage, fields: dict[str, str]) -> str:
    if not _learning.acquire(blocking=False):
        raise ValueError('somebody else lets it learn right now')
    try:
        card = learn_at_once(line, corrections_of(site, line), fields['who'])
    finally:
        _learning.release()
    return f'model {card.model} waits for a decision'


def _start_night(site: Site, line: Lineage, fields: dict[str, str]) -> str:
    corrections = corrections_of(site, line)
    plan(line, corrections)
    site.night.start(corrections, fields['who'])
    return 'a training has begun; the model that comes out will wait here for a decision'


def _stop_night(site: Site, line: Lineage, fields: dict[str, str]) -> str:
    site.night.stop()
    return 'the training is asked to end'


def _accept(site: Site, line: Lineage, fields: dict[str, str]) -> str:
    against = fields.get('against') == 'yes'
    card = line.accept(fields['model'], fields['who'], fields['reason'], against)
    return _in_use(site, line, card)


def _reject(site: Site, line: Lineage, fields: dict[str, str]) -> str:
    return (
        f'model {line.reject(fields["model"], fields["who"], fields["reason"]).model} is rejected'
    )


def _roll_back(site: Site, line: Lineage, fields: dict[str, str]) -> str:
    return _in_use(site, line, line.rollback(fields['who'], fields['reason']))


def _in_use(site: Site, line: Lineage, card: Card) -> str:
    return f'model {card.model} is in use; detectors that watch with this lineage take it over'


_STEPS: dict[str, Callable[[Site, Lineage, dict[str, str]], str]] = {
    'learn': _learn,
    'overnight': _start_night,
    'stop': _stop_night,
    'accept': _accept,
    'reject': _reject,
    'rollback': _roll_back,
}


async def take_step(request: Request) -> Response:
    """Do what a form asks for, and show the page's content anew."""
    site, step = site_of(request), request.path_params['step']
    fields = await _fields(request)

    def work() -> dict[str, Any]:
        try:
            if step not in _STEPS:
                raise ValueError(f'{step} is unknown; choose from {", ".join(_STEPS)}')
            return _content(site, done=_STEPS[step](site, Lineage(site.lineage), fields))
        except (ValueError, VideoError, OSError) as error:
            return _content(site, problem=in_a_line(error))

    return site.page('learn_content', **await run_in_threadpool(work))


async def _fields(request: Request) -> dict[str, str]:
    body = (await request.body())[:MOST_BODY_BYTES].decode('utf-8', 'replace')
    found = {name: values[0].strip() for name, values in parse_qs(body).items()}
    return {'reason': '', 'model': '', **found, 'who': found.get('who') or 'somebody'}


ROUTES = [
    Route('/learn', learn_page),
    Route('/learn/night', night),
    Route('/learn/content', content),
    Route('/learn/{step}', take_step, methods=['POST']),
]
