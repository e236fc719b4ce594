"""Mutations of the files that readers of weights, dumps, lists and records take; seeded.

Each mutation must load, or end in a ``ValueError`` or ``FileNotFoundError`` that names the file.
By hand, for many: ``python -m tests.fuzzing 20000 [first seed]``.
"""

from __future__ import annotations

import json
import pickle
import sys
import tempfile
import warnings
import zipfile
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.logging import HistoryBuffer
from safetensors.torch import save_file

from mmaction_timesformer.evaluation import load_dump, predictions_from_samples
from mmaction_timesformer.models.checkpoints import read_checkpoint
from tests.fuzzed_records import RECORDS

_TOKENS = (
    b'}',
    b']',
    b'(',
    b't',
    b'\x85',
    b'R',
    b'b',
    b's',
    b'q\x00',
    b'h\x00',
    b'h\x05',
    b'r\xff\xff\xff\x00',
    b'K\xff',
    b'J\xff\xff\xff\xff',
    b'\x8a\x08\xff\xff\xff\xff\xff\xff\xff\x7f',
    b'N',
    b'.',
    b'0',
    b'2',
    b'X\xff\xff\xff\xff',
    b'cnumpy\ndtype\n',
    b'cnumpy\nndarray\n',
    b'cnumpy._core.multiarray\nscalar\n',
    b'cnumpy._core.multiarray\n_reconstruct\n',
    b'ccollections\nOrderedDict\n',
    b'ctorch._utils\n_rebuild_tensor_v2\n',
    b'null',
    b'-1',
    b'[[',
    b'{"a":',
    b'1e999',
)
"""Pieces of pickles and of JSON that a mutation puts in."""


@dataclass
class Outcome:
    """Counts of what readers did, and what they should not have done."""

    counts: Counter[str] = field(default_factory=Counter)
    errors: list[str] = field(default_factory=list)


def _contents() -> dict[str, Any]:
    hub = {'loss': HistoryBuffer([1.0, 2.0], [1, 1]), 'best': np.float64(0.5)}
    weights = {'backbone.a.weight': torch.arange(6.0).view(2, 3), 'backbone.a.bias': torch.ones(2)}
    meta = {'epoch': 1, 'dataset_meta': {'classes': ('Other', 'Worker')}}
    return {'state_dict': weights, 'meta': meta, 'message_hub': hub, 'names': np.array(['a', 'bc'])}


def _write_zip(folder: Path) -> Path:
    torch.save(_contents(), folder / 'zip.pth')
    return folder / 'zip.pth'


def _write_old(folder: Path) -> Path:
    torch.save(_contents(), folder / 'old.pth', _use_new_zipfile_serialization=False)
    return folder / 'old.pth'


def _write_safetensors(folder: Path) -> Path:
    save_file(_contents()['state_dict'], folder / 'a.safetensors', metadata={'format': 'pt'})
    return folder / 'a.safetensors'


def _write_index(folder: Path) -> Path:
    save_file(_contents()['state_dict'], folder / 'model-1.safetensors')
    index = {'metadata': {'size': 3}, 'weight_map': {'a': 'model-1.safetensors', 'b': 'x.bin'}}
    path = folder / 'model.safetensors.index.json'
    path.write_text(json.dumps(index))
    return path


def _write_dump(folder: Path) -> Path:
    samples = [
        {
            'pred_score': torch.tensor([0.1, 0.9]),
            'gt_label': torch.tensor([number]),
            'filename': 'a b.mp4',
            'frame_inds': np.arange(4),
            'fps': np.float64(25),
            'img_shape': (224, 224),
        }
        for number in (0, 1)
    ]
    path = folder / 'dump.pkl'
    path.write_bytes(pickle.dumps(samples, 2))
    return path


def _write_new_dump(folder: Path) -> Path:
    path = _write_dump(folder)
    path.write_bytes(pickle.dumps(load_dump(path), 5))
    return path


