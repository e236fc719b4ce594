"""Class labels as annotation files write them: an index or a class name, one or several."""

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

Label = int | tuple[int, ...] | None

MULTI_LABEL_SEPARATOR = ';'
UNLABELLED = '-1'


@dataclass(frozen=True)
class LabelReader:
    """Turns the text of a label into class indices and checks it against the classes.

    Args:
        classes: Class names in index order; without them any index from 0 is valid and no name is.
        multi_label: Whether a clip may have any number of classes.
        numbers_are_indices: What a number stands for where classes are named by numbers: its index,
            as in text lists, or the name, as in CSV files.
    """

    classes: tuple[str, ...] | None = None
    multi_label: bool = False
    numbers_are_indices: bool = False

    def __post_init__(self) -> None:
        if self.classes is not None:
            check_class_names(self.classes)

    def knows(self, text: str) -> bool:
        """Whether the text is one label: an integer, or the name of a class."""
        return _is_integer(text) or text in (self.classes or ())

    def read(self, text: str) -> Label:
        """Read the label of one clip.

        Args:
            text: An index or a class name; several are separated by ``;`` or by spaces. Empty
                text and ``-1`` mean that the clip has no label.

        Returns:
            The class index, a tuple of them where ``multi_label`` is set, or None without a label.

        Raises:
            ValueError: The label is no class, or there are several where one is wanted.
        """
        text = text.strip()
        if text in ('', UNLABELLED):
            return None
        parts = self._split(text)
        if not self.multi_label:
            if len(parts) > 1:
                raise ValueError(f'has {len(parts)} labels ({text!r}), but multi_label is off')
            return self._index(parts[0])
        return tuple(self._index(part) for part in parts)

    def _split(self, text: str) -> list[str]:
        if self.knows(text):
            return [text]
        if MULTI_LABEL_SEPARATOR in text:
            return [part.strip() for part in text.split(MULTI_LABEL_SEPARATOR) if part.strip()]
        words = text.split()
        return words if all(self.knows(word) for word in words) else [text]

    def _index(self, text: str) -> int:
        is_index = self.numbers_are_indices and _is_integer(text)
        if self.classes is not None and text in self.classes and not is_index:
            return self.classes.index(text)
        if self._are_numbers_names() and not is_index:
            raise ValueError(
                f'label {text!r} is not a class name ({self._describe()}); where classes are named '
                'by numbers, labels in a CSV file are names, and indices go into a text list'
            )
        if not _is_integer(text):
            known = self._describe() if self.classes is not None else 'no class names were given'
            raise ValueError(f'label {text!r} is neither an index nor a class name ({known})')
        index = int(text)
        if index < 0 or (self.classes is not None and index >= len(self.classes)):
            raise ValueError(f'label {index} is outside the classes ({self._describe()})')
        return index

    def _are_numbers_names(self) -> bool:
        """Whether a number could be a class name as well as the index of another class."""
        return any(
            _is_integer(name) and name != str(index)
            for index, name in enumerate(self.classes or ())
        )

    def _describe(self) -> str:
        if self.classes is None:
            return 'indices start at 0'
        shown = ', '.join(f'{index} {name}' for index, name in enumerate(self.classes[:8]))
        more = f', ... {len(self.classes) - 1}' if len(self.classes) > 8 else ''
        return f'{len(self.classes)} classes: {shown}{more}'


def check_class_names(names: Iterable[str]) -> tuple[str, ...]:
    """Refuse class names that cannot be told apart, or that programs take for something else.

    Raises:
        ValueError: A name occurs twice, is empty, is ``-1`` (no label), or holds ``{{``, which
            mmengine would replace when it reads a config, running what stands there.
    """
    names = tuple(map(str, names))
    if len(set(names)) != len(names):
        raise ValueError(f'classes must differ from each other, got {list(names)}')
    for name in names:
        if name in ('', UNLABELLED):
            raise ValueError(f'{name!r} cannot name a class: it marks a clip without a label')
        refuse_templates(name, 'the class name')
    return names


def refuse_templates(text: str, what: str) -> None:
    """Raise ValueError for a text that mmengine would change when it reads a config with it."""
    if '{{' in text:
        raise ValueError(
            f'{what} {text!r} holds "{{{{", which configs read as a template; rename it'
        )


def as_indices(label: Label) -> tuple[int, ...]:
    """The class indices of a label, whichever of its three forms it has."""
    if label is None:
        return ()
    return (label,) if isinstance(label, int) else label


def format_label(label: Label, classes: Sequence[str] | None, separator: str) -> str:
    """Write a label as `LabelReader` reads it: by name where classes are given, else by index."""
    return separator.join(
        str(index) if classes is None else classes[index] for index in as_indices(label)
    )


def _is_integer(text: str) -> bool:
    return text.removeprefix('-').isdecimal()


def read_class_names(text: str | None) -> list[str] | None:
    """Class names from the command line: separated by commas, or a file with one on each line."""
    if text is None:
        return None
    if os.path.isfile(text):
        text = Path(text).read_text(encoding='utf-8').replace('\n', ',')
    return list(check_class_names(name.strip() for name in text.split(',') if name.strip()))
