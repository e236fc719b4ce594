"""Studies end to end on small rendered clips, and their rules one by one."""

import json
import shutil
import subprocess
import time
from pathlib import Path

import numpy as np
import pytest

from mmaction_timesformer.studies.clips import (
    ClipSource,
    Fold,
    StudyClips,
    check_folds,
    leave_one_out,
    read_clips,
)
from mmaction_timesformer.studies.command import study_command
from mmaction_timesformer.studies.planning import Clock, plan
from mmaction_timesformer.studies.recipes.closed_form import ridge
from mmaction_timesformer.studies.recipes.task import Task
from mmaction_timesformer.studies.spec import Row, Study, read_study
from tests.warm_python import loaded_python

ROOT = Path(__file__).parents[2]
STUDY = """
question: Which colour?
size: 32
clip_len: 4
frame_interval: 3
least_clips: 1
rows:
  - {name: ridge, recipe: ridge, stage: 3, views: 2}
  - {name: majority, recipe: majority}
  - {name: thumbnails, recipe: neighbour, features: thumbnails}
  - {name: transformer, recipe: timesformer, stage: 3,
     options: {epochs: 1, embed_dims: 12, num_heads: 1, residual: true, grid: 2}}
"""


@pytest.fixture(scope='module')
def data(tmp_path_factory, tiny_videos) -> Path:
    folder = shutil.copytree(tiny_videos, tmp_path_factory.mktemp('study') / 'data')
    (folder / 'study.yaml').write_text(STUDY)
    return folder


def command(data: Path, out: Path) -> dict:
    source = ClipSource(data / 'videos', data / 'val.csv')
    return dict(study=data / 'study.yaml', source=source, out=out)


def test_a_whole_study(data, tmp_path, capsys):
    assert study_command(**command(data, tmp_path)) == 0
    found = json.loads((tmp_path / 'study.json').read_text())
    assert [line['name'] for line in found['lines']] == [
        'ridge',
        'majority',
        'thumbnails',
        'transformer',
    ]
    assert found['num_clips'] == 32
    assert len(found['cameras']) == 4
    majority = found['lines'][1]
    # All classes are equally large: whichever is named is right in a quarter of the clips.
    assert majority['accuracy'] == pytest.approx(0.25)
    page = (tmp_path / 'study.html').read_text()
    assert 'Which colour?' in page
    assert 'http' not in page.replace('http-equiv', '')
    # Nothing is left to do, and nothing is done: the jobs' files stay as they are.
    files = {file: file.stat().st_mtime_ns for file in tmp_path.glob('jobs/*/*.json')}
    assert study_command(**command(data, tmp_path)) == 0
    assert files == {file: file.stat().st_mtime_ns for file in tmp_path.glob('jobs/*/*.json')}


@pytest.mark.slow
def test_a_killed_study_resumes(data, tmp_path):
    arguments = command(data, tmp_path)
    line = [loaded_python(), 'tools/study.py', arguments['study'], data / 'videos']
    line += ['--csv', data / 'val.csv', '--out', tmp_path]
    process = subprocess.Popen(list(map(str, line)), cwd=ROOT, stdout=subprocess.PIPE)
    deadline = time.monotonic() + 300
    while not list(tmp_path.glob('features/*/*.npz')):
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.05)
    process.kill()
    process.communicate()
    kept = {file: file.stat().st_mtime_ns for file in tmp_path.glob('features/*/*.npz')}
    assert study_command(**arguments) == 0
    assert kept == {file: file.stat().st_mtime_ns for file in kept}
    assert (tmp_path / 'study.html').is_file()


def make_clips(number=24) -> StudyClips:
    groups = np.array(['a', 'b', 'c'])[np.arange(number) % 3]
    return StudyClips(tuple(map(str, range(number))), np.arange(number) % 2, groups, ('x', 'y'))


def test_folds_that_share_a_recording_are_refused():
    clips = make_clips()
    good = [
        Fold(name, np.flatnonzero(clips.groups != name), np.flatnonzero(clips.groups == name))
        for name in 'abc'
    ]
    check_folds(good, clips.groups)
    leaking = [*good[:2], Fold('c', np.arange(24), good[2].test)]
    with pytest.raises(ValueError, match=r'fold c: c is learned from and predicted'):
        check_folds(leaking, clips.groups)
    with pytest.raises(ValueError, match='twice'):
        check_folds([good[0], good[0]], clips.groups)


