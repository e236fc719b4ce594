"""Review: the queue, its clips, and the verdicts that people give."""

from __future__ import annotations

from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Route

from mmaction_timesformer.web.clips import NoClipError, clip_span
from mmaction_timesformer.web.items import Filters, Item
from mmaction_timesformer.web.queue import DEFAULT_ORDER, ORDERS, order_items
from mmaction_timesformer.web.site import (
    Site,
    number_of,
    read_json,
    short_name,
    site_of,
    source_of,
    text_of,
)
from mmaction_timesformer.web.store import ConflictError, Verdict

MOST_SHOWN = 300
LIMITS = {'least': 0.0, 'most': 1.0}
MOST_VERDICTS = 500


def review_page(request: Request) -> Response:
    """The page; its script asks for the queue."""
    site = site_of(request)
    site.run.refresh()
    sources = dict.fromkeys([*site.run.sources, *site.run.windows])
    return site.page(
        'review',
        classes=site.classes,
        sources={name: short_name(name) for name in sources if name},
        orders=ORDERS,
        dangers=list(site.run.model.rules),
    )


def queue(request: Request) -> Response:
    """The items that fit the filters, in order, each with its state."""
    site = site_of(request)
    try:
        filters, order = read_filters(dict(request.query_params))
        items, states = site.items(), site.store.states()
        fitting = [i for i in items.values() if filters.fit(i, states.get(i.id, {}))]
        ordered = order_items(fitting, site.run.model.rules, order)
    except ValueError as error:
        raise HTTPException(400, str(error)) from None
    judged = sum(bool(states.get(item, {}).get('says')) for item in items)
    shown = [_shown(site, item, states.get(item.id, {})) for item in ordered[:MOST_SHOWN]]
    counts = {'all': len(items), 'judged': judged, 'fitting': len(fitting)}
    return JSONResponse({'items': shown, 'counts': counts})


def read_filters(values: dict[str, str]) -> tuple[Filters, str]:
    """The filters and the order that a query asks for.

    Raises:
        ValueError: A name is unknown or a score is not a number.
    """
    order = values.pop('order', DEFAULT_ORDER)
    unknown = sorted(set(values) - set(Filters.__dataclass_fields__))
    if unknown:
        raise ValueError(f'unknown filters {unknown}')
    least, most = (float(values.pop(name, '') or default) for name, default in LIMITS.items())
    return Filters(**values, least=least, most=most), order


def _shown(site: Site, item: Item, state: dict[str, Any]) -> dict[str, Any]:
    start, _ = clip_span(item)
    return item.to_json() | {
        'source_name': short_name(item.source),
        'clip_start': start,
        'state': _public(state),
    }


def _public(state: dict[str, Any]) -> dict[str, Any]:
    names = ('says', 'label', 'start_seconds', 'end_seconds', 'who', 'at', 'head')
    return {name: state[name] for name in names if name in state}


async def add_verdicts(request: Request) -> Response:
    """Store verdicts in the order given; each has a result of its own.

    The page sends again what got no answer. A verdict that breaks a rule or that somebody else was
    faster with is not worth sending again, so the page is told; a full disk is, so all of the
    answer fails.
    """
    site = site_of(request)
    content = await read_json(request)
    if not isinstance(content, list) or not 0 < len(content) <= MOST_VERDICTS:
        raise HTTPException(400, f'a list of 1 to {MOST_VERDICTS} verdicts is expected')
    try:
        return JSONResponse({'results': await run_in_threadpool(_add_all, site, content)})
    except OSError as error:
        raise HTTPException(507, f'nothing can be stored: {error}') from error


def _add_all(site: Site, content: list[Any]) -> list[dict[str, Any]]:
    items = site.items()
    return [_add(site, items, entry) for entry in content]


def _add(site: Site, items: dict[str, Item], entry: Any) -> dict[str, Any]:
    key = entry.get('key') if isinstance(entry, dict) else None
    try:
        state = site.store.add(_verdict(site, items, entry))
        return {'key': key, 'result': 'stored', 'state': _public(state)}
    except ConflictError as conflict:
        return {'key': key, 'result': 'conflict', 'state': _public(conflict.state)}
    except ValueError as error:
        return {'key': key, 'result': 'refused', 'error': str(error)}


def _verdict(site: Site, items: dict[str, Item], entry: Any) -> Verdict:
    """A verdict on an item of the queue, or on an interval that was labelled by hand."""
    item = items.get(text_of(entry, 'item'))
    if item is not None:
        source, shown_label = item.source, item.label
    else:
        source, shown_label = _source_by_hand(site, entry), ''
    return Verdict(
        key=text_of(entry, 'key'),
        item=text_of(entry, 'item'),
        follows=text_of(entry, 'follows'),
        who=text_of(entry, 'who').strip() or 'somebody',
        says=text_of(entry, 'says'),
        source=source,
        label=text_of(entry, 'label').strip(),
        start_seconds=round(number_of(entry, 'start_seconds'), 3),
        end_seconds=round(number_of(entry, 'end_seconds'), 3),
        shown_label=shown_label,
    )


def _source_by_hand(site: Site, entry: Any) -> str:
    """The source of an interval that is labelled by hand, or of an item that was one once."""
    earlier = site.store.history(text_of(entry, 'item'), newest=1)
    if earlier:
        return earlier[0]['source']
    recording = site.catalogue.get(text_of(entry, 'recording'))
    if recording is None:
        raise ValueError('there is no such item any more')
    return source_of(site, recording)


def clip(request: Request) -> Response:
    """The looping clip of an item."""
    return _clip(request, lambda site, item: site.clips.of_item(item))


def map_clip(request: Request) -> Response:
    """Map of what the model looked at."""
    return _clip(request, lambda site, item: site.clips.map_of_item(item))


def _clip(request: Request, make: Any) -> Response:
    site = site_of(request)
    item = site.items().get(request.path_params['item'])
    if item is None:
        raise HTTPException(404, 'there is no such item any more')
    try:
        return FileResponse(make(site, item), headers={'cache-control': 'private, max-age=600'})
    except NoClipError as error:
        raise HTTPException(404, str(error)) from None


def history(request: Request) -> Response:
    """Who said what about an item, the newest first."""
    rows = site_of(request).store.history(request.path_params['item'])
    return JSONResponse({'rows': [_public(row) for row in rows]})


ROUTES = [
    Route('/review', review_page),
    Route('/api/queue', queue),
    Route('/api/verdicts', add_verdicts, methods=['POST']),
    Route('/api/history/{item}', history),
    Route('/clips/{item}.mp4', clip),
    Route('/clips/{item}/map.mp4', map_clip),
]
