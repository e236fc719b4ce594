import os
from pathlib import Path

import pytest

from data_analysis.measuring.measurement_store import MeasurementStore


def test_remembers_across_openings(tmp_path: Path) -> None:
    with MeasurementStore(tmp_path / 'store', '1') as store:
        store.put('a b.mp4', 10, 20, 1, {'fps': 25.0, 'error': ''})
    with MeasurementStore(tmp_path / 'store', '1') as store:
        assert store.get('a b.mp4', 10, 20, 1) == {'fps': 25.0, 'error': ''}


@pytest.mark.parametrize(
    ('size', 'modified', 'tier', 'version', 'found'),
    [
        (10, 20, 1, '1', True),
        (10, 20, 0, '1', True),  # a deeper measurement serves
        (10, 20, 2, '1', False),
        (11, 20, 1, '1', False),
        (10, 21, 1, '1', False),
        (10, 20, 1, '2', False),
    ],
)
def test_is_valid_for_the_unchanged_file_and_no_deeper_tier(
    tmp_path: Path, size: int, modified: int, tier: int, version: str, found: bool
) -> None:
    with MeasurementStore(tmp_path / 'store', '1') as store:
        store.put('a.mp4', 10, 20, 1, {'fps': 25.0})
    with MeasurementStore(tmp_path / 'store', version) as store:
        assert (store.get('a.mp4', size, modified, tier) is not None) == found


def test_a_new_measurement_replaces_the_old(tmp_path: Path) -> None:
    with MeasurementStore(tmp_path / 'store', '1') as store:
        store.put('a.mp4', 10, 20, 1, {'fps': 25.0})
        store.put('a.mp4', 11, 30, 2, {'fps': 30.0})
        assert store.get('a.mp4', 10, 20, 1) is None
        assert store.get('a.mp4', 11, 30, 2) == {'fps': 30.0}


def test_names_that_are_no_text(tmp_path: Path) -> None:
    name = os.fsdecode(b'caf\xe9.mp4')
    with MeasurementStore(tmp_path / 'store', '1') as store:
        store.put(name, 10, 20, 1, {'error': name})
        assert store.get(name, 10, 20, 1) == {'error': name}


def test_another_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / 'store').write_text('this is no database, but a text of some length' * 20)
    with pytest.raises(ValueError, match='not a store of measurements'):
        MeasurementStore(tmp_path / 'store', '1')


def test_a_full_disk_is_an_error_of_the_file(tmp_path: Path) -> None:
    def fill() -> None:
        with MeasurementStore(tmp_path / 'store', '1') as store:
            store._database.execute('PRAGMA max_page_count = 4')
            for number in range(200):
                store.put(f'{number}.mp4', 10, 20, 1, {'text': 'x' * 1000})

    with pytest.raises(OSError, match=r'store: .*full'):
        fill()


def test_a_folder_that_is_not_there_is_an_error_of_the_file(tmp_path: Path) -> None:
    with pytest.raises(OSError, match=r'absent/store: unable to open'):
        MeasurementStore(tmp_path / 'absent' / 'store', '1')
