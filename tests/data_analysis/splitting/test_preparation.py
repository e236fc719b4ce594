from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from mmengine.config import Config

from data_analysis.inputs.datasets import DatasetInput, input_from_folder
from data_analysis.splitting import preparation
from data_analysis.splitting.copying import copies_pay
from data_analysis.splitting.detection import guess_dangers
from data_analysis.splitting.preparation import LeakError, PreparationSettings, divide, prepare
from data_analysis.splitting.presets import preset_of
from tests.data_analysis.clip_tables import clips_of, signature_of
from tests.data_analysis.videos import render_numbered
from video_clips.annotation_files import Clip, read_annotations

NUM_RECORDINGS, CLIPS_OF_RECORDING = 10, 4


def made_clips(label_of_scene: bool = True) -> pd.DataFrame:
    """Recordings of one scene each, as if they had been measured."""
    rows = []
    for recording in range(NUM_RECORDINGS):
        for number in range(CLIPS_OF_RECORDING):
            label = 'ab'[recording % 2] if label_of_scene else 'ab'[number % 2]
            rows.append(
                {
                    'path': f'{label}/rec{recording} clip{number}.mp4',
                    'label': label,
                    'signature': signature_of(recording, noise=6, noise_seed=number),
                }
            )
    return clips_of(rows)


@pytest.fixture
def settings(tmp_path: Path) -> PreparationSettings:
    base = tmp_path / 'base.py'
    base.write_text('model = dict(cls_head=dict(num_classes=4))')
    return PreparationSettings(out=tmp_path / 'out', base_config=base, val_share=0.2)


@pytest.fixture
def prepare_clips(monkeypatch: pytest.MonkeyPatch, settings: PreparationSettings):
    """Prepares a table of clips without measuring files."""

    def run(clips: pd.DataFrame, classes: tuple[str, ...] = ('a', 'b'), **changes):
        monkeypatch.setattr(
            preparation, 'measure_files', lambda files, store, measure, progress: (None, None)
        )
        monkeypatch.setattr(preparation, 'clip_table', lambda annotated, measured: clips)
        multi_label = clips['label'].str.contains(';').any()
        dataset = DatasetInput(clips, classes, {}, multi_label)
        return prepare(dataset, replace(settings, **changes), 'videos')

    return run


def lists_of(config: Path) -> list[str]:
    loaders = Config.fromfile(config)
    return [loaders[f'{name}_dataloader'].dataset.ann_file for name in ('train', 'val', 'test')]


def with_recordings(clips: pd.DataFrame) -> pd.DataFrame:
    return clips.assign(recording=clips['path'].str.extract(r'(rec\d+)')[0])


def test_a_split_by_recording_is_written(prepare_clips, settings: PreparationSettings) -> None:
    prepared = prepare_clips(with_recordings(made_clips()), percents=(25, 50, 100))
    assert prepared.num_groups == NUM_RECORDINGS
    assert prepared.leaks.empty
    out = settings.out
    assert (out / 'classes.txt').read_text() == 'a\nb\n'
    lists = {
        name: read_annotations(out / f'{name}.txt', ('a', 'b')) for name in ('train', 'val', 'test')
    }
    assert {name: len(clips) for name, clips in lists.items()} == {'train': 24, 'val': 8, 'test': 8}
    recordings = {
        name: {clip.path.split('/')[1].split()[0] for clip in clips}
        for name, clips in lists.items()
    }
    assert (
        len(set.union(*recordings.values())) == NUM_RECORDINGS == sum(map(len, recordings.values()))
    )
    for clips in lists.values():
        assert all(clip.label == 'ab'.index(clip.path[0]) for clip in clips)
    quarter, half = (
        {clip.path for clip in read_annotations(out / f'train_{percent}.txt')}
        for percent in (25, 50)
    )
    assert quarter < half < {clip.path for clip in lists['train']}
    assert not (out / 'train_100.txt').exists()
    for name in ('train', 'val', 'test', 'train_25', 'train_50'):
        table = pd.read_csv(out / f'{name}.csv')
        assert list(table) == ['path', 'label', 'recording']
        assert (table['label'] == table['path'].str[0]).all()
        assert (table['recording'] == table['path'].str[2:6]).all()
        assert table['path'].tolist() == [
            clip.path for clip in read_annotations(out / f'{name}.txt')
        ]
    table = pd.read_csv(out / 'split.csv')
    assert table.groupby('group')['split'].nunique().max() == 1
    assert table['split'].value_counts().to_dict() == {'train': 24, 'val': 8, 'test': 8}
    assert prepared.counts[''].sum().to_dict() == {'train': 24, 'val': 8, 'test': 8}
    assert prepared.configs == [out / 'config.py']
    assert lists_of(out / 'config.py') == ['train.csv', 'val.csv', 'test.csv']


