import functools
import hashlib
import json
import operator
from pathlib import Path

import av
import pytest

from demo_yard.acting.acts import ACTS, LABELS
from demo_yard.rendering import DemoSettings, render_demo_dataset
from demo_yard.rendering.plan import class_counts
from demo_yard.rendering.recording import Recording
from video_clips.annotation_files import read_annotations

SETTINGS = DemoSettings(
    num_clips=12,
    clips_per_recording=3,
    seconds=2.5,
    fps=4,
    width=64,
    height=48,
    num_untrimmed=1,
    untrimmed_seconds=30,
    seed=5,
)


def digests(root: Path) -> dict[str, str]:
    return {
        str(file.relative_to(root)): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in sorted(root.rglob('*'))
        if file.is_file()
    }


@pytest.fixture(scope='module')
def demo_set(tmp_path_factory) -> Path:
    return render_demo_dataset(tmp_path_factory.mktemp('demo') / 'set', SETTINGS, num_workers=1)


def test_same_settings_same_bytes_whatever_the_workers(demo_set, tmp_path):
    again = render_demo_dataset(tmp_path / 'set', SETTINGS, num_workers=2)

    assert digests(again) == digests(demo_set)


def test_another_seed_is_another_set(demo_set, tmp_path):
    settings = DemoSettings(**{**vars(SETTINGS), 'seed': 6, 'num_untrimmed': 0})
    other = digests(render_demo_dataset(tmp_path / 'set', settings, num_workers=1))

    videos = {digest for name, digest in other.items() if name.endswith('.mp4')}
    assert len(videos) == 12
    assert not videos & set(digests(demo_set).values())


def test_annotations_name_every_clip_once(demo_set):
    splits = {
        name: read_annotations(demo_set / f'{name}.csv', LABELS)
        for name in ('train', 'val', 'test')
    }
    recordings = [{clip.recording for clip in clips} for clips in splits.values()]
    clips = functools.reduce(operator.iadd, splits.values(), [])

    assert sum(map(len, recordings)) == len(set.union(*recordings)) == 4
    assert {clip.path for clip in clips} == {
        str(file.relative_to(demo_set / 'videos')) for file in demo_set.glob('videos/*/*.mp4')
    }
    for clip in clips:
        folder, name = clip.path.split('/')
        assert folder == LABELS[clip.label]
        assert name.startswith(f'{clip.recording}_clip')
    counts = {label: sum(clip.label == i for clip in clips) for i, label in enumerate(LABELS)}
    assert counts == class_counts(12)


def test_text_lists_say_the_same(demo_set):
    for name in ('train', 'val', 'test'):
        text = read_annotations(demo_set / f'{name}.txt')
        table = read_annotations(demo_set / f'{name}.csv', LABELS)
        assert [(c.path, c.label) for c in text] == [(c.path, c.label) for c in table]


def test_clips_have_the_size_and_the_rate_asked_for(demo_set):
    for file in demo_set.glob('videos/*/*.mp4'):
        with av.open(str(file)) as container:
            stream = container.streams.video[0]
            assert (stream.width, stream.height, stream.average_rate) == (64, 48, 4)
            assert 8 <= stream.frames <= 12


def test_acts_lie_within_their_clips(demo_set):
    acts = json.loads((demo_set / 'acts.json').read_text())

    assert len(acts) == 12
    for path, record in acts.items():
        assert ACTS[record['act']].label == path.split('/')[0]
        assert 0 <= record['start_seconds'] < record['end_seconds'] < 2.5 * 1.15


def test_untrimmed_video_comes_with_its_events(demo_set):
    events = json.loads((demo_set / 'untrimmed' / 'events.json').read_text())

    assert list(events) == ['rec004.mp4']
    with av.open(str(demo_set / 'untrimmed' / 'rec004.mp4')) as container:
        assert container.streams.video[0].frames == 120
    assert events['rec004.mp4']['duration_seconds'] == 30
    for event in events['rec004.mp4']['events']:
        assert event['label'] in LABELS[:3]
        assert 0 < event['start_seconds'] < event['end_seconds'] <= 30


def test_interrupted_rendering_goes_on(demo_set, tmp_path):
    root = tmp_path / 'set'

    def interrupt(num_done: int, num_all: int) -> None:
        if num_done > 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        render_demo_dataset(root, SETTINGS, num_workers=1, progress=interrupt)
    assert not (root / 'train.csv').exists()

    render_demo_dataset(root, SETTINGS, num_workers=1)
    assert digests(root) == digests(demo_set)


def test_finished_set_is_left_alone(demo_set):
    before = {file: file.stat().st_mtime_ns for file in demo_set.rglob('*.mp4')}

    render_demo_dataset(demo_set, SETTINGS, num_workers=1)

    assert {file: file.stat().st_mtime_ns for file in demo_set.rglob('*.mp4')} == before


def test_another_sets_folder_is_refused(demo_set, tmp_path):
    with pytest.raises(ValueError, match='other settings'):
        render_demo_dataset(demo_set, DemoSettings(seed=1), num_workers=1)
    (tmp_path / 'note.txt').write_text('mine')
    with pytest.raises(ValueError, match='is not empty'):
        render_demo_dataset(tmp_path, SETTINGS, num_workers=1)


@pytest.mark.parametrize(
    ('wrong', 'message'),
    [
        (dict(width=161), 'width must be even'),
        (dict(seconds=1.0), r'seconds must be 2\.5 or more'),
        (dict(fps=0.0), 'fps must be 1 or more'),
        (dict(seed=-1), 'must not be negative'),
    ],
)
def test_wrong_settings_say_what_is_wrong(wrong, message):
    with pytest.raises(ValueError, match=message):
        DemoSettings(**wrong)


def test_windows_are_for_training(tmp_path):
    settings = DemoSettings(**{**vars(SETTINGS), 'num_untrimmed': 0, 'num_windows': 4})
    render_demo_dataset(tmp_path, settings, num_workers=1)

    windows = {
        split: [c.path for c in read_annotations(tmp_path / f'{split}.txt') if 'window' in c.path]
        for split in ('train', 'val', 'test')
    }
    assert [len(paths) for paths in windows.values()] == [4, 0, 0]
    for path in windows['train']:
        with av.open(str(tmp_path / 'videos' / path)) as container:
            assert 8 <= container.streams.video[0].frames <= 12


def test_long_videos_alone_of_the_site_of_another_set(tmp_path):
    only_long = dict(num_clips=0, num_untrimmed=2, untrimmed_seconds=10.0)
    settings = DemoSettings(**{**vars(SETTINGS), **only_long, 'seed': 6, 'site_seed': 5})
    render_demo_dataset(tmp_path, settings, num_workers=1)

    assert sorted(file.name for file in tmp_path.rglob('*.mp4')) == ['rec000.mp4', 'rec001.mp4']
    assert not (tmp_path / 'train.csv').exists()
    there, same, other = (
        Recording(seed, 0, (64, 48), site_seed=site_seed).site.yard
        for seed, site_seed in ((5, None), (6, 5), (6, None))
    )
    assert same.track_offsets == there.track_offsets != other.track_offsets
    assert same.day_seed != there.day_seed
