"""How a program ends: with the file that it made, or with one line that says why not."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any


def run_command(make: Callable[..., Path], options: dict[str, Any]) -> int:
    """Call a function with the options of a command line.

    Args:
        make: Makes something and returns where it lies.
        options: Its arguments.

    Returns:
        The program's exit status: 0, or 1 if an input was missing, damaged or did not fit.
    """
    try:
        print(make(**options))
    except (ValueError, OSError, ImportError) as error:
        print(f'error: {error}', file=sys.stderr)
        return 1
    return 0
