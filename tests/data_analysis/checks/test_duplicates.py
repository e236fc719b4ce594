import pandas as pd

from data_analysis.checks.duplicates import (
    check_identical_bytes,
    check_listed_twice,
    check_look_alikes,
)
from data_analysis.checks.settings import CheckSettings
from tests.data_analysis.clip_tables import clips_of, signature_of

SETTINGS = CheckSettings(classes=('a', 'b'))


def test_the_same_bytes_in_one_split_and_across() -> None:
    clips = clips_of(
        [
            {'path': 'a1', 'split': 'train', 'sha256': 'x'},
            {'path': 'a2', 'split': 'train', 'sha256': 'x'},
            {'path': 'b1', 'split': 'val', 'sha256': 'y'},
            {'path': 'b2', 'split': 'train', 'sha256': 'y'},
            {'path': 'c1', 'split': 'train', 'sha256': ''},
            {'path': 'c2', 'split': 'val', 'sha256': ''},
        ]
    )
    found = [(p.code, p.path, p.detail, p.related) for p in check_identical_bytes(clips, SETTINGS)]
    assert found == [
        ('byte_identical', 'a1', 'the same bytes: a2', 'a2'),
        ('clip_in_two_splits', 'b1', 'the same bytes in train: b2', 'b2'),
    ]


def test_the_same_clip_with_two_labels() -> None:
    clips = clips_of(
        [
            {'path': 'a1', 'label': 'a', 'sha256': 'x'},
            {'path': 'a2', 'label': 'b', 'sha256': 'x'},
        ]
    )
    found = [(p.code, p.detail) for p in check_identical_bytes(clips, SETTINGS)]
    assert ('contradictory_labels', 'a2 is b') in found


def test_a_path_that_is_listed_twice() -> None:
    clips = clips_of(
        [
            {'path': 'a', 'split': 'train', 'label': 'a'},
            {'path': 'a', 'split': 'test', 'label': 'b'},
            {'path': 'b', 'split': 'train', 'start_seconds': 0.0},
            {'path': 'b', 'split': 'train', 'start_seconds': 5.0},
        ]
    )
    found = [(p.code, p.path, p.split) for p in check_listed_twice(clips, SETTINGS)]
    assert found == [
        ('clip_in_two_splits', 'a', 'train, test'),
        ('contradictory_labels', 'a', 'train'),
    ]


def test_a_file_that_a_split_lists_more_than_once() -> None:
    clips = clips_of(
        [
            {'path': 'a', 'split': 'train', 'start_seconds': 1.0},
            {'path': 'a', 'split': 'train', 'start_seconds': 1.0},
            {'path': 'a', 'split': 'train', 'start_seconds': 1.0},
            {'path': 'a', 'split': 'train', 'start_seconds': 2.0},
            {'path': 'b', 'split': 'train'},
            {'path': 'b', 'split': 'val'},
            {'path': 'b', 'split': 'val'},
        ]
    )
    found = [(p.code, p.path, p.detail, p.split) for p in check_listed_twice(clips, SETTINGS)]
    assert found == [
        ('listed_twice', 'a', 'listed 3 times in train', 'train'),
        ('clip_in_two_splits', 'b', 'listed in train, val', 'train, val'),
        ('listed_twice', 'b', 'listed 2 times in val', 'val'),
    ]


def two_roots(*rows: dict) -> pd.DataFrame:
    """Clips of splits that have a folder each."""
    return clips_of({**row, 'file': f'/d/{row["split"]}/{row["path"]}'} for row in rows)


def test_the_same_path_under_two_roots_is_two_files() -> None:
    clips = two_roots(
        {'path': 'a/1.mp4', 'split': 'train', 'sha256': 'x', 'signature': signature_of(1)},
        {'path': 'a/2.mp4', 'split': 'train', 'sha256': 'y', 'signature': signature_of(2)},
        {'path': 'a/1.mp4', 'split': 'val', 'sha256': 'z', 'signature': signature_of(2, noise=1)},
    )
    assert not list(check_listed_twice(clips, SETTINGS))
    assert not list(check_identical_bytes(clips, SETTINGS))
    (problem,) = check_look_alikes(clips, SETTINGS)
    assert problem.code == 'near_identical_across_splits'
    assert (problem.file, problem.related_file) == ('/d/val/a/1.mp4', '/d/train/a/2.mp4')


def test_the_same_path_and_bytes_under_two_roots_is_one_clip() -> None:
    clips = two_roots(
        {'path': 'a/1.mp4', 'split': 'val', 'sha256': 'x'},
        {'path': 'a/1.mp4', 'split': 'train', 'sha256': 'x'},
    )
    (problem,) = check_identical_bytes(clips, SETTINGS)
    assert (problem.code, problem.split) == ('clip_in_two_splits', 'val')
    assert (problem.file, problem.related_file) == ('/d/val/a/1.mp4', '/d/train/a/1.mp4')


def test_look_alikes_within_and_across_splits() -> None:
    clips = clips_of(
        [
            {'path': 'a1', 'split': 'train', 'signature': signature_of(1)},
            {'path': 'a2', 'split': 'train', 'signature': signature_of(1, noise=1)},
            {'path': 'b1', 'split': 'train', 'signature': signature_of(2)},
            {'path': 'b2', 'split': 'val', 'signature': signature_of(2, noise=1)},
            {'path': 'c', 'split': 'val', 'signature': signature_of(3)},
        ]
    )
    found = [(p.code, p.path, p.related) for p in check_look_alikes(clips, SETTINGS)]
    assert found == [
        ('near_identical', 'a1', 'a2'),
        ('near_identical_across_splits', 'b2', 'b1'),
    ]


def test_long_lists_of_twins_are_cut() -> None:
    clips = clips_of({'path': str(index), 'sha256': 'x'} for index in range(9))
    (problem,) = check_identical_bytes(clips, SETTINGS)
    assert problem.detail == 'the same bytes: 1, 2, 3 and 5 more'
