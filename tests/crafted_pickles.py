"""Pickles that no training writes, for the readers of checkpoints and dumps."""

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import torch

ARRAY = np.empty(0).__reduce__()[0]
SCALAR = np.float64(0).__reduce__()[0]


class Reduced:
    """Is pickled as a call with arguments and, if there is one, a state."""

    def __init__(self, function: Any, arguments: tuple[Any, ...], state: Any = None) -> None:
        self.reduced = (function, arguments) if state is None else (function, arguments, state)

    def __reduce__(self) -> tuple[Any, ...]:
        return self.reduced


def dtype(code: Any, state: Any) -> Reduced:
    """A dtype with a state of one's choice."""
    return Reduced(np.dtype, (code, False, True), state)


def array_of(kind: Any, data: bytes = b'\x41' * 16, shape: Any = (1,)) -> Reduced:
    """An array whose elements a crafted dtype reads as it likes."""
    return Reduced(ARRAY, (np.ndarray, (0,), b'b'), (1, shape, kind, False, data))


def write_dump(path: Path, value: Any, protocol: int = 2) -> Path:
    """Write the predictions of one clip with something beside them."""
    sample = {'pred_score': [0.1, 0.9], 'gt_label': [1], 'extra': value}
    path.write_bytes(pickle.dumps([sample], protocol))
    return path


def write_checkpoint(path: Path, value: Any, zipped: bool = True) -> Path:
    """Write the weights of one layer with something beside them."""
    content = {'state_dict': {'a.weight': torch.ones(2)}, 'extra': value}
    torch.save(content, path, _use_new_zipfile_serialization=zipped)
    return path


OBJECTS = ('|', None, None, None, -1, -1, 63)
CRAFTED_DTYPES = {
    'objects': dtype('O8', (3, *OBJECTS)),
    'numbers that become objects': dtype('i8', (3, *OBJECTS)),
    'flags alone': dtype('i8', (3, '<', None, None, None, -1, -1, 1)),
    'size of its own': dtype('i8', (3, '<', None, None, None, 1 << 40, 1, 0)),
    'negative size': dtype('S8', (3, '|', None, None, None, -8, 1, 0)),
    'size without alignment': dtype('i8', (3, '<', None, None, None, 16, 0, 0)),
    'fields': dtype('V16', (3, '|', None, ('a',), {'a': (np.dtype('O'), 0)}, 16, 1, 27)),
    'hidden objects': dtype('V8', (3, '|', None, ('a',), {'a': (np.dtype('O'), 0)}, 8, 1, 0)),
    'subarray of hidden objects': dtype('V8', (3, '|', (np.dtype('O'), (1,)), None, None, 8, 1, 0)),
    'fields of numbers': dtype('V8', (3, '|', None, ('a',), {'a': (np.dtype('f8'), 0)}, 8, 1, 0)),
    'field outside': dtype('V8', (3, '|', None, ('a',), {'a': (np.dtype('f8'), 9999)}, 8, 1, 0)),
    'fields of an integer': dtype(
        'i8', (3, '<', None, ('a',), {'a': (np.dtype('O'), 0)}, 8, 1, 27)
    ),
    'subarray': dtype('V8', (3, '|', (np.dtype('i8'), (1 << 20,)), None, None, 8, 1, 0)),
    'fields by code': Reduced(np.dtype, ([('a', 'O')], False, True)),
    'fields by text': Reduced(np.dtype, ('O,O', False, True)),
    'shape by text': Reduced(np.dtype, ('(1000000,)i8', False, True)),
    'unknown code': Reduced(np.dtype, ('q9', False, True)),
    'dates with metadata': dtype(
        'M8', (4, '<', None, None, None, -1, -1, 0, ({}, (b'D', 1, 1, 1)))
    ),
    'short state': dtype('i8', (3, '<')),
    'other byte order': dtype('i8', (3, 'x', None, None, None, -1, -1, 0)),
    'state of text': dtype('i8', 'i8<'),
    'number in place of a code': Reduced(np.dtype, (8, False, True)),
}
PLAIN = np.dtype('f8')
CRAFTED_ARRAYS = {
    'too few bytes': array_of(PLAIN, b'\x00' * 8, (1000,)),
    'too many bytes': array_of(PLAIN, b'\x00' * 80),
    'negative shape': array_of(PLAIN, b'', (-1,)),
    'overflowing shape': array_of(PLAIN, b'', (1 << 62, 1 << 62)),
    'shape of text': array_of(PLAIN, b'\x00' * 8, '1'),
    'list of objects': array_of(PLAIN, [1, 2]),  # type: ignore[arg-type]
    'no dtype': array_of('f8', b'\x00' * 8),
    'another class': Reduced(ARRAY, (torch.Size, (0,), b'b')),
    'array by its class': Reduced(np.ndarray, ((1 << 34,),)),
    'scalar of few bytes': Reduced(SCALAR, (PLAIN, b'\x00')),
    'scalar without bytes': Reduced(SCALAR, (PLAIN,)),
}
CRAFTED = {
    **{f'dtype: {name}': array_of(kind) for name, kind in CRAFTED_DTYPES.items()},
    **{
        f'scalar: {name}': Reduced(SCALAR, (kind, b'A' * 8))
        for name, kind in CRAFTED_DTYPES.items()
    },
    **{f'array: {name}': value for name, value in CRAFTED_ARRAYS.items()},
}
