"""Reading the file that ``test.py --dump`` writes.

The file is a pickle, and unpickling runs whatever a file asks for. Here it may ask for tensors,
arrays and plain containers, and for nothing else.
"""

from __future__ import annotations

import io
import pickle
from collections import OrderedDict
from pathlib import Path
from typing import Any

import torch

from video_clips.safe_pickles import STAND_INS, check_instructions, memory_for, spend

EXPECTED = 'expected the list of predictions that "test.py --dump FILE.pkl" writes'


def load_dump(path: str | Path) -> list[dict[str, Any]]:
    """Read the predictions of a test run.

    Args:
        path: The ``.pkl`` file.

    Returns:
        One dict per clip, with ``pred_score``, ``gt_label`` and what the pipeline's meta keys keep.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: The file is cut off, is not a pickle, holds something else, would take far more
            memory than its size, or asks for code that predictions do not need.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f'{path}: no such file; {EXPECTED}')
    if not path.stat().st_size:
        raise ValueError(f'{path}: the file is empty; {EXPECTED}')
    try:
        with path.open('rb') as stream:
            check_instructions(stream)
            stream.seek(0)
            with memory_for(path.stat().st_size):
                samples = _PredictionsUnpickler(stream).load()
    except _RefusedError as error:
        raise ValueError(f'{path}: refused, the file asks for {error}; {EXPECTED}') from None
    except EOFError:
        raise ValueError(f'{path}: the file is cut off; {EXPECTED}') from None
    # A damaged pickle can fail in any of the constructors that it calls.
    except Exception as error:
        raise ValueError(f'{path}: damaged or no pickle file ({error}); {EXPECTED}') from error
    _check(path, samples)
    return samples


class _RefusedError(Exception):
    """The name of something that a file of predictions may not use."""


def _load_tensor_storage(data: object) -> torch.TypedStorage:
    """Stand in for torch's own loader of this name, which would unpickle without limits."""
    if not isinstance(data, bytes):
        raise _RefusedError(f'a tensor made of a {type(data).__name__}')
    spend(len(data))
    check_instructions(data, limit=1000)
    storage = torch.load(io.BytesIO(data), weights_only=True)
    if not isinstance(storage, torch.storage.TypedStorage):
        raise _RefusedError(f'a tensor made of a {type(storage).__name__}')
    return storage


def _rebuild_tensor(
    storage: object, offset: object, size: object, stride: object, *_: object
) -> torch.Tensor:
    """Make a tensor of no more numbers than the file holds for it; no gradients, no hooks."""
    if not isinstance(storage, torch.storage.TypedStorage):
        raise _RefusedError(f'a tensor made of a {type(storage).__name__}')
    tensor = torch._utils._rebuild_tensor(storage, offset, size, stride)
    held = storage._untyped_storage.nbytes()
    if tensor.numel() * tensor.element_size() > held:
        raise _RefusedError(
            f'a tensor of {tensor.numel():,} numbers; the limit is what the file has for it, '
            f'{held:,} bytes'
        )
    return tensor


def _encode_bytes(text: str, encoding: str) -> bytes:
    """Restore bytes as pickle's protocol 2 spells them."""
    if encoding != 'latin1':
        raise _RefusedError(f'the encoding {encoding}')
    spend(len(text))
    return text.encode('latin1')


ALLOWED: dict[str, Any] = {
    '_codecs.encode': _encode_bytes,
    'collections.OrderedDict': OrderedDict,
    'torch.Size': torch.Size,
    'torch._utils._rebuild_tensor_v2': _rebuild_tensor,
    'torch.storage._load_from_bytes': _load_tensor_storage,
    **STAND_INS,
}
"""Names that a file may use, and what each gets."""


class _PredictionsUnpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        try:
            return ALLOWED[f'{module}.{name}']
        except KeyError:
            raise _RefusedError(f'{module}.{name}') from None


def _check(path: Path, samples: Any) -> None:
    if not isinstance(samples, list) or not all(isinstance(sample, dict) for sample in samples):
        raise ValueError(f'{path}: holds a {type(samples).__name__} of something else; {EXPECTED}')
    if not samples:
        raise ValueError(f'{path}: holds no predictions; {EXPECTED}')
    for key in ('pred_score', 'gt_label'):
        if any(key not in sample for sample in samples):
            known = sorted({str(known)[:60] for sample in samples for known in sample})[:20]
            raise ValueError(f'{path}: predictions without {key} (they have {known}); {EXPECTED}')
