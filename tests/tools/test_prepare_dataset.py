"""README's way from a folder of videos to fine-tuning, as it stands there."""

import re
import runpy
import shlex
import sys
from itertools import chain
from pathlib import Path

import pytest
from mmengine.config import Config

from mmaction_timesformer.registry import DATASETS
from tests.tools.conftest import CLASSES

SPLITS = ('train', 'val', 'test')


def commands_of_readme(root: Path) -> list[list[str]]:
    """Every command that prepares a folder, and the training that follows it."""
    text = (root / 'README.md').read_text().replace('\\\n', ' ')
    lines = re.findall(r'^python (tools/(?:prepare_dataset|train)\.py .*)', text, re.MULTILINE)
    return [shlex.split(line, comments=True) for line in lines]


@pytest.fixture
def folder(root: Path, videos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where a user stands: the repository, with a folder of videos in it."""
    for name in ('configs', 'tools'):
        (tmp_path / name).symlink_to(root / name)
    (tmp_path / 'videos').symlink_to(videos)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def run_tool(monkeypatch: pytest.MonkeyPatch):
    """Runs a tool as the command line does."""

    def run(command: list[str]) -> None:
        monkeypatch.setattr(sys, 'argv', [*command, '--workers', '1'])
        with pytest.raises(SystemExit) as ended:
            runpy.run_path(command[0], run_name='__main__')
        assert ended.value.code == 0

    return run


def test_labels_are_the_folders_that_clips_lie_in(root: Path, folder: Path, run_tool) -> None:
    *_, prepare, train = commands_of_readme(root)
    assert prepare[0] == 'tools/prepare_dataset.py'
    run_tool(prepare)

    assert train[:2] == ['tools/train.py', 'data/mine/config.py']
    cfg = Config.fromfile(train[1])
    assert cfg.optim_wrapper.paramwise_cfg.layer_decay_rate == 0.75, 'not the fine-tuning recipe'
    names = []
    for split in SPLITS:
        config = cfg[f'{split}_dataloader'].dataset
        # With the class list that the preparer wrote, and with the railway yard's own.
        fixed = {key: value for key, value in config.items() if key != 'metainfo'}
        for one in (config, dict(fixed, type='RailwayYardDataset')):
            dataset = DATASETS.build(one)
            infos = [dataset.get_data_info(index) for index in range(len(dataset))]
            folders = [Path(info['filename']).parent.name for info in infos]
            assert [dataset.metainfo['classes'][info['label']] for info in infos] == folders
            assert all(Path(info['filename']).is_file() for info in infos)
        names += folders
    assert len(names) == 19
    assert set(names) == set(CLASSES)


def test_clips_keep_their_recordings(root: Path, folder: Path, run_tool) -> None:
    prepare = commands_of_readme(root)[0]
    run_tool([*prepare, '--group-regex', r' (\d+)\.mp4'])
    cfg = Config.fromfile('data/mine/config.py')
    found = {}
    for split in SPLITS:
        dataset = DATASETS.build(cfg[f'{split}_dataloader'].dataset)
        infos = [dataset.get_data_info(index) for index in range(len(dataset))]
        assert all(info['recording'] == number_in(info['filename']) for info in infos)
        found[split] = {info['recording'] for info in infos}
        if split != 'train':
            sample = dataset[0]['data_samples']
            assert sample.recording == number_in(sample.filename), 'results are not told'
    assert sorted(map(int, chain(*found.values()))) == list(range(12))


def number_in(name: str) -> str:
    """Ending after "train" or "val" in the name of a file."""
    return Path(name).stem.split()[1]