def test_copies_of_left_out_clips_are_not_learned_from(tmp_path):
    files = [tmp_path / f'{number}.mp4' for number in range(4)]
    for number, file in enumerate(files):
        file.write_bytes(b'the same' if number in (0, 3) else bytes([number]))
    clips = StudyClips(
        tuple(map(str, files)), np.array([0, 1, 0, 1]), np.array(['a', 'a', 'b', 'b']), ('x', 'y')
    )
    first, second = leave_one_out(clips)
    assert first.train.tolist() == [2]
    assert second.train.tolist() == [1]


def test_a_site_is_left_out_with_all_its_cameras(tmp_path):
    lines = ['filename,label,camera,site']
    for number in range(12):
        camera = 'abcd'[number % 4]
        site = 'north' if camera in 'ab' else 'south'
        (tmp_path / f'{number}.mp4').write_bytes(bytes([number]))
        lines.append(f'{number}.mp4,{"xy"[number % 3 == 0]},{camera},{site}')
    (tmp_path / 'clips.csv').write_text('\n'.join(lines) + '\n')
    clips = read_clips(ClipSource(tmp_path, site_column='site'))
    north, south = leave_one_out(clips)
    assert set(clips.groups[north.test]) == {'a', 'b'}
    assert set(clips.groups[north.train]) == {'c', 'd'}
    assert south.test.tolist() == north.train.tolist()
    with pytest.raises(ValueError, match="no column 'yard'"):
        read_clips(ClipSource(tmp_path, site_column='yard'))


def test_the_scored_camera_takes_no_part():
    """Other labels on the camera left out change nothing in what is predicted for it."""
    clips = make_clips(60)
    generator = np.random.default_rng(0)
    frames = generator.normal(size=(60, 4, 9)).astype(np.float32) + clips.labels[:, None, None]
    row = Row('ridge', 'ridge', stage=3)
    fold = Fold('c', np.flatnonzero(clips.groups != 'c'), np.flatnonzero(clips.groups == 'c'))
    expected = ridge(Task(row, clips, fold, ({'frames3': frames},)))
    assert (expected.argmax(axis=1) == clips.labels[fold.test]).mean() > 0.8
    turned = clips.labels.copy()
    turned[fold.test] = 1 - turned[fold.test]
    other = StudyClips(clips.files, turned, clips.groups, clips.classes)
    np.testing.assert_array_equal(ridge(Task(row, other, fold, ({'frames3': frames},))), expected)


def test_the_planner_leaves_out_what_does_not_fit():
    rows = [
        Row('two views', 'ridge', views=2),
        Row('one view', 'ridge'),
        Row('long', 'timesformer'),
        Row('short', 'majority'),
    ]
    seconds = {('efficientnet_lite0', 0): 300.0, ('efficientnet_lite0', 1): 300.0}
    free = plan(rows, seconds, 300, [7] * 4)
    assert all(part.chosen for part in free)
    # The first row pays for the features that the second one shares.
    assert [part.feature_seconds for part in free] == [600, 0, 0, 0]
    tight = plan(rows, seconds, 300, [7] * 4, hours=0.2)
    assert [part.chosen for part in tight] == [True, True, False, True]
    assert sum(part.seconds for part in tight if part.chosen) <= 720
    assert plan(rows, seconds, 300, [7] * 4, hours=0.11)[1].feature_seconds == 300


def test_the_clock_scales_estimates_by_what_rows_took():
    now = [100.0]
    clock = Clock(1.0, lambda: now[0])
    assert clock.allows(600)
    now[0] += 1800
    # Three times as slow as estimated: of the 1,800 s left, 600 s by the estimate.
    assert not clock.allows(601)
    assert clock.allows(599)
    now[0] += 7200
    assert clock.allows(0)  # What is done is shown, however late it is.
    assert not clock.allows(1)
    assert Clock(None, lambda: now[0]).allows(1e9)


def test_the_shipped_studies_are_readable():
    for file in (ROOT / 'configs' / 'studies').glob('*.yaml'):
        assert read_study(file).rows


@pytest.mark.parametrize(
    ('content', 'message'),
    [
        ('- 1', 'mapping'),
        ('question: q\nrows: []', 'needs rows'),
        ('question: q\nrows: [{name: a, recipe: svm}]', 'logistic'),
        ('question: q\nrows: [{name: a, recipe: ridge, view: 2}]', 'view'),
    ],
)
def test_what_is_no_study_is_refused(content, message, tmp_path):
    (tmp_path / 'study.yaml').write_text(content)
    with pytest.raises(ValueError, match=message):
        read_study(tmp_path / 'study.yaml')


def test_rows_change_their_key_with_what_changes_the_result():
    one = Row('a', 'ridge')
    assert one.key == Row('b', 'ridge').key
    assert one.key != Row('a', 'ridge', views=2).key
    assert Study('q', (one,)).rows == (one,)
