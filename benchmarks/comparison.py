"""A new record beside the one of the same processor: what became slower by more than the spread."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

_LARGER_IS_BETTER = ('speed_of_ours', 'times_decord', 'times_original')
_OF_OTHERS = ('mmaction2', 'huggingface', 'floor', 'the decoder alone', 'PyTorch')
_SAME = ('processor', 'threads', 'gpu', 'torch')
"""Keys that must be equal for two records to be compared at all."""

Path_ = tuple[str, ...]


def compare(new: Mapping[str, Any], file: Path) -> list[str]:
    """Compare a record with an earlier one.

    A measurement has a median and quartiles; it became slower if its quartiles lie apart from
    those of the earlier record, on the slow side. Times of others' code are left out: those move
    with the machine.

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
    before, now = dict(_spreads(old['results'])), dict(_spreads(new['results']))
    shared = [path for path in now if path in before]
    slower = [path for path in shared if _is_slower(path, before[path], now[path])]
    lines = [f'{file}: {len(slower)} of {len(shared)} measurements are slower than recorded']
    for path in slower:
        was, has = _in_words(before[path]), _in_words(now[path])
        lines.append(f'  slower: {" / ".join(path)}: {was} then, {has} now')
    return lines


def _spreads(value: Any, path: Path_ = ()) -> Iterator[tuple[Path_, Mapping[str, float]]]:
    """Measurements of this project's code anywhere in results, each under its path."""
    if isinstance(value, Mapping):
        if {'median', 'lower', 'upper'} <= set(value):
            is_ours = 'speed_of_ours' in path or not any(
                part.startswith(_OF_OTHERS) for part in path if not part.startswith('times_')
            )
            if is_ours and value['lower'] != value['upper']:
                yield path, value
            return
        for key, item in value.items():
            yield from _spreads(item, (*path, str(key)))
    elif isinstance(value, list):
        for number, item in enumerate(value):
            yield from _spreads(item, (*path, str(number)))


def _is_slower(path: Path_, before: Mapping[str, float], now: Mapping[str, float]) -> bool:
    if any(part in _LARGER_IS_BETTER for part in path):
        return now['upper'] < before['lower']
    return now['lower'] > before['upper']


def _in_words(spread: Mapping[str, float]) -> str:
    return f'{spread["median"]:.3g} ({spread["lower"]:.3g} to {spread["upper"]:.3g})'
