"""Annotation files of labelled clips: mmaction2's text lists and CSV, read and written.

Text, one clip a line, the label last; the path may contain spaces, and a number is an index::

    Track-Excavator/rec 003 clip 02.mp4 0

CSV with a header; only ``path`` (or ``filename``) is required, a label is a class name or an index,
several are separated by ``;``, and a clip may be a part of a longer video. Where classes are named
by numbers, labels in a CSV are names only::

    path,label,recording,start_seconds,end_seconds
    yard/2026-03-01.mp4,Bucket-Worker,yard-1,12.5,22.5
"""

import csv
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TextIO

from video_clips.clip import VIDEO_SUFFIXES, Clip, find_clips, recording_of
from video_clips.labels import (
    MULTI_LABEL_SEPARATOR,
    UNLABELLED,
    LabelReader,
    check_class_names,
    format_label,
)
from video_clips.plain_data import as_text, from_text
from video_clips.whole_files import write_atomically

__all__ = [
    'Clip',
    'class_names_in',
    'find_clips',
    'read_annotations',
    'recording_of',
    'write_annotations',
]

_PATH_THEN_LABEL = re.compile(
    rf'(?P<path>.*(?:{"|".join(map(re.escape, sorted(VIDEO_SUFFIXES)))}))(?:\s+(?P<label>.*))?',
    re.IGNORECASE,
)
_COLUMN_NAMES = {
    'path': ('path', 'filename'),
    'label': ('label',),
    'start_seconds': ('start_seconds', 'start'),
    'end_seconds': ('end_seconds', 'end'),
}


def read_annotations(
    file: str | Path,
    classes: Sequence[str] | None = None,
    multi_label: bool = False,
    *,
    delimiter: str | None = None,
    recording_column: str = 'recording',
) -> list[Clip]:
    """Read an annotation file; a name that ends in ``.csv`` is CSV, everything else a text list.

    Args:
        file: The annotation file, UTF-8.
        classes: Class names in index order. Labels are checked against them.
        multi_label: Whether clips have any number of labels (a tuple of indices each).
        delimiter: What separates path and label in a text list; by default white space.
        recording_column: Name of the CSV column that tells clips' recordings, if it has one.

    Returns:
        One clip a line, in file order; paths as written.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: Names the file, the line and what is wrong with it, or that it holds no clip.
    """
    labels = LabelReader(None if classes is None else tuple(classes), multi_label)
    return read_clips(file, labels, delimiter=delimiter, recording_column=recording_column)


def read_clips(
    file: str | Path,
    labels: LabelReader,
    *,
    delimiter: str | None = None,
    recording_column: str = 'recording',
) -> list[Clip]:
    """Do the work of `read_annotations`, with any reader of labels."""
    file = Path(file)
    if not file.is_file():
        raise FileNotFoundError(f'{file}: no such annotation file')
    if file.suffix.lower() == '.csv':
        try:
            clips = list(_read_csv(file, labels, recording_column))
        except csv.Error as error:
            raise ValueError(f'{file}: cannot be read as CSV: {error}') from None
    else:
        labels = replace(labels, numbers_are_indices=True)
        clips = list(_read_text(file, labels, delimiter))
    if not clips:
        raise ValueError(f'{file}: the annotation file names no clip')
    return clips


def class_names_in(files: Iterable[str | Path]) -> tuple[str, ...]:
    """The class names that CSV files use as labels, sorted; empty if all labels are indices."""
    reader = LabelReader()
    names: set[str] = set()
    for file in map(Path, files):
        if not file.is_file():
            raise FileNotFoundError(f'{file}: no such annotation file')
        with file.open(encoding='utf-8-sig', errors='surrogateescape', newline='') as lines:
            try:
                rows = csv.DictReader(lines, skipinitialspace=True)
                labels = [from_text(row.get('label') or '') for row in rows]
            except csv.Error as error:
                raise ValueError(f'{file}: cannot be read as CSV: {error}') from None
        names.update(part.strip() for text in labels for part in text.split(MULTI_LABEL_SEPARATOR))
    return check_class_names(sorted(name for name in names if name and not reader.knows(name)))


def _read_text(file: Path, labels: LabelReader, delimiter: str | None) -> Iterator[Clip]:
    with file.open(encoding='utf-8-sig', errors='surrogateescape') as lines:
        for number, line in enumerate(lines, start=1):
            if not line.strip():
                continue
            try:
                path, label = split_text_line(line.strip(), labels, delimiter)
                yield Clip(path, labels.read(label))
            except ValueError as error:
                raise ValueError(f'{file}, line {number}: {error}') from None


