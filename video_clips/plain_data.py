"""Plain data: what JSON and spreadsheets can hold."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

_STARTS_A_FORMULA = ('=', '+', '-', '@', '\t', '\r')


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


def as_text(cell: object) -> object:
    """A cell that no spreadsheet takes for a formula: a quotation mark before its first letter.

    File and class names are anybody's, and spreadsheets run what begins with ``=``, ``+``, ``-``,
    ``@``, a tab or a return. Numbers and harmless texts stay as they are.
    """
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(_STARTS_A_FORMULA) else cell
