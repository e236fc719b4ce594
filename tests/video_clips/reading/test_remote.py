import os
from collections.abc import Iterator
from pathlib import Path

import fsspec
import pytest

from data_analysis.inputs.datasets import input_from_folder
from data_analysis.measuring.clip_table import any_text
from data_analysis.measuring.file_measurement import Tier
from data_analysis.measuring.measure import MeasureSettings, measure_files
from data_analysis.measuring.measure_file import measure_file
from tests.data_analysis.rendering import render_video
from video_clips.reading.opening import VideoError
from video_clips.reading.remote import (
    file_identity,
    is_remote,
    join_path,
    local_copy,
    open_filesystem,
)


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


@pytest.mark.parametrize(
    'path',
    [
        'reference://x::data:application/json,{}',
        'simplecache::memory://set/a.mp4',
        'zip://a.mp4::memory://set/a.zip',
        'memory://set/a.mp4::memory://b',
        'nowhere://a.mp4',
        'GITHUB://a.mp4',
    ],
)
def test_protocols_that_unpack_or_chain_are_refused(path: str, tmp_path: Path) -> None:
    with pytest.raises(VideoError, match=r'the protocol .* is not allowed; there are abfs, '):
        open_filesystem(path)
    table, _ = measure_files([path], tmp_path / 'store', MeasureSettings())
    assert table['status'].tolist() == ['unreadable']
    assert 'is not allowed' in table['error'][0]


def test_bad_names_are_rows_like_others(tmp_path: Path) -> None:
    (tmp_path / 'loop.mp4').symlink_to('loop.mp4')
    os.mkfifo(tmp_path / 'pipe.mp4')
    good = render_video(tmp_path / os.fsdecode(b'caf\xe9.mp4'), 9)
    names = ['a\0b.mp4', 'loop.mp4', 'pipe.mp4', 'x' * 300]
    files = [str(good), *(f'{tmp_path}/{name}' for name in names), str(tmp_path)]
    with any_text():
        table, _ = measure_files(files, tmp_path / 'store', MeasureSettings())
        found = table.set_index('file')
        assert found.loc[str(good), 'num_frames'] == 9
        errors = found.loc[files[1:], 'error'].tolist()
        assert found.loc[files[1:], 'status'].tolist() == ['unreadable'] * 5
    for error, reason in zip(
        errors,
        ['not a valid file name', 'symbolic links', 'not a regular', 'too long', 'is a folder'],
        strict=True,
    ):
        assert reason in error