def test_a_split_of_look_alikes_at_random_is_refused(prepare_clips, settings) -> None:
    with pytest.raises(LeakError, match=r'(?s)leakage_alarm.*--group-from-scenes'):
        prepare_clips(made_clips(), test_share=0.3)
    assert not (settings.out / 'train.txt').exists()
    prepared = prepare_clips(made_clips(), test_share=0.3, allow_leak=True)
    assert 'leakage_alarm' in set(prepared.leaks['code'])
    assert lists_of(settings.out / 'config.py') == ['train.txt', 'val.txt', 'test.txt']
    assert {file.name for file in settings.out.glob('*.*')} == {
        *('train.txt', 'val.txt', 'test.txt', 'classes.txt', 'split.csv', 'config.py')
    }


def test_scenes_are_found_where_recordings_are_not_known(prepare_clips, settings) -> None:
    prepared = prepare_clips(made_clips(), from_scenes=True)
    assert prepared.num_groups == NUM_RECORDINGS
    table = pd.read_csv(settings.out / 'split.csv')
    assert (table.groupby(table['path'].str[2:6])['split'].nunique() == 1).all()
    listed = pd.concat(
        pd.read_csv(settings.out / f'{name}.csv') for name in ('train', 'val', 'test')
    )
    true = listed['path'].str[2:6]
    assert len(set(zip(true, listed['recording'], strict=True))) == NUM_RECORDINGS
    assert listed['recording'].nunique() == NUM_RECORDINGS


def test_the_same_seed_writes_the_same_files(prepare_clips, settings, tmp_path: Path) -> None:
    clips = with_recordings(made_clips())
    written = []
    for name, seed in (('one', 1), ('same', 1), ('other', 2)):
        prepare_clips(clips, out=tmp_path / name, seed=seed, percents=(50,))
        lists = [*(tmp_path / name).glob('*.txt'), *(tmp_path / name).glob('*.csv')]
        written.append({file.name: file.read_text() for file in lists})
    assert written[0] == written[1]
    assert written[0] != written[2]


def test_folds_and_leave_one_out_have_a_folder_each(prepare_clips, settings) -> None:
    clips = with_recordings(made_clips())
    prepared = prepare_clips(clips, num_folds=5, val_share=0.0)
    assert [config.parent.name for config in prepared.configs] == [f'fold{n}' for n in range(5)]
    tested = [
        clip.path
        for n in range(5)
        for clip in read_annotations(settings.out / f'fold{n}' / 'test.txt')
    ]
    assert sorted(tested) == sorted(clips['path'])
    assert not (settings.out / 'fold0' / 'val.txt').exists()
    for config in prepared.configs:
        assert lists_of(config) == ['train.csv', 'test.csv', 'test.csv']
        listed = pd.concat(pd.read_csv(config.parent / name) for name in ('train.csv', 'test.csv'))
        assert sorted(listed['recording']) == sorted(clips['recording'])
    prepared = prepare_clips(clips, leave_one_group_out=True, val_share=0.0)
    assert {config.parent.name for config in prepared.configs} == {
        f'without_rec{n}' for n in range(NUM_RECORDINGS)
    }


def test_recordings_with_similar_or_long_names_have_a_folder_each(
    settings: PreparationSettings, tmp_path: Path
) -> None:
    names = ['cam 1', 'cam_1', 'Cam/1', 'cam_1~0', '𝒳' * 300, '𝒳' * 299 + 'x', '', 'r7', 'r8', 'r9']
    clips = with_recordings(made_clips())
    clips['recording'] = clips['recording'].map({f'rec{n}': name for n, name in enumerate(names)})
    clips.loc[clips['recording'] == '', 'sha256'] = 'the same bytes'
    _, folds = divide(clips, replace(settings, leave_one_group_out=True))
    for fold in folds:
        (tmp_path / fold.name).mkdir()
    found = {fold.name for fold in folds}
    assert found >= {
        *('without_cam_1~0', 'without_cam_1~1', 'without_Cam_1~2', 'without_cam_1_0'),
        *('without_group6', 'without_r7'),
    }
    assert len(found) == len(names)


