"""Plain data: what JSON and spreadsheets can hold."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

import numpy as np

_STARTS_A_FORMULA = (*'=+-@\t\r\n', *'\uff1d\uff0b\uff0d\uff20')
"""The last four are wide forms of the first, which some spreadsheets take for them."""


def plain(value: Any) -> Any:
    """Numbers of Python in place of NumPy's, and None in place of NaN and infinity."""
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | np.ndarray):
        return [plain(item) for item in value]
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def parse_json(text: str | bytes) -> Any:
    """Parse JSON that anybody may have written.

    Raises:
        ValueError: It is not JSON, or is nested so deeply that reading it would take all the stack.
    """
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError('nested too deeply to be read') from None


def as_text(cell: object) -> object:
    """A cell that no spreadsheet takes for a formula: a quotation mark before its first letter.

    File and class names are anybody's, and spreadsheets run what begins with ``=``, ``+``, ``-``,
    ``@``, a tab or a return. Numbers and harmless texts stay as they are. `from_text` undoes it.
    """
    return f"'{cell}" if isinstance(cell, str) and _is_marked_formula(cell) else cell


def from_text(cell: str) -> str:
    """Give the text of a cell that `as_text` wrote."""
    return cell[1:] if cell.startswith("'") and _is_marked_formula(cell[1:]) else cell


def _is_marked_formula(cell: str) -> bool:
    """Whether it begins a formula, behind any number of such marks."""
    return cell.lstrip("'").startswith(_STARTS_A_FORMULA)
