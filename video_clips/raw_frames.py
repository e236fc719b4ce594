"""mmaction2's lists of videos that lie as folders of numbered images."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from video_clips.labels import Label, LabelReader


@dataclass(frozen=True)
class FrameFolder:
    """One clip of numbered images.

    Attributes:
        path: The folder, as written in the list.
        num_frames: How many images the clip has.
        label: Class index, or several in a multi-label set, or None where the clip has no label.
        first_frame: How many images of the folder come before the clip (mmaction2's ``offset``).
    """

    path: str
    num_frames: int
    label: Label = None
    first_frame: int = 0


def read_raw_frame_list(
    file: str | Path,
    classes: Sequence[str] | None = None,
    multi_label: bool = False,
    with_offset: bool = False,
) -> list[FrameFolder]:
    """Read lines of ``folder [offset] num_frames label...``; the folder's name may contain spaces.

    Args:
        file: The list, UTF-8.
        classes: Class names in index order. Labels are checked against them.
        multi_label: Whether clips have any number of labels; they must be indices then.
        with_offset: Whether an offset stands before the number of frames.

    Returns:
        One clip a line, in file order.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: Names the file, the line and what is wrong with it, or that it holds no clip.
    """
    file = Path(file)
    if not file.is_file():
        raise FileNotFoundError(f'{file}: no such annotation file')
    labels = LabelReader(None if classes is None else tuple(classes), multi_label, True)
    folders = []
    with file.open(encoding='utf-8-sig', errors='surrogateescape') as lines:
        for number, line in enumerate(lines, start=1):
            if line.strip():
                try:
                    folders.append(_read_line(line.strip(), labels, with_offset))
                except ValueError as error:
                    raise ValueError(f'{file}, line {number}: {error}') from None
    if not folders:
        raise ValueError(f'{file}: the annotation file names no clip')
    return folders


def _read_line(line: str, labels: LabelReader, with_offset: bool) -> FrameFolder:
    num_numbers = 2 if with_offset else 1
    words = line.split()
    label_at = len(words) - 1
    if labels.multi_label:
        # What follows the last word that is no number: counts, then any number of labels.
        last_name = max(i for i, word in enumerate(words) if i == 0 or not word.isdecimal())
        label_at = last_name + 1 + num_numbers
    elif len(words) == 1 + num_numbers:
        label_at = len(words)
    path_end = label_at - num_numbers
    numbers = words[path_end:label_at]
    if path_end < 1 or not all(word.isdecimal() for word in numbers) or int(numbers[-1]) < 1:
        wanted = 'folder offset num_frames label' if with_offset else 'folder num_frames label'
        raise ValueError(f'{line!r} is not of the form "{wanted}" with at least one frame')
    return FrameFolder(
        path=line.rsplit(maxsplit=len(words) - path_end)[0],
        num_frames=int(numbers[-1]),
        label=labels.read(' '.join(words[label_at:])),
        first_frame=int(numbers[0]) if with_offset else 0,
    )
