"""Copies hold the same frames at the same times, are made once, and lists come to name them."""

import errno
import os
from pathlib import Path

import numpy as np
import pytest

from data_analysis.copies import CopySettings, cache_videos, name_of_copy, rewrite_paths
from tests.data_analysis.rendering import number_in, render_video
from video_clips.reading.video import open_video

SETTINGS = CopySettings(short_side=32, keyframe_interval=4, crf=10)


def test_a_copy_has_the_frames_and_times_of_its_original(tmp_path):
    ticks = [0, 1, 2, 4, 7, 8, 9, 10, 12, 13, 14, 17]
    (tmp_path / 'a b').mkdir()
    render_video(tmp_path / 'a b' / 'uneven.mkv', 12, ticks=ticks, options={'g': '250'})
    count = cache_videos(['a b/uneven.mkv'], tmp_path, tmp_path / 'out', SETTINGS)
    assert (count.made, count.kept, count.failures) == (1, 0, {})
    with (
        open_video(tmp_path / 'a b' / 'uneven.mkv') as original,
        open_video(tmp_path / 'out' / 'a b' / 'uneven.mkv.mp4') as copy,
    ):
        assert copy.num_frames == original.num_frames == 12
        np.testing.assert_allclose(copy.seconds, original.seconds, atol=1e-3)
        assert copy.size == (42, 32)  # 64x48 is 42.7 wide, and even sizes can be coded
        assert np.flatnonzero(copy.index.packets.is_keyframe).tolist() == [0, 4, 8]
        assert [number_in(picture) for picture in copy.decode(range(12))] == list(range(12))


def test_copies_are_upright(tmp_path):
    render_video(tmp_path / 'turned.mp4', 3, rotation=90)
    cache_videos(['turned.mp4'], tmp_path, tmp_path / 'out', SETTINGS)
    with (
        open_video(tmp_path / 'turned.mp4') as original,
        open_video(tmp_path / 'out' / 'turned.mp4') as copy,
    ):
        assert original.size == (48, 64)
        assert copy.size == (32, 42)
        shrunk = original.decode([1], short_side=32)[0][:42].astype(int)
        assert np.abs(copy.decode([1])[0] - shrunk).mean() < 8


def test_a_copy_is_made_again_only_for_another_file_or_other_settings(tmp_path):
    (tmp_path / 'empty.mp4').touch()
    render_video(tmp_path / 'a.mp4', 4)
    names = ['a.mp4', 'empty.mp4', 'absent.mp4']
    out = tmp_path / 'out'
    first = cache_videos(names, tmp_path, out, SETTINGS)
    assert first.made == 1
    assert first.failures == {
        'absent.mp4': 'No such file or directory',
        'empty.mp4': f'VideoError: {tmp_path}/empty.mp4: the file is empty',
    }
    assert sorted(path.name for path in out.iterdir()) == ['a.mp4']
    assert cache_videos(names, tmp_path, out, SETTINGS).kept == 1
    assert cache_videos(names, tmp_path, out, CopySettings(24, 4, 10)).made == 1
    render_video(tmp_path / 'a.mp4', 5)
    assert cache_videos(names, tmp_path, out, CopySettings(24, 4, 10)).made == 1
    with pytest.raises(ValueError, match='keyframe_interval=0'):
        CopySettings(keyframe_interval=0)


def test_lists_change_in_their_paths_alone(tmp_path):
    text, table = tmp_path / 'train.txt', tmp_path / 'val.csv'
    text.write_text('yard 1/a b.avi 0\n\nyard 2/c.mp4 1 3\n')
    table.write_text('camera,path,label,start\n7,"x,y.mkv",Other,0.5\n')
    for file in (text, table):
        rewrite_paths(file, tmp_path / 'out' / file.name, name_of_copy)
    assert (tmp_path / 'out' / 'train.txt').read_text() == (
        'yard 1/a b.avi.mp4 0\nyard 2/c.mp4 1 3\n'
    )
    assert (tmp_path / 'out' / 'val.csv').read_text() == (
        'camera,path,label,start\n7,"x,y.mkv.mp4",Other,0.5\n'
    )


def test_no_two_videos_share_a_copy():
    paths = ['sub/v0.mp4', 'sub/../v0.mp4', '/sub/v0.mp4', 'v0.mp4', 'x.avi', 'x.avi.mp4']
    names = [name_of_copy(path) for path in paths]
    assert len(set(names)) == len(names)
    assert names[0] == 'sub/v0.mp4'
    assert names[4] == 'x.avi.mp4'
    assert not any(name.startswith('/') or '..' in name for name in names)


def test_what_a_killed_run_left_is_removed(tmp_path):
    render_video(tmp_path / 'a.mp4', 4)
    out = tmp_path / 'out'
    out.mkdir()
    for is_there in (False, True):
        for name in ('.a.x7k2_wq1.mp4', '._mine.mp4'):
            (out / name).touch()
            os.utime(out / name, (0, 0))
        cache_videos(['a.mp4'], tmp_path, out, SETTINGS)
        assert sorted(file.name for file in out.iterdir()) == ['._mine.mp4', 'a.mp4'], is_there


def test_a_disk_that_takes_no_copy_ends_the_run_with_its_path(tmp_path, monkeypatch):
    render_video(tmp_path / 'a.mp4', 4)

    def full(video, file, origin):
        raise OSError(errno.ENOSPC, 'No space left on device')

    monkeypatch.setattr('data_analysis.copies._encode', full)
    with pytest.raises(OSError, match='No space left on device') as raised:
        cache_videos(['a.mp4'], tmp_path, tmp_path / 'out', SETTINGS)
    assert raised.value.filename == str(tmp_path / 'out' / 'a.mp4')
    assert list((tmp_path / 'out').iterdir()) == []


def test_a_video_whose_picture_starts_late_is_read_where_it_is(
    real_videos: Path, tmp_path: Path
) -> None:
    """A copy would start at 0, and the seconds of lists would name other frames."""
    count = cache_videos(
        ['video_starts_at_2.5s.mp4'],
        real_videos / 'faults',
        tmp_path,
        CopySettings(),
    )
    assert count.made == 0
    assert '2.5 s after its sound' in count.failures['video_starts_at_2.5s.mp4']
