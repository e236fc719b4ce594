"""Backgrounds of a study's pictures, by hand."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mmaction_timesformer.studies.clips import Fold, StudyClips
from mmaction_timesformer.studies.features import wanted_by
from mmaction_timesformer.studies.pictures import (
    PictureReader,
    erased,
    from_background,
    partner_of,
    pasted,
)
from mmaction_timesformer.studies.recipes import Task
from mmaction_timesformer.studies.spec import Row, Study
from video_clips.writing import write_video


def street(level: int, column: int | None = None) -> np.ndarray:
    """(5, 16, 32, 3) of one grey, in which a bright bar moves from ``column`` on."""
    frames = np.full((5, 16, 32, 3), level, np.uint8)
    if column is not None:
        for number, frame in enumerate(frames):
            frame[:, column + 3 * number : column + 3 * number + 2] = 250
    return frames


def test_a_bar_is_pasted_onto_the_other_street():
    found = pasted(street(100, column=4), street(30, column=20))
    for number, frame in enumerate(found):
        columns = range(4 + 3 * number, 6 + 3 * number)
        assert (frame[:, columns] == 250).all()
        far = [column for column in range(32) if min(abs(column - c) for c in columns) > 2]
        assert (frame[:, far] == 30).all()


def test_erasing_adds_a_share_of_one_frame_to_all():
    frames = np.random.default_rng(0).integers(0, 256, (5, 8, 8, 3)).astype(np.uint8)
    found = erased(frames, seed=1).astype(float)
    candidates = []
    for still in frames.astype(float):
        away = (still - frames).ravel()
        share = (found - frames).ravel() @ away / (away @ away)
        candidates.append((np.abs(frames + share * (still - frames) - found).max(), share))
    error, share = min(candidates)
    assert error < 0.6  # Rounding, of the share too.
    assert 0.01 < share < 0.3


def test_the_background_of_a_camera_is_taken_off(tmp_path):
    """Bars that pass at other times leave the median as it is, and stand out from grey."""
    levels = dict(a=60, b=140)
    files, groups = [], []
    for name, level in levels.items():
        for column in (4, 12, 20):
            files.append(str(tmp_path / f'{name}{column}.mp4'))
            groups.append(name)
            write_video(Path(files[-1]), street(level, column), fps=5)
    clips = StudyClips(tuple(files), np.arange(6) % 2, np.array(groups), ('x', 'y'))
    reader = PictureReader(clips, Study('q', (Row('a', 'majority'),)), 5, (32, 16))
    for number, name in enumerate(groups):
        found = reader.read(number, kind='difference').astype(int)
        still = np.median(found, axis=0)
        assert np.abs(still[:, 30:] - 127).max() < 8
        assert found.max() > 127 + 0.7 * min(250 - levels[name], 128)
    np.testing.assert_array_equal(
        from_background(np.uint8([[[[10, 20, 250]]]]), np.array([[[20.0, 20.0, 10.0]]])),
        [[[[117, 127, 255]]]],
    )


def make_task(pictures: str) -> Task:
    groups = np.array(['a', 'b', 'c'])[np.arange(30) % 3]
    clips = StudyClips(tuple(map(str, range(30))), np.arange(30) % 2, groups, ('x', 'y'))
    frames = np.random.default_rng(0).normal(size=(30, 2, 6)).astype(np.float32)
    fold = Fold('c', np.flatnonzero(groups != 'c'), np.flatnonzero(groups == 'c'))
    row = Row('row', 'ridge', stage=3, views=2, pictures=pictures)
    return Task(row, clips, fold, ({'frames3': frames}, {'frames3': 1 + frames}))


def test_the_left_out_camera_lends_no_background():
    task = make_task('pasted')
    learned = task.training_clips(1)
    partners = [partner_of(task.clips, 1, number) for number in learned.tolist()]
    assert 0 < len(learned) < len(task.fold.train)
    assert 'c' not in set(task.clips.groups[partners])
    assert all(task.clips.groups[learned] != task.clips.groups[partners])
    assert len(task.training_rows().labels) == len(task.fold.train) + len(learned)
    assert len(make_task('erased').training_rows().labels) == 2 * len(task.fold.train)


def test_rows_share_the_first_view():
    rows = [Row('plain', 'ridge', views=3), Row('erased', 'ridge', views=2, pictures='erased')]
    rows.append(Row('difference', 'ridge', pictures='difference', stage=5))
    wanted = wanted_by(Study('q', tuple(rows)))
    assert {name: needs.views for name, needs in wanted.items()} == {
        'efficientnet_lite0': (0, 1, 2),
        'efficientnet_lite0 erased': (1,),
        'efficientnet_lite0 difference': (0,),
    }
    assert rows[0].key == replace(rows[0], name='b').key != replace(rows[1], views=3).key


@pytest.mark.parametrize(
    ('row', 'message'),
    [
        (dict(pictures='blurred'), 'difference'),
        (dict(pictures='erased'), 'views=2 or more'),
        (dict(pictures='difference', views=2), 'views=1'),
        (dict(pictures='erased', views=2, features='thumbnails'), 'image network'),
    ],
)
def test_pictures_that_no_row_can_have_are_refused(row, message):
    with pytest.raises(ValueError, match=message):
        Row('row', 'ridge', **row)
