"""Mutated lists and records end in a clear error; for weights see `models/checkpoints`."""

from pathlib import Path

import pytest

from tests.fuzzed_records import RECORDS
from tests.fuzzing import fuzz

NESTED = ('history', 'events', 'events on the web', 'manifest', 'truth', 'lineage log')
NESTED += ('lineage card', 'summary', 'export', 'export of a stream')


@pytest.mark.parametrize('kind', RECORDS)
def test_a_right_file_is_read(tmp_path: Path, kind: str) -> None:
    write, read = RECORDS[kind]
    read(write(tmp_path))


@pytest.mark.parametrize('kind', RECORDS)
def test_mutations_end_in_a_clear_error(tmp_path: Path, kind: str) -> None:
    """A few; ``python -m tests.fuzzing 20000`` makes as many as one likes."""
    assert fuzz(kind, tmp_path, num_mutations=100, seed=1).errors == []


@pytest.mark.parametrize('kind', NESTED)
def test_deep_nesting_ends_in_a_clear_error(tmp_path: Path, kind: str) -> None:
    write, read = RECORDS[kind]
    path = write(tmp_path)
    path.write_text('[' * 100_000 + ']' * 100_000 + '\n', encoding='utf-8')
    with pytest.raises(ValueError, match='nested too deeply'):
        read(path)
