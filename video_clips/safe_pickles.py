"""Numpy arrays and instruction counts of pickles from strangers.

A pickle restores a numpy dtype from a state of nine fields. A state of a stranger's making gives
an array whose elements are addresses that the file chose, and reading one crashes the process.
Here a dtype has the state that numpy itself writes for it, or is refused; so are dtypes of
objects and of several fields. ``compat.py`` gives these stand-ins to ``torch.load`` and
``evaluation/dumps.py`` to its reader.
"""

from __future__ import annotations

import pickletools
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pickle import UnpicklingError
from typing import IO, Any

import numpy as np

MAX_INSTRUCTIONS = 20_000_000
"""Of one pickle; a dump of 100,000 clips has about 11 million, a checkpoint 30 per parameter."""

MEMORY_PER_BYTE = 4
"""Times the size of a file that its arrays may take: text, bytes of it and an array make three."""

_LEFT: ContextVar[list[int] | None] = ContextVar('memory_left', default=None)
_PLAIN_KINDS = 'biufcSU'
_MEMO_WRITES = ('PUT', 'BINPUT', 'LONG_BINPUT')


def check_instructions(stream: IO[bytes] | bytes, limit: int = MAX_INSTRUCTIONS) -> None:
    """Walk through a pickle without running it.

    A few bytes can ask for any amount of memory: each instruction may make an object, and the
    table of known objects grows to the largest number that one is stored under.

    Raises:
        UnpicklingError: There are more instructions than the limit, one stores an object under a
            number that no writer uses, or the stream is no pickle.
    """
    try:
        for number, (instruction, argument, _) in enumerate(pickletools.genops(stream), 1):
            if number > limit:
                raise UnpicklingError(f'it has more than {limit:,} instructions, the limit here')
            if instruction.name in _MEMO_WRITES and int(argument or 0) > number:
                raise UnpicklingError(
                    f'instruction {number:,} stores an object under number {argument:,}; the '
                    'limit is the number of the instruction'
                )
    except (ValueError, IndexError, OverflowError, MemoryError) as error:
        raise UnpicklingError(f'not a whole pickle: {error}') from None


@contextmanager
def memory_for(num_bytes: int) -> Iterator[None]:
    """Limit what the arrays of a file of this many bytes may take, which can name one data twice.

    Inside the block, each call of :func:`spend` counts.
    """
    token = _LEFT.set([MEMORY_PER_BYTE * num_bytes])
    try:
        yield
    finally:
        _LEFT.reset(token)


def spend(num_bytes: int) -> None:
    """Take from the memory that a file's arrays may have.

    Raises:
        UnpicklingError: There is less left.
    """
    left = _LEFT.get()
    if left is not None:
        left[0] -= num_bytes
        if left[0] < 0:
            raise UnpicklingError(
                f'its arrays would take more than {MEMORY_PER_BYTE} times its size, the limit'
            )


class PlainDtype:
    """A dtype as a pickle describes it; ``real`` is numpy's.

    Args:
        code: Kind and size, such as ``f8``.
        align: Written as false by numpy for every plain dtype.
        copy: Without meaning for a plain dtype.

    Raises:
        UnpicklingError: The dtype is of objects, of several fields, or unknown.
    """

    def __init__(self, code: object, align: object = False, copy: object = True) -> None:
        try:
            real = np.dtype(code) if isinstance(code, str) else None
        except (TypeError, ValueError, SyntaxError, OverflowError):
            real = None
        if real is None or real.kind not in _PLAIN_KINDS or real.names or real.subdtype:
            raise UnpicklingError(f'the numpy dtype {code!r:.60} is refused: {_ALLOWED}')
        self.real = real

    def __setstate__(self, state: object) -> None:
        """Take the byte order from a state that is otherwise numpy's own for this dtype."""
        order = state[1] if isinstance(state, tuple) and len(state) > 1 else None
        if order not in ('<', '>', '|', '='):
            raise UnpicklingError(f'the state of a numpy dtype is refused: {_ALLOWED}')
        real = self.real.newbyteorder(order)
        written = real.__reduce__()[2]
        # By type too: equality is the file's own where it brings an object.
        assert isinstance(state, tuple)
        if [*map(type, state)] != [*map(type, written)] or state != written:
            raise UnpicklingError(
                f'the state of the numpy dtype {self.real.str} is not the one that numpy writes'
            )
        self.real = real