def test_parts_of_files_and_several_classes_are_written_as_csv(prepare_clips, settings) -> None:
    clips = with_recordings(made_clips(label_of_scene=False))
    clips['start_seconds'] = np.where(clips.index % 2, 1.5, np.nan)
    clips.loc[::3, 'label'] = 'a;b'
    prepare_clips(clips)
    written = read_annotations(settings.out / 'train.csv', ('a', 'b'), multi_label=True)
    assert {clip.label for clip in written} == {(0,), (1,), (0, 1)}
    assert {clip.start_seconds for clip in written} == {None, 1.5}
    assert not (settings.out / 'train.txt').exists(), 'it has no room for times'
    assert all(clip.recording for clip in written)
    assert 'multi_class=True' in (settings.out / 'config.py').read_text()


def test_a_clip_whose_recording_is_not_known_has_none(prepare_clips, settings) -> None:
    clips = with_recordings(made_clips())
    clips.loc[0, 'recording'] = ''
    prepare_clips(clips, allow_leak=True)
    listed = [
        clip
        for name in ('train', 'val', 'test')
        for clip in read_annotations(settings.out / f'{name}.csv', ('a', 'b'))
    ]
    assert Clip(clips.loc[0, 'path'], 0) in listed
    assert sum(clip.recording is None for clip in listed) == 1


def test_unreadable_clips_are_in_no_list(prepare_clips, settings) -> None:
    clips = with_recordings(made_clips())
    clips.loc[3, ['status', 'error']] = ['empty', '0 bytes']
    prepared = prepare_clips(clips)
    assert prepared.left_out['path'].tolist() == [clips.loc[3, 'path']]
    assert prepared.counts[''].to_numpy().sum() == len(clips) - 1


def test_labels_must_be_classes(prepare_clips) -> None:
    clips = with_recordings(made_clips())
    clips.loc[3, 'label'] = ''
    with pytest.raises(ValueError, match='1 clips have no label'):
        prepare_clips(clips)


def test_real_files_from_end_to_end(tmp_path: Path, settings: PreparationSettings) -> None:
    for recording in range(4):
        for number, label in enumerate('ab'):
            (tmp_path / 'set' / label).mkdir(parents=True, exist_ok=True)
            render_numbered(
                tmp_path / 'set' / label, f'rec{recording}.mp4', 60 * recording + 5 * number
            )
    (tmp_path / 'set' / 'a' / 'rec9.mp4').touch()
    dataset = input_from_folder(str(tmp_path / 'set'), recording_regex=r'rec\d')
    prepared = prepare(dataset, replace(settings, test_share=0.25, val_share=0.25), 'set')
    assert prepared.counts[''].to_dict() == {
        'train': {'a': 2, 'b': 2},
        'val': {'a': 1, 'b': 1},
        'test': {'a': 1, 'b': 1},
    }
    assert prepared.left_out['status'].tolist() == ['empty']


def test_a_division_that_the_data_has_is_kept(prepare_clips, settings) -> None:
    clips = with_recordings(made_clips())
    given = np.where(clips['recording'].isin(['rec0', 'rec1']), 'test', 'train')
    prepare_clips(clips.assign(split=given), classes=('a', 'b'))
    table = pd.read_csv(settings.out / 'split.csv')
    assert set(table.loc[table['split'] == 'test', 'recording']) == {'rec0', 'rec1'}
    assert set(table['split']) == {'train', 'val', 'test'}


@pytest.mark.parametrize(
    ('labels', 'message'),
    [('a', 'only the class a has readable clips'), ('ab', 'b: one clip cannot be trained')],
)
def test_too_few_classes_or_clips(prepare_clips, labels: str, message: str) -> None:
    clips = with_recordings(made_clips()).assign(label='a')
    clips.loc[0, 'label'] = labels[-1]
    with pytest.raises(ValueError, match=message):
        prepare_clips(clips)


