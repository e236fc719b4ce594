"""Lists of image folders, as mmaction2 writes them."""

import re

import pytest

from video_clips.raw_frames import FrameFolder, read_raw_frame_list


@pytest.mark.parametrize(
    ('line', 'options', 'folder'),
    [
        ('some/dir-1 163 1', {}, FrameFolder('some/dir-1', 163, 1)),
        ('dir with 2 163 0', {}, FrameFolder('dir with 2', 163, 0)),
        ('dir 163', {}, FrameFolder('dir', 163)),
        ('dir 163 walk', {'classes': ['run', 'walk']}, FrameFolder('dir', 163, 1)),
        ('a dir 12 163 3', {'with_offset': True}, FrameFolder('a dir', 163, 3, 12)),
        ('dir 12 163', {'with_offset': True}, FrameFolder('dir', 163, None, 12)),
        ('a dir 163 1 3 5', {'multi_label': True}, FrameFolder('a dir', 163, (1, 3, 5))),
        ('dir 163', {'multi_label': True}, FrameFolder('dir', 163)),
        (
            'dir 9 163 1 3',
            {'multi_label': True, 'with_offset': True},
            FrameFolder('dir', 163, (1, 3), 9),
        ),
    ],
)
def test_line(tmp_path, line, options, folder):
    (tmp_path / 'list.txt').write_text(f'\n{line}\n')
    assert read_raw_frame_list(tmp_path / 'list.txt', **options) == [folder]


@pytest.mark.parametrize(
    ('text', 'message'),
    [
        ('dir 10 0\ndir ten 1\n', "line 2: 'dir ten 1' is not of the form"),
        ('dir 0 1\n', 'with at least one frame'),
        ('dir 10 2\n', 'line 1: label 2 is outside the classes'),
        ('dir\n', 'is not of the form'),
        ('\n', 'names no clip'),
    ],
)
def test_errors_name_file_and_line(tmp_path, text, message):
    (tmp_path / 'list.txt').write_text(text)
    with pytest.raises(ValueError, match=re.escape(message)):
        read_raw_frame_list(tmp_path / 'list.txt', ['run', 'walk'])


def test_missing_list(tmp_path):
    with pytest.raises(FileNotFoundError, match='no such annotation file'):
        read_raw_frame_list(tmp_path / 'nowhere.txt')