def split_text_line(
    line: str, labels: LabelReader, delimiter: str | None = None
) -> tuple[str, str]:
    """Split a line of a text list into path and label (empty if it has none).

    A path that ends like a video file ends at its suffix, so spaces and numbers in it do no harm.
    Other paths end where the labels at the end of the line begin.
    """
    if delimiter is not None:
        path, _, label = line.partition(delimiter)
        return path.strip(), label.replace(delimiter, MULTI_LABEL_SEPARATOR)
    if match := _PATH_THEN_LABEL.fullmatch(line):
        return match['path'], match['label'] or ''
    words = list(re.finditer(r'\S+', line))
    first_label = len(words) - 1
    while labels.multi_label and first_label > 1 and labels.knows(words[first_label - 1][0]):
        first_label -= 1
    if first_label < 1:
        return line, ''
    label_at = words[first_label].start()
    return line[:label_at].rstrip(), line[label_at:]


def _read_csv(file: Path, labels: LabelReader, recording_column: str) -> Iterator[Clip]:
    with file.open(encoding='utf-8-sig', errors='surrogateescape', newline='') as lines:
        rows = csv.reader(lines, skipinitialspace=True)
        header = [name.strip() for name in next(rows, [])]
        columns = _find_columns(file, header, recording_column)
        for row in rows:
            if not any(cell.strip() for cell in row):
                continue
            try:
                if len(row) != len(header):
                    raise ValueError(
                        f'has {len(row)} fields, the header {len(header)}; '
                        'a field with commas in it must be quoted'
                    )
                cells = {key: from_text(row[at].strip()) for key, at in columns.items()}
                yield _clip_of_row(cells, labels)
            except ValueError as error:
                raise ValueError(f'{file}, line {rows.line_num}: {error}') from None


def _find_columns(file: Path, header: list[str], recording_column: str) -> dict[str, int]:
    names = {**_COLUMN_NAMES, 'recording': (recording_column,)}
    columns = {
        key: header.index(found)
        for key, spellings in names.items()
        if (found := next((name for name in spellings if name in header), None)) is not None
    }
    if 'path' not in columns:
        raise ValueError(
            f'{file}, line 1: the header needs a column path (or filename), and may have label, '
            f'recording, start_seconds and end_seconds; it has {", ".join(header) or "nothing"}'
        )
    if recording_column != 'recording' and 'recording' not in columns:
        raise ValueError(f'{file}, line 1: there is no column {recording_column!r}')
    return columns


def _clip_of_row(cells: dict[str, str], labels: LabelReader) -> Clip:
    if not cells['path']:
        raise ValueError('the path is empty')
    return Clip(
        path=cells['path'],
        label=labels.read(cells.get('label', '')),
        recording=cells.get('recording') or None,
        start_seconds=_seconds(cells.get('start_seconds', '')),
        end_seconds=_seconds(cells.get('end_seconds', '')),
    )


def _seconds(text: str) -> float | None:
    if not text:
        return None
    try:
        return float(text)
    except ValueError:
        raise ValueError(f'{text!r} is no number of seconds') from None


def write_annotations(
    file: str | Path, clips: Iterable[Clip], classes: Sequence[str] | None = None
) -> None:
    """Write an annotation file that `read_annotations` reads back to the same clips.

    Args:
        file: Ends in ``.csv`` for CSV, anything else is a text list as mmaction2 reads it. It is
            complete or not there: written beside its place and renamed.
        clips: What to write. A text list has no room for recordings and start and end times.
        classes: Class names, which a CSV then holds in place of indices.

    Raises:
        ValueError: A clip cannot be written in this format.
    """
    file = Path(file)
    clips = list(clips)
    with write_atomically(file) as stream:
        if file.suffix.lower() == '.csv':
            _write_csv(stream, clips, classes)
        else:
            stream.writelines(f'{_text_line(file, clip)}\n' for clip in clips)


def _text_line(file: Path, clip: Clip) -> str:
    if (clip.recording, clip.start_seconds, clip.end_seconds) != (None, None, None):
        raise ValueError(
            f'{file}: {clip.path} has a recording or a start or end time, which a text list '
            'cannot hold; write a .csv file'
        )
    label = format_label(clip.label, None, ' ') or UNLABELLED
    line = f'{clip.path} {label}'
    readable_as = split_text_line(line, LabelReader(multi_label=isinstance(clip.label, tuple)))
    if '\n' in line or clip.path != clip.path.strip() or readable_as != (clip.path, label):
        raise ValueError(
            f'{file}: a text list cannot hold the path {clip.path!r}; write a .csv file'
        )
    return line


def _write_csv(stream: TextIO, clips: list[Clip], classes: Sequence[str] | None) -> None:
    optional = [
        name
        for name in ('recording', 'start_seconds', 'end_seconds')
        if any(getattr(clip, name) is not None for clip in clips)
    ]
    writer = csv.writer(stream, lineterminator='\n')
    writer.writerow(['path', 'label', *optional])
    for clip in clips:
        if clip.path != clip.path.strip():
            raise ValueError(f'the path {clip.path!r} starts or ends with white space')
        label = format_label(clip.label, classes, MULTI_LABEL_SEPARATOR)
        cells = (clip.path, label, *(getattr(clip, name) for name in optional))
        writer.writerow(['' if cell is None else as_text(cell) for cell in cells])
