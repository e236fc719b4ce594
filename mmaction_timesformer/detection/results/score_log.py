"""``scores.csv``: the scores of every window; a run resumes from them."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mmaction_timesformer.detection.events.tracker import ScoredWindow
from video_clips.growing_files import GrowingFile
from video_clips.plain_data import as_text, from_text
from video_clips.whole_files import write_atomically

_COLUMNS = ('source', 'seconds', 'newest_seconds')


class ScoreLog:
    """Appends the scores of windows to a CSV file.

    Args:
        file: The file; it is made, with its folder, if it is missing.
        classes: Names of the score columns.

    Raises:
        ValueError: The file has other columns.
    """

    def __init__(self, file: str | Path, classes: Sequence[str]) -> None:
        self._file = GrowingFile(file)
        if self._file.is_empty:
            self._append([*_COLUMNS, *map(as_text, classes)])
        else:
            _check_header(Path(file), classes)

    def write(self, source: str, window: ScoredWindow) -> None:
        """Append a window; when this returns, the end of the process cannot lose it."""
        self._append([as_text(source), window.seconds, window.newest_seconds, *window.scores])

    def _append(self, row: Sequence[Any]) -> None:
        text = io.StringIO()
        csv.writer(text, lineterminator='\n').writerow(row)
        self._file.append(text.getvalue())

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def _check_header(file: Path, classes: Sequence[str]) -> None:
    with file.open(encoding='utf-8', newline='') as stream:
        header = next(csv.reader(stream))
    if [*map(from_text, header)] != [*_COLUMNS, *classes]:
        raise ValueError(f'{file} has columns {header}; of other classes than {list(classes)}')


def grow_scores(file: str | Path, classes: Sequence[str]) -> None:
    """Add columns for classes that a model has learned; windows before had a probability of 0.

    Raises:
        ValueError: The classes do not begin with those of the file.
    """
    file = Path(file)
    if not file.is_file():
        return
    with file.open(encoding='utf-8', newline='') as stream:
        # Half a row, which a killed writer leaves, is left out.
        rows = csv.reader(line for line in stream if line.endswith('\n'))
        header = next(rows, [])
        known = [*map(from_text, header[len(_COLUMNS) :])]
        if known != list(classes[: len(known)]):
            raise ValueError(f'{file} has the classes {known}, not the first of {classes}')
        new = list(classes[len(known) :])
        if new:
            with write_atomically(file) as out:
                writer = csv.writer(out, lineterminator='\n')
                writer.writerow([*header, *map(as_text, new)])
                writer.writerows([*row, *['0.0'] * len(new)] for row in rows)


def read_scores(file: str | Path) -> tuple[tuple[str, ...], dict[str, list[ScoredWindow]]]:
    """Read a score log.

    Returns:
        The classes, and for each source its windows in order.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It is not a score log.
    """
    file = Path(file)
    if not file.is_file():
        raise FileNotFoundError(f'{file}: no such file of scores')
    try:
        return _read(file)
    except (UnicodeDecodeError, csv.Error) as error:
        raise ValueError(f'{file} cannot be read as CSV: {error}') from None


def _read(file: Path) -> tuple[tuple[str, ...], dict[str, list[ScoredWindow]]]:
    scores: dict[str, list[ScoredWindow]] = {}
    with file.open(encoding='utf-8', newline='') as stream:
        rows = csv.reader(line for line in stream if line.endswith('\n'))
        header = next(rows, [])
        if tuple(header[: len(_COLUMNS)]) != _COLUMNS or len(header) == len(_COLUMNS):
            raise ValueError(f'{file} is not a score log; its columns would begin with {_COLUMNS}')
        for row in rows:
            if len(row) != len(header):
                raise ValueError(
                    f'{file}, line {rows.line_num}: {len(row)} of {len(header)} fields'
                )
            source, *numbers = row
            try:
                seconds, newest_seconds, *values = map(float, numbers)
            except ValueError as error:
                raise ValueError(f'{file}, line {rows.line_num}: {error}') from None
            window = ScoredWindow(seconds, newest_seconds, tuple(values))
            scores.setdefault(from_text(source), []).append(window)
    return tuple(map(from_text, header[len(_COLUMNS) :])), scores
