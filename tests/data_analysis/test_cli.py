import json
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from data_analysis.cli import main
from data_analysis.measuring.clip_table import CLIP_COLUMNS
from data_analysis.report.charts import FIGURES
from tests.data_analysis.videos import render_numbered
from tests.warm_python import loaded_python


@pytest.fixture(scope='module')
def videos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two classes, three recordings of four clips each, one of them empty; lists as splits."""
    folder = tmp_path_factory.mktemp('videos')
    rows = []
    for recording in range(3):
        for number in range(4):
            label = ('dig', 'stand by')[number % 2]
            (folder / label).mkdir(exist_ok=True)
            name = f'rec{recording} clip{number}.mp4'
            render_numbered(folder / label, name, 70 * recording + 3 * number, 10 + 4 * number)
            rows.append((f'{label}/{name}', number % 2, recording))
    (folder / rows[0][0]).write_bytes(b'')
    for split, chosen in (('train', rows[:8]), ('val', rows[8:])):
        lines = [f'{path} {label}\n' for path, label, _ in chosen]
        (folder / f'{split}.txt').write_text(''.join(lines))
    return folder


def run(*arguments: object) -> int:
    return main(list(map(str, ['--workers', 0, *arguments])))


def test_a_folder_gives_every_output(
    videos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / 'out'
    arguments = [videos, '--out', out, '--group-regex', r'rec\d', '--clip-len', 4]
    assert run(*arguments) == 0
    clips = pd.read_csv(out / 'clips.csv')
    assert tuple(clips.columns) == CLIP_COLUMNS
    assert len(clips) == 12
    assert clips['num_frames'].dropna().tolist() == [18, 10, 18, 10, 18, 14, 22, 14, 22, 14, 22]
    problems = pd.read_csv(out / 'problems.csv')
    assert problems.loc[problems['code'] == 'empty', 'path'].tolist() == ['dig/rec0 clip0.mp4']
    summary = json.loads((out / 'summary.json').read_text())
    assert summary['classes'] == ['dig', 'stand by']
    assert summary['totals']['recordings'] == 3
    assert summary['sampler']['settings']['clip_len'] == 4
    drawn = {file.stem for file in (out / 'figures').glob('*.png')}
    assert drawn == {kind.name for kind in FIGURES} - {'split_table', 'leakage'}
    page = (out / 'report.html').read_text()
    assert 'data:image/jpeg' in page
    shown = capsys.readouterr().out
    assert 'stand by' in shown
    assert 'File has no bytes' in shown
    # What was measured is remembered.
    assert run(*arguments, '--no-strips') == 0
    measured = json.loads((out / 'summary.json').read_text())['measured']
    assert (measured['files_measured'], measured['files_remembered']) == (0, 12)


def test_lists_as_splits_fail_on_and_compare(
    videos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lists = [f'train={videos / "train.txt"}', f'val={videos / "val.txt"}']
    arguments = ['--data-root', videos, '--no-strips', '--group-regex', r'rec\d']
    arguments += [word for text in lists for word in ('--split', text)]
    named = [*arguments, '--classes', 'dig,stand by', '--out', tmp_path / 'a']
    assert run(*named, '--fail-on', 'missing,empty') == 1
    assert '--fail-on: empty' in capsys.readouterr().out
    summary = json.loads((tmp_path / 'a' / 'summary.json').read_text())
    assert summary['splits'] == ['train', 'val']
    assert {row['code'] for row in summary['problems']['by_code']}.isdisjoint(
        {'recording_in_two_splits', 'missing'}
    )
    older = tmp_path / 'a' / 'summary.json'
    fewer = [*arguments[:-2], '--out', tmp_path / 'b', '--fail-on', 'missing,rotated']
    assert run(*fewer, '--compare', older) == 0
    assert 'val' in capsys.readouterr().out


def test_an_alarm_that_could_not_judge_is_told_and_fails_a_run_that_names_it(
    videos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lists = ['--split', f'train={videos / "train.txt"}', '--split', f'val={videos / "val.txt"}']
    arguments = [*lists, '--data-root', videos, '--no-strips', '--out', tmp_path]
    assert run(*arguments, '--fail-on', 'rotated, leakage_alarm') == 1
    shown = ' '.join(capsys.readouterr().out.split())
    assert 'Not judged by the leakage alarm' in shown
    assert '--fail-on: leakage_alarm judged no split (val: 4 of its clips' in shown
    (row,) = json.loads((tmp_path / 'summary.json').read_text())['unjudged_splits']
    assert row['split'] == 'val'
    assert row['reason'] in (tmp_path / 'report.html').read_text()
    assert run(videos, '--no-strips', '--out', tmp_path, '--fail-on', 'leakage_alarm') == 1
    assert 'judged no split (there is only one)' in ' '.join(capsys.readouterr().out.split())


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        ([], 'name one input'),
        (['absent'], 'absent: no such folder'),
        (['--split', 'train'], 'write NAME=FILE'),
        (['--split', 'train=absent.txt'], r'absent.txt: no such annotation file'),
        (['.', '--config', 'x.py'], 'name one input'),
        (['absent', '--fail-on', 'nonsense'], "unknown code 'nonsense'"),
        (['absent', '--frame-interval', '-1'], 'no such folder'),
    ],
)
def test_mistakes_are_named(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    with pytest.raises(SystemExit) as stopped:
        run(*arguments, '--out', tmp_path)
    assert stopped.value.code == 2
    assert message in capsys.readouterr().err


def test_a_file_in_the_place_of_the_folder_is_named(
    videos: Path, tmp_path: Path, root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ('file', 'file/below'):
        (tmp_path / 'file').touch()
        with pytest.raises(SystemExit) as stopped:
            run(videos, '--out', tmp_path / name)
        assert stopped.value.code == 2
        shown = capsys.readouterr().err.splitlines()
        assert shown[-1].startswith(f'data_analysis: error: {tmp_path / name}: ')
        assert len(shown) == 1
    for tool in (
        ['prepare_dataset.py', videos],
        ['cache_dataset.py', videos / 'train.txt', '--data-root', videos],
    ):
        name, *words = map(str, tool)
        command = [loaded_python(), str(root / 'tools' / name), *words, '--workers', '0']
        done = subprocess.run(
            [*command, '--out', str(tmp_path / 'file')], capture_output=True, text=True, check=False
        )
        assert (done.returncode, done.stderr) == (2, f'error: {tmp_path / "file"}: File exists\n')


def test_a_sampler_that_is_not_known_must_be_told(
    videos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / 'config.py'
    config.write_text(
        "pipeline = [dict(type='DecordInit'), dict(type='DenseSampleFrames', clip_len=16)]\n"
        f"train_dataloader = dict(dataset=dict(type='VideoDataset', pipeline=pipeline, "
        f'ann_file={str(videos / "train.txt")!r}, data_prefix=dict(video={str(videos)!r})))\n'
    )
    arguments = ['--config', config, '--no-strips', '--out', tmp_path]
    with pytest.raises(SystemExit) as stopped:
        run(*arguments, '--clip-len', 16)
    assert stopped.value.code == 2
    shown = capsys.readouterr().err
    assert '(DecordInit, DenseSampleFrames)' in shown
    assert '--clip-len and --frame-interval' in shown
    assert run(*arguments, '--clip-len', 16, '--frame-interval', 2) == 0
    told = json.loads((tmp_path / 'summary.json').read_text())['sampler']['settings']
    assert (told['clip_len'], told['frame_interval']) == (16, 2)


WITHOUT = """
import sys

class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.split('.')[0] in ('torch', 'mmengine', 'mmcv', 'mmaction'):
            raise ImportError(name + ' is not installed')

sys.meta_path.insert(0, Absent())
from data_analysis.cli import main
try:
    main(['--config', 'configs/_base_/default_runtime.py'])
except SystemExit as end:
    assert end.code == 2
sys.exit(main(sys.argv[1:]))
"""


def test_it_runs_where_torch_and_mmaction2_are_absent(
    videos: Path, tmp_path: Path, root: Path
) -> None:
    command = [sys.executable, '-c', WITHOUT, '--out', str(tmp_path), '--workers', '1']
    done = subprocess.run(
        [*command, str(videos)], cwd=root, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0
    (refused,) = done.stderr.splitlines()
    assert 'reading a config needs mmengine' in refused
    assert (tmp_path / 'report.html').exists()
