"""Clips in a folder-per-class tree, and the recordings that their names tell."""

import re

import pytest

from video_clips.clip import Clip, find_clips, recording_of


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
