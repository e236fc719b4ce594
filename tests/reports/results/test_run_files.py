"""Reading of work folders, and errors for other folders."""

import json

import pytest

from mmaction_timesformer.reports.results.run_files import RunFiles


def test_a_finished_run(tiny_run):
    files = RunFiles.read(tiny_run)
    assert files.name == 'run'
    assert files.config.model.backbone.type == 'TimeSformerBackbone'
    assert [entry['step'] for entry in files.val_curve] == list(range(1, 9))
    assert all(0 <= entry['cls/top1'] <= 1 for entry in files.val_curve)
    # 64 clips in batches of 8, every fourth iteration of eight epochs is logged.
    assert [entry['step'] for entry in files.train_curve] == list(range(4, 65, 4))
    assert [record['kind'] for record in files.records] == ['train', 'test']
    assert files.checkpoint is not None
    assert files.checkpoint.name.startswith('best_')


def test_the_record_of_a_test_lies_beside_its_dump(tiny_run, tmp_path):
    commands = {'this': ['test.py', '--dump', 'here/a.pkl'], 'other': ['test.py', 'b.pkl']}
    for name, command in commands.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / 'run.json').write_text(json.dumps({'kind': name, 'command': command}))
    files = RunFiles.read(tiny_run, tmp_path / 'a.pkl')
    assert [record['kind'] for record in files.records] == ['train', 'test', 'this']


def make_folder(root, **logs):
    """A work folder with a config and logs, by the name of their run."""
    (root / 'config.py').write_text('model = dict(type="Recognizer3D")\n')
    for name, lines in logs.items():
        file = root / name / 'vis_data' / 'scalars.json'
        file.parent.mkdir(parents=True)
        file.write_text(lines)
    return root


def lines(*entries):
    return ''.join(json.dumps(entry) + '\n' for entry in entries)


def test_a_resumed_run_overwrites_what_it_repeats(tmp_path):
    folder = make_folder(
        tmp_path,
        first=lines(
            {'loss': 3.0, 'step': 1}, {'loss': 2.0, 'step': 2}, {'acc/top1': 0.1, 'step': 1}
        ),
        second=lines(
            {'loss': 1.5, 'step': 2}, {'loss': 1.0, 'step': 3}, {'acc/top1': 0.9, 'step': 2}
        ),
    )
    files = RunFiles.read(folder)
    assert [entry['loss'] for entry in files.train_curve] == [3.0, 1.5, 1.0]
    assert [entry['acc/top1'] for entry in files.val_curve] == [0.1, 0.9]
    assert files.checkpoint is None


def test_a_killed_run_may_leave_half_a_line(tmp_path):
    folder = make_folder(tmp_path, run=lines({'loss': 3.0, 'step': 1}) + '{"loss": 2.')
    assert len(RunFiles.read(folder).train_curve) == 1


def test_other_damage_is_named(tmp_path):
    folder = make_folder(tmp_path, run='not json\n' + lines({'loss': 1, 'step': 1}))
    with pytest.raises(ValueError, match=r'scalars\.json: line 1 is damaged'):
        RunFiles.read(folder)


def test_a_moved_folder_finds_its_last_checkpoint(tmp_path):
    folder = make_folder(tmp_path)
    (folder / 'epoch_3.pth').write_bytes(b'')
    (folder / 'last_checkpoint').write_text('/somewhere/else/epoch_3.pth')
    assert RunFiles.read(folder).checkpoint == folder / 'epoch_3.pth'


def test_missing_folders_and_configs_are_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r'nowhere: no such folder; expected the work'):
        RunFiles.read(tmp_path / 'nowhere')
    with pytest.raises(FileNotFoundError, match='holds no config'):
        RunFiles.read(tmp_path)
    (tmp_path / 'broken.py').write_text('model = dict(')
    with pytest.raises(ValueError, match=r'broken\.py: cannot be read as a config'):
        RunFiles.read(tmp_path)