_ALLOWED = 'allowed are numbers, booleans, and text or bytes of one length'


class PlainArray(np.ndarray):
    """An array out of a pickle; it is written into one as numpy's own."""

    def __new__(cls, *args: object, **kwargs: object) -> PlainArray:
        """Refuse to make arrays of a size that a file names: they come from ``reconstruct``."""
        raise UnpicklingError('an array without its numbers is refused')

    def __setstate__(self, state: Any) -> None:
        """Take numbers, as many as shape and dtype say."""
        if not (isinstance(state, tuple) and len(state) == 5):
            raise UnpicklingError('the state of a numpy array has five fields')
        version, shape, dtype, is_fortran, data = state
        real = _real(dtype)
        _check_size(shape, real, data)
        super().__setstate__((version, shape, real, is_fortran, data))

    def __reduce_ex__(self, protocol: Any) -> Any:
        """Pickle as a plain array."""
        return self.view(np.ndarray).__reduce_ex__(protocol)


def reconstruct(kind: object, shape: object, code: object) -> PlainArray:
    """Make the empty array that ``__setstate__`` fills; numpy's ``_reconstruct``."""
    if kind not in (np.ndarray, PlainArray):
        raise UnpicklingError(f'an array of the type {kind!r:.60} is refused')
    return np.ndarray.__new__(PlainArray, (0,), np.int8)


def array_from_buffer(data: Any, dtype: object, shape: Any, order: Any) -> np.ndarray:
    """Make an array of bytes, as pickle's protocol 5 writes it; numpy's ``_frombuffer``."""
    real = _real(dtype)
    _check_size(shape, real, data)
    if order not in ('C', 'F'):
        raise UnpicklingError(f'the order {order!r:.60} of an array is neither C nor F')
    return np.ndarray(shape, real, data, order=order).copy(order)


def scalar(dtype: object, data: object = None) -> Any:
    """Make one number; numpy's function of this name."""
    real = _real(dtype)
    _check_size((), real, data)
    assert isinstance(data, bytes | bytearray)
    return np.ndarray((), real, data)[()]


def empty_bytes() -> bytes:
    """Make no bytes: how pickle's protocol 2 writes them for an array without elements."""
    return b''


def _real(dtype: object) -> np.dtype[Any]:
    if not isinstance(dtype, PlainDtype):
        raise UnpicklingError(f'{dtype!r:.60} is not a numpy dtype')
    return dtype.real


def _check_size(shape: object, dtype: np.dtype[Any], data: object) -> None:
    """Refuse data that is not exactly what a shape and a dtype take."""
    if not isinstance(data, bytes | bytearray):
        raise UnpicklingError(f'numbers of an array are a {type(data).__name__}, not bytes')
    sizes = shape if isinstance(shape, tuple) else (None,)
    if len(sizes) > 32 or any(type(size) is not int or size < 0 for size in sizes):
        raise UnpicklingError(f'{shape!r:.60} is not a shape')
    spend(len(data))
    wanted = dtype.itemsize
    for size in sizes:
        wanted *= size
    if wanted != len(data) or not dtype.itemsize:
        raise UnpicklingError(f'an array of {wanted:,} bytes has {len(data):,} of them')


STAND_INS: dict[str, Any] = {
    'numpy.dtype': PlainDtype,
    'numpy.ndarray': PlainArray,
    '__builtin__.bytes': empty_bytes,
    'builtins.bytes': empty_bytes,
    # numpy 1 and 2 keep these in modules of different names.
    **{
        f'numpy.{core}.{name}': stand_in
        for core in ('core', '_core')
        for name, stand_in in (
            ('multiarray._reconstruct', reconstruct),
            ('multiarray.scalar', scalar),
            ('numeric._frombuffer', array_from_buffer),
        )
    },
}
"""Names in a pickle to what they get in place of numpy's own."""
