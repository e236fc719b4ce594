"""Clips in a folder-per-class tree, and the recordings that their names tell."""

import os
import re

import pytest

from video_clips.clip import Clip, describe_left_out, find_clips, list_videos, recording_of


@pytest.fixture
def tree(tmp_path):
    names = [
        'Other/rec002_clip01.mp4',
        'Other/deeper/rec001 clip02.MKV',
        'Other/notes.txt',
        'Other/.hidden.mp4',
        'Bucket/rec001_clip01.avi',
        '.cache/x.mp4',
        'empty/readme.md',
        'loose.mp4',
    ]
    for name in names:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return tmp_path


def test_classes_are_the_sorted_folders_that_hold_videos(tree):
    clips, classes = find_clips(tree, recording_regex=r'rec\d+')
    assert classes == ('Bucket', 'Other')
    assert clips == [
        Clip('Bucket/rec001_clip01.avi', 0, 'rec001'),
        Clip('Other/deeper/rec001 clip02.MKV', 1, 'rec001'),
        Clip('Other/rec002_clip01.mp4', 1, 'rec002'),
    ]


def test_given_classes_fix_the_order(tree):
    clips, classes = find_clips(tree, ['Other', 'Absent', 'Bucket'])
    assert classes == ('Other', 'Absent', 'Bucket')
    assert [clip.label for clip in clips] == [0, 0, 2]
    assert {clip.recording for clip in clips} == {None}


def test_refusals_name_the_folder(tree, tmp_path):
    with pytest.raises(ValueError, match='the subfolders Bucket are none of the classes Other'):
        find_clips(tree, ['Other'])
    with pytest.raises(FileNotFoundError, match='no such folder'):
        find_clips(tmp_path / 'nowhere')
    with pytest.raises(ValueError, match='no subfolder holds a video'):
        find_clips(tree / 'Bucket')


@pytest.mark.parametrize(
    ('regex', 'recording'),
    [
        (r'(?P<recording>rec\d+)_(clip\d+)', 'rec003'),
        (r'_(clip\d+)', 'clip02'),
        (r'rec\d+_clip\d+', 'rec003_clip02'),
        (r'cam\d', None),
    ],
)
def test_recording_of(regex, recording):
    assert recording_of('Track-Excavator/rec003_clip02.mp4', regex) == recording


def test_recording_of_refuses_a_broken_expression():
    with pytest.raises(ValueError, match=re.escape("'(rec' is no regular expression")):
        recording_of('rec1.mp4', '(rec')


def test_what_looks_like_a_video_is_tried_and_the_rest_is_named(tmp_path, caplog):
    videos = ['a.264', 'b.265', 'c.DAV', 'd.3g2', 'e.f4v', 'f.divx', 'g.ogg', 'h.mp4']
    others = ['notes.txt', 'cover.jpg', 'song.mp3', 'unknown', 'table.tsv']
    (tmp_path / 'x').mkdir()
    for name in [*videos, *others]:
        (tmp_path / 'x' / name).touch()
    by_content = {
        'recording': b'\0\0\0\x20ftypisom',
        'cam1.part': b'RIFF\0\0\0\0AVI LIST',
        'ring.000': b'G' + bytes(187) + b'G',
        'photo.xyz': b'\0\0\0\x20ftypheic',
    }
    for name, head in by_content.items():
        (tmp_path / 'x' / name).write_bytes(head)
    os.mkfifo(tmp_path / 'x' / 'pipe')
    found, left_out = list_videos(tmp_path / 'x')
    assert {path.name for path in found} == {*videos, 'recording', 'cam1.part', 'ring.000'}
    assert {path.name for path in left_out} == {*others, 'photo.xyz', 'pipe'}
    clips, _ = find_clips(tmp_path)
    assert len(clips) == len(videos) + 3
    assert '7 files are left out as no videos (2 without suffix, 1' in caplog.text


def test_one_line_about_files_that_are_left_out():
    assert describe_left_out([]) == ''
    assert describe_left_out(['a/b.txt']) == '1 file is left out as no videos (1 .txt): a/b.txt'
    names = ['1.txt', '2.TXT', '3.jpg', '4\x1b.txt']
    assert describe_left_out(names) == (
        '4 files are left out as no videos (3 .txt, 1 .jpg): 1.txt, 2.TXT, 3.jpg and 1 more'
    )
    assert '\x1b' not in describe_left_out(names[3:])
