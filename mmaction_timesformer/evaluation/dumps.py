"""Reading what ``test.py --dump`` wrote.

The file is a pickle, and unpickling runs whatever a file asks for. Here it may ask for tensors,
arrays and plain containers, and for nothing else.
"""

from __future__ import annotations

import io
import pickle
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import torch

EXPECTED = 'expected the list of predictions that "test.py --dump FILE.pkl" writes'


def load_dump(path: str | Path) -> list[dict[str, Any]]:
    """Read the predictions of a test run.

    Args:
        path: The ``.pkl`` file.

    Returns:
        One dict a clip, with ``pred_score``, ``gt_label`` and what the pipeline's meta keys keep.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: The file is cut off, is no pickle, holds something else, or asks for code that
            predictions do not need.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f'{path}: no such file; {EXPECTED}')
    if not path.stat().st_size:
        raise ValueError(f'{path}: the file is empty; {EXPECTED}')
    try:
        with path.open('rb') as stream:
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


def _load_tensor_storage(data: bytes) -> Any:
    """Stands in for torch's own loader of this name, which would unpickle without limits."""
    return torch.load(io.BytesIO(data), weights_only=True)


def _encode_bytes(text: str, encoding: str) -> bytes:
    """Bytes, as pickle's protocol 2 spells them."""
    if encoding != 'latin1':
        raise _RefusedError(f'the encoding {encoding}')
    return text.encode('latin1')


ALLOWED: dict[tuple[str, str], Any] = {
    ('_codecs', 'encode'): _encode_bytes,
    ('collections', 'OrderedDict'): OrderedDict,
    ('numpy', 'ndarray'): np.ndarray,
    ('numpy', 'dtype'): np.dtype,
    ('torch', 'Size'): torch.Size,
    ('torch._utils', '_rebuild_tensor_v2'): torch._utils._rebuild_tensor_v2,
    ('torch.storage', '_load_from_bytes'): _load_tensor_storage,
    # numpy 1 and 2 keep these in modules of different names.
    ('numpy.core.multiarray', '_reconstruct'): np.empty(0).__reduce__()[0],
    ('numpy._core.multiarray', '_reconstruct'): np.empty(0).__reduce__()[0],
    ('numpy.core.numeric', '_frombuffer'): np.empty(1).__reduce_ex__(5)[0],
    ('numpy._core.numeric', '_frombuffer'): np.empty(1).__reduce_ex__(5)[0],
    ('numpy.core.multiarray', 'scalar'): np.float64(0).__reduce__()[0],
    ('numpy._core.multiarray', 'scalar'): np.float64(0).__reduce__()[0],
}
"""What a file may name, by module and name, and what it gets."""


class _PredictionsUnpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        try:
            return ALLOWED[module, name]
        except KeyError:
            raise _RefusedError(f'{module}.{name}') from None


def _check(path: Path, samples: Any) -> None:
    if not isinstance(samples, list) or not all(isinstance(sample, dict) for sample in samples):
        raise ValueError(f'{path}: holds a {type(samples).__name__} of something else; {EXPECTED}')
    if not samples:
        raise ValueError(f'{path}: holds no predictions; {EXPECTED}')
    for key in ('pred_score', 'gt_label'):
        if any(key not in sample for sample in samples):
            known = sorted(set().union(*samples))
            raise ValueError(f'{path}: predictions without {key} (they have {known}); {EXPECTED}')
