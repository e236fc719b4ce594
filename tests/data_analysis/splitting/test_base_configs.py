"""A prepared folder needs neither the checkout nor its own place."""

from pathlib import Path

import pytest
from mmengine.config import Config

from data_analysis.splitting import preparation
from data_analysis.splitting.base_configs import copy_config
from data_analysis.splitting.presets import PRESETS
from tests.data_analysis.splitting.test_preparation import (  # noqa: F401
    made_clips,
    prepare_clips,
    settings,
)

CONFIGS = Path(__file__).parents[3] / 'configs'


@pytest.mark.parametrize('name', PRESETS)
def test_a_copied_recipe_says_the_same_elsewhere(name, tmp_path):
    base = CONFIGS / PRESETS[name].config
    copy_config(base, tmp_path / 'here' / 'configs')
    (tmp_path / 'here').rename(tmp_path / 'there')
    (copy,) = (tmp_path / 'there').rglob(base.name)
    assert Config.fromfile(copy).to_dict() == Config.fromfile(base).to_dict()
    for file in (tmp_path / 'there').rglob('*.py'):
        assert str(CONFIGS.parent) not in file.read_text()


def test_bases_of_other_packages_stay_and_missing_ones_are_named(tmp_path):
    (tmp_path / 'a.py').write_text("_base_ = ['mmaction::_base_/default_runtime.py', 'b.py']\n")
    with pytest.raises(FileNotFoundError, match=r'b\.py: no such config'):
        copy_config(tmp_path / 'a.py', tmp_path / 'out')
    (tmp_path / 'b.py').write_text('x = 1\n')
    copy_config(tmp_path / 'a.py', tmp_path / 'out')
    assert sorted(file.name for file in (tmp_path / 'out').iterdir()) == ['a.py', 'b.py']


def test_prepared_folders_can_be_moved(prepare_clips, settings, tmp_path, monkeypatch):  # noqa: F811
    preset = PRESETS['scratch']
    monkeypatch.setattr(preparation, 'detection_of', lambda *arguments: {})
    prepared = prepare_clips(
        made_clips(),
        base_config=CONFIGS / preset.config,
        preset=preset,
        num_folds=2,
        allow_leak=True,
    )
    before = [Config.fromfile(config) for config in prepared.configs]
    moved = settings.out.rename(tmp_path / 'moved')
    for config, old in zip(prepared.configs, before, strict=True):
        new = Config.fromfile(moved / config.relative_to(settings.out))
        assert new.model == old.model
        assert new.train_dataloader.dataset.data_root == str(moved / config.parent.name)
        # The videos lie elsewhere and stay there.
        assert new.data_prefix == old.data_prefix
