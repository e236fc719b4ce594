"""How much memory a block of code needs at most, on the CPU or a CUDA device."""

from __future__ import annotations

import contextlib
import ctypes
import gc
import re
import resource
import sys
from pathlib import Path

import torch

STATUS, CLEAR = Path('/proc/self/status'), Path('/proc/self/clear_refs')


class HeldMemory:
    """Context manager that counts the memory that comes to be held inside it.

    On a CUDA device that of tensors. On the CPU that of the process: what was held and given back
    before does not hide what is held now, where Linux allows its high-water mark to be put back.

    Args:
        device: Where the code runs.

    Attributes:
        peak_bytes: The most held above what was held at the start; known when the block ends.
    """

    def __init__(self, device: str) -> None:
        self.peak_bytes = 0
        self._device = torch.device(device)
        self._before = 0

    def __enter__(self) -> HeldMemory:
        gc.collect()
        if self._device.type == 'cuda':
            torch.cuda.reset_peak_memory_stats(self._device)
            self._before = torch.cuda.memory_allocated(self._device)
        else:
            self._before = _reset_process_peak()
        return self

    def __exit__(self, *error: object) -> None:
        is_cuda = self._device.type == 'cuda'
        peak = torch.cuda.max_memory_allocated(self._device) if is_cuda else _process_peak()
        self.peak_bytes = max(peak - self._before, 0)


def _reset_process_peak() -> int:
    """Bytes held now, which become the peak; the peak so far where that cannot be done."""
    # glibc keeps what was given back for later use, which would then look as if nothing were held.
    with contextlib.suppress(AttributeError):
        ctypes.CDLL(None).malloc_trim(0)
    with contextlib.suppress(OSError):
        CLEAR.write_text('5')  # proc(5): the resident set's high-water mark.
    return _process_peak()


def _process_peak() -> int:
    if STATUS.is_file() and (found := re.search(r'VmHWM:\s+(\d+) kB', STATUS.read_text())):
        return int(found[1]) * 1024
    # Kilobytes everywhere but on macOS.
    unit = 1 if sys.platform == 'darwin' else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