def _read_dump(path: Path) -> object:
    samples = load_dump(path)
    try:
        return predictions_from_samples(samples)
    except ValueError as error:  # `analyze_results` names the file too
        raise ValueError(f'{path}: {error}') from None


FUZZED: dict[str, tuple[Callable[[Path], Path], Callable[[Path], object]]] = {
    'zip': (_write_zip, read_checkpoint),
    'old format': (_write_old, read_checkpoint),
    'safetensors': (_write_safetensors, read_checkpoint),
    'index': (_write_index, lambda path: read_checkpoint(path.parent)),
    'dump': (_write_dump, _read_dump),
    'dump of protocol 5': (_write_new_dump, _read_dump),
}
"""Name of a kind of file to what writes one and what reads it."""


def fuzz(kind: str, folder: Path, num_mutations: int, seed: int) -> Outcome:
    """Read mutations of one kind of file and note what is no clear error."""
    write, read = {**FUZZED, **RECORDS}[kind]
    path = write(folder)
    whole = path.read_bytes()
    outcome = Outcome()
    for number in range(num_mutations):
        random = np.random.default_rng((seed, number))
        path.write_bytes(_mutate(whole, random, inside_zip=kind == 'zip'))
        try:
            with warnings.catch_warnings():
                warnings.simplefilter('ignore')
                read(path)
            outcome.counts['read'] += 1
        except (ValueError, FileNotFoundError) as error:
            outcome.counts['refused'] += 1
            if str(folder) not in str(error) or type(error) not in (ValueError, FileNotFoundError):
                outcome.errors.append(f'{kind} {seed} {number}: {error!r:.300}')
        # What else a reader raises is what this looks for.
        except Exception as error:
            outcome.errors.append(f'{kind} {seed} {number}: {error!r:.300}')
    return outcome


def _mutate(whole: bytes, random: np.random.Generator, inside_zip: bool) -> bytes:
    if not inside_zip or random.random() < 0.3:
        return _change(whole, random)
    # With right checksums, so that the pickle inside is reached.
    with tempfile.TemporaryFile() as old, tempfile.TemporaryFile() as new:
        old.write(whole)
        with zipfile.ZipFile(old) as source, zipfile.ZipFile(new, 'w') as target:
            for name in source.namelist():
                content = source.read(name)
                changed = _change(content, random) if name.endswith('data.pkl') else content
                target.writestr(name, changed)
        new.seek(0)
        return new.read()


def _change(content: bytes, random: np.random.Generator) -> bytes:
    """Change, insert, remove or repeat pieces in one to four places."""
    for _ in range(int(random.integers(1, 5))):
        place = int(random.integers(0, len(content) + 1))
        length = int(random.integers(0, 9))
        piece = content[place : place + length]
        token = _TOKENS[int(random.integers(len(_TOKENS)))]
        replacement = (
            bytes(random.integers(0, 256, length, dtype=np.uint8)),
            token,
            b'',
            piece * int(random.integers(2, 40)),
            bytes(byte ^ (1 << int(random.integers(8))) for byte in piece),
            piece + content[: int(random.integers(0, 64))],
        )[int(random.integers(6))]
        content = content[:place] + replacement + content[place + length :]
    return content


def main() -> None:
    """Fuzz every kind of file and print counts; exits with 1 after any unclear error."""
    num_mutations, seed = int(sys.argv[1]), int((*sys.argv, '0')[2])
    kinds = (*FUZZED, *RECORDS)
    num_errors = 0
    with tempfile.TemporaryDirectory() as folder:
        for kind in kinds:
            place = Path(folder, kind)
            place.mkdir()
            outcome = fuzz(kind, place, num_mutations // len(kinds), seed)
            print(f'{kind}: {dict(outcome.counts)}, {len(outcome.errors)} unclear', flush=True)
            print(*outcome.errors[:10], sep='\n')
            num_errors += len(outcome.errors)
    sys.exit(bool(num_errors))


if __name__ == '__main__':
    main()
