"""Class labels as annotation files write them: an index or a class name, one or several."""

from collections.abc import Sequence
from dataclasses import dataclass

Label = int | tuple[int, ...] | None

MULTI_LABEL_SEPARATOR = ';'
UNLABELLED = '-1'


@dataclass(frozen=True)
class LabelReader:
    """Turns the text of a label into class indices and checks it against the classes.

    Args:
        classes: Class names in index order; without them any index from 0 is valid and no name is.
        multi_label: Whether a clip may have any number of classes.
    """

    classes: tuple[str, ...] | None = None
    multi_label: bool = False

    def __post_init__(self) -> None:
        if self.classes is not None and len(set(self.classes)) != len(self.classes):
            raise ValueError(f'classes must differ from each other, got {list(self.classes)}')

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
        if self.classes is not None and text in self.classes:
            return self.classes.index(text)
        if not _is_integer(text):
            known = self._describe() if self.classes is not None else 'no class names were given'
            raise ValueError(f'label {text!r} is neither an index nor a class name ({known})')
        index = int(text)
        if index < 0 or (self.classes is not None and index >= len(self.classes)):
            raise ValueError(f'label {index} is outside the classes ({self._describe()})')
        return index

    def _describe(self) -> str:
        if self.classes is None:
            return 'indices start at 0'
        shown = ', '.join(f'{index} {name}' for index, name in enumerate(self.classes[:8]))
        more = f', ... {len(self.classes) - 1}' if len(self.classes) > 8 else ''
        return f'{len(self.classes)} classes: {shown}{more}'


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
