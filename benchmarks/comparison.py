"""A new record beside the one of the same processor: what became slower by more than the spread."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

_LARGER_IS_BETTER = ('speed_of_ours', 'times_decord', 'times_original')
_OF_OTHERS = (
    'mmaction2', 'huggingface', 'floor', 'the decoder alone', 'PyTorch', "long_video_demo's way",
)  # fmt: skip
_SAME = ('processor', 'threads', 'gpu', 'torch')
"""Keys that must be equal for two records to be compared at all."""
_FEWEST_BYTES = 2**20
"""Whole numbers from here on are counts of bytes or operations."""
_MORE = 1.01
"""Growth of an exact count that is named."""

Path_ = tuple[str, ...]


def compare(new: Mapping[str, Any], file: Path) -> list[str]:
    """Compare a record with an earlier one.

    A measurement has a median and quartiles, or a slowest and a fastest run; it became slower if
    these lie apart from those of the earlier record, on the slow side. Counts of bytes and of
    operations are exact, and are named if they grow. Times of others' code are left out: those move
    with the machine. So do all times where other programs ran beside: then only ratios within
    a run and counts are compared.

    Args:
        new: The record.
        file: The earlier one, ``NAME.json``.

    Returns:
        Lines to print.
    """
    if not file.is_file():
        return [f'{file}: there is no record of this processor yet; nothing is compared']
    old = json.loads(file.read_text(encoding='utf-8'))
    facts = [{**record['hardware'], **record['versions']} for record in (old, new)]
    differ = [
        f'{name} {facts[0].get(name)} then, {facts[1].get(name)} now'
        for name in _SAME
        if facts[0].get(name) != facts[1].get(name)
    ]
    if old['settings'] != new['settings']:
        keys = sorted(set(old['settings']) | set(new['settings']))
        changed = [k for k in keys if old['settings'].get(k) != new['settings'].get(k)]
        # More rounds narrow the spread and move nothing.
        differ += [f'another {name}' for name in changed if name != 'rounds']
    if differ:
        return [f'{file}: nothing is compared: {"; ".join(differ)}']
    before, now = _measured(old['results']), _measured(new['results'])
    shared = [path for path in now if path in before]
    lines = []
    if busy := [_load(record) for record in (old, new) if _is_busy(record)]:
        lines = [f'{file}: times are not compared: other programs ran beside, {", ".join(busy)}']
        shared = [path for path in shared if not _moves_with_load(path, now[path])]
    slower = [path for path in shared if _is_slower(path, before[path], now[path])]
    lines.append(
        f'{file}: {len(slower)} of {len(shared)} measurements are slower, or more, than recorded'
    )
    for path in slower:
        was, has = _in_words(before[path]), _in_words(now[path])
        word = 'more' if _is_count(now[path]) else 'slower'
        lines.append(f'  {word}: {" / ".join(path)}: {was} then, {has} now')
    return lines


def _is_busy(record: Mapping[str, Any]) -> bool:
    """Whether more was running than the measurement and half a core beside."""
    return record['hardware'].get('load_average', 0) > record['hardware']['threads'] + 0.5


def _load(record: Mapping[str, Any]) -> str:
    hardware = record['hardware']
    return f'load average {hardware["load_average"]} with {hardware["threads"]} threads'


def _measured(results: Any) -> dict[Path_, Mapping[str, float]]:
    return {
        path: spread
        for path, spread in _spreads(results)
        if 'speed_of_ours' in path
        or not any(part.startswith(_OF_OTHERS) for part in path if not part.startswith('times_'))
    }


def _spreads(value: Any, path: Path_ = ()) -> Iterator[tuple[Path_, Mapping[str, float]]]:
    """Measurements anywhere in results, each under its path."""
    if isinstance(value, Mapping):
        if {'median', 'lower', 'upper'} <= set(value):
            if not value['median'] == value['lower'] == value['upper'] == 1:  # beside itself
                yield path, value
            return
        if {'slowest', 'fastest'} <= set(value):
            name = next(key for key in value if key.endswith('_per_second'))
            ends = {'lower': value['slowest'], 'upper': value['fastest']}
            yield (*path, name), {'median': value[name], **ends}
        for key, item in value.items():
            yield from _spreads(item, (*path, str(key)))
    elif isinstance(value, list):
        for number, item in enumerate(value):
            texts = item.values() if isinstance(item, Mapping) else ()
            names = [text for text in texts if isinstance(text, str)]
            yield from _spreads(item, (*path, *names[:1], str(number)))
    elif isinstance(value, int) and value >= _FEWEST_BYTES:
        yield path, {'median': value, 'lower': value, 'upper': value}


def _is_count(spread: Mapping[str, float]) -> bool:
    return isinstance(spread['median'], int) and spread['median'] >= _FEWEST_BYTES


def _moves_with_load(path: Path_, spread: Mapping[str, float]) -> bool:
    is_ratio = any(part.startswith('times_') or part == 'speed_of_ours' for part in path)
    return not is_ratio and not _is_count(spread)


def _is_slower(path: Path_, before: Mapping[str, float], now: Mapping[str, float]) -> bool:
    if _is_count(now):
        return now['median'] > _MORE * before['median']
    if path[-1].endswith('_per_second') or any(part in _LARGER_IS_BETTER for part in path):
        return now['upper'] < before['lower']
    return now['lower'] > before['upper']


def _in_words(spread: Mapping[str, float]) -> str:
    if _is_count(spread):
        return f'{spread["median"]:,}'
    return f'{spread["median"]:.3g} ({spread["lower"]:.3g} to {spread["upper"]:.3g})'
