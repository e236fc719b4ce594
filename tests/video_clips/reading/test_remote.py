from collections.abc import Iterator
from pathlib import Path

import fsspec
import pytest

from data_analysis.inputs.datasets import input_from_folder
from data_analysis.measuring.file_measurement import Tier
from data_analysis.measuring.measure import MeasureSettings, measure_files
from data_analysis.measuring.measure_file import measure_file
from tests.data_analysis.rendering import render_video
from video_clips.reading.remote import file_identity, is_remote, join_path, local_copy


@pytest.fixture
def remote_set(tmp_path: Path) -> Iterator[str]:
    """A folder per class in fsspec's memory."""
    memory = fsspec.filesystem('memory')
    for name in ('a/1 x.mp4', 'b/2.mp4'):
        path = render_video(tmp_path / Path(name).name, 9)
        memory.makedirs(f'/set/{Path(name).parent}', exist_ok=True)
        memory.put_file(str(path), f'/set/{name}')
    yield 'memory://set'
    memory.rm('/set', recursive=True)


def test_paths_are_joined_as_folders_or_urls() -> None:
    assert is_remote('s3://bucket/a.mp4')
    assert not is_remote('/data/12:30.mp4')
    assert join_path('', 'a.mp4') == 'a.mp4'
    assert join_path('/data', 'a b.mp4') == '/data/a b.mp4'
    assert join_path('/data', '/other/a.mp4') == '/other/a.mp4'
    assert join_path('s3://bucket/x/', 'a.mp4') == 's3://bucket/x/a.mp4'
    assert join_path('/data', 's3://bucket/a.mp4') == 's3://bucket/a.mp4'


def test_a_remote_set_is_found_and_measured(remote_set: str, tmp_path: Path) -> None:
    found = input_from_folder(remote_set)
    assert found.classes == ('a', 'b')
    assert found.clips['file'].tolist() == ['memory://set/a/1 x.mp4', 'memory://set/b/2.mp4']
    table, count = measure_files(found.clips['file'], tmp_path / 'store', MeasureSettings())
    assert count.measured == 2
    assert table['num_frames'].tolist() == [9, 9]
    _, count = measure_files(found.clips['file'], tmp_path / 'store', MeasureSettings())
    assert count.measured == 0


def test_the_copy_of_a_remote_file_is_gone_afterwards(remote_set: str) -> None:
    with local_copy(f'{remote_set}/a/1 x.mp4') as copy:
        assert Path(copy).suffix == '.mp4'
        assert Path(copy).stat().st_size > 0
    assert not Path(copy).exists()


def test_what_is_not_there(remote_set: str, tmp_path: Path) -> None:
    assert file_identity(f'{remote_set}/absent.mp4') is None
    assert file_identity(str(tmp_path / 'absent.mp4')) is None
    assert measure_file((f'{remote_set}/absent.mp4', Tier.PACKETS))['status'] == 'missing'
    with pytest.raises(FileNotFoundError, match='absent'):
        input_from_folder('memory://absent')