@pytest.mark.parametrize(
    ('changes', 'message'),
    [
        ({'val_share': 0.6, 'test_share': 0.5}, 'shares lie between'),
        ({'num_folds': 1}, '1 folds'),
        ({'base_config': Path('absent.py')}, 'absent.py: no such config'),
        ({'dangers': ('c',)}, 'the dangers c are not classes'),
        ({'out': Path('/proc/nowhere')}, r'proc'),
    ],
)
def test_mistakes_are_found_before_anything_is_measured(
    monkeypatch: pytest.MonkeyPatch, settings: PreparationSettings, changes, message: str
) -> None:
    def measure(*arguments: object) -> None:
        raise AssertionError('measured before the arguments were checked')

    monkeypatch.setattr(preparation, 'measure_files', measure)
    with pytest.raises((ValueError, OSError), match=message):
        prepare(DatasetInput(made_clips(), ('a', 'b'), {}), replace(settings, **changes), 'videos')


def test_configs_say_where_they_train_and_what_to_detect(prepare_clips, settings, tmp_path) -> None:
    settings.base_config.write_text(
        'model = dict(cls_head=dict(num_classes=4))\n'
        "pipeline = [dict(type='SampleClip', clip_len=8, frame_interval=32, "
        "out_of_bound='shrink_interval')]\n"
        'train_dataloader = dict(dataset=dict(pipeline=pipeline))\n'
    )
    clips = with_recordings(made_clips()).assign(num_frames=50.0, duration_seconds=2.0)
    clips['label'] = clips['label'].map({'a': 'Fight', 'b': 'noFight'})
    prepared = prepare_clips(clips, classes=('Fight', 'noFight'), num_folds=2)
    configs = [Config.fromfile(config) for config in prepared.configs]
    assert [config.work_dir for config in configs] == ['work_dirs/out_fold0', 'work_dirs/out_fold1']
    # (50 - 1) // 7 = 7 frames apart at 25 a second.
    assert configs[0].detection == dict(dangers=['Fight'], span_seconds=2.24, hop_seconds=0.28)


def test_a_path_with_a_line_break_is_listed_as_csv(prepare_clips, settings) -> None:
    clips = with_recordings(made_clips())
    clips.loc[0, 'path'] = 'a/two\nlines.mp4'
    prepare_clips(clips.assign(recording=''), allow_leak=True)
    assert not (settings.out / 'train.txt').exists()
    listed = [
        clip.path
        for name in ('train', 'val', 'test')
        for clip in read_annotations(settings.out / f'{name}.csv', ('a', 'b'))
    ]
    assert 'a/two\nlines.mp4' in listed


@pytest.mark.parametrize(
    ('classes', 'dangers'),
    [
        (('Bucket-Worker', 'Other'), ['Bucket-Worker']),
        (('fight', 'nofight'), ['fight']),
        (('Non-Violence', 'Violence'), ['Violence']),
        (('north', 'south'), ['north', 'south']),
        (('normal', 'background'), ['normal', 'background']),
    ],
)
def test_dangers_are_guessed_from_names(classes, dangers) -> None:
    assert guess_dangers(classes) == dangers


def test_training_reads_copies_where_they_pay(tmp_path: Path, settings) -> None:
    for recording in range(4):
        for label in 'ab':
            (tmp_path / 'set' / label).mkdir(parents=True, exist_ok=True)
            start = 60 * recording + 5 * (label == 'b')
            render_numbered(tmp_path / 'set' / label, f'rec{recording}.avi', start)
    dataset = input_from_folder(str(tmp_path / 'set'), recording_regex=r'rec\d')
    shares = replace(settings, test_share=0.25, val_share=0.25)
    root = str(tmp_path / 'set')
    assert prepare(dataset, replace(shares, copies='auto'), root).num_copies is None
    prepared = prepare(dataset, replace(shares, copies='always'), root)
    assert prepared.num_copies == 8
    dataset_config = Config.fromfile(prepared.configs[0]).train_dataloader.dataset
    listed = read_annotations(settings.out / dataset_config.ann_file, ('a', 'b'))
    assert dataset_config.data_prefix.video == 'copies'  # below data_root, so it moves along
    videos = Path(dataset_config.data_root) / dataset_config.data_prefix.video
    assert all((videos / clip.path).is_file() for clip in listed)
    assert {clip.recording for clip in listed} <= {f'rec{n}' for n in range(4)}
    big = clips_of([{'width': 1280, 'height': 720}])
    assert copies_pay(big, preset_of(settings.base_config))
    assert not copies_pay(big.assign(packet_duration_seconds=600.0), preset_of(Path('x')))
