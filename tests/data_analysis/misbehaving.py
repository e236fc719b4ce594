"""Functions for worker processes, which import them from here."""

import os
import time
from pathlib import Path

from data_analysis.measuring.measure_file import measure_file

FOR_EVER = 600.0


def double(number: int) -> int:
    return 2 * number


def misbehave(what: str) -> str:
    """Hang, die, raise, or return what was asked for."""
    if what == 'hang':
        time.sleep(FOR_EVER)
    if what == 'die':
        os._exit(13)
    if what == 'raise':
        raise ValueError('as asked')
    return what


def hang_on_some_files(request: tuple[str, int]) -> dict:
    """Stands for `measure_file`: hangs on one file, kills its process on another."""
    name = Path(request[0]).stem
    if name == 'hangs':
        time.sleep(FOR_EVER)
    if name == 'crashes':
        os._exit(11)
    return measure_file(request)
