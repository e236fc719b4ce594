"""Command-line options applied to a config."""

import os
from pathlib import Path

import pytest
import torch
from mmengine.config import Config

from mmaction_timesformer.engine import launch
from mmaction_timesformer.models.checkpoints import PUBLIC_WEIGHTS


class Runner:
    """Takes the runner's place and keeps the config."""

    def __init__(self, cfg: Config) -> None:
        self.cfg = cfg

    def train(self) -> None:
        """Nothing to do."""

    def test(self) -> None:
        """Nothing to do."""


@pytest.fixture
def built(monkeypatch: pytest.MonkeyPatch) -> list[Config]:
    """The configs that reach a runner."""
    configs: list[Config] = []

    def from_cfg(cfg: Config) -> Runner:
        configs.append(cfg)
        return Runner(cfg)

    monkeypatch.setattr(launch.Runner, 'from_cfg', from_cfg)
    return configs


@pytest.fixture
def config(tmp_path: Path) -> str:
    file = tmp_path / 'a_model.py'
    file.write_text(
        """
model = dict(depth=1)
val_cfg = dict()
val_dataloader = dict(batch_size=1)
val_evaluator = dict(type='AccMetric')
test_evaluator = dict(type='AccMetric')
optim_wrapper = dict(type='OptimWrapper')
default_hooks = dict()
auto_scale_lr = dict(enable=False, base_batch_size=8)
randomness = dict(seed=1, deterministic=True)
"""
    )
    return str(file)


def test_defaults_leave_the_config_alone(built: list[Config], config: str) -> None:
    launch.run_training(config)
    (cfg,) = built
    assert cfg.work_dir == str(Path('work_dirs', 'a_model'))
    assert cfg.launcher == 'none'
    assert cfg.randomness == {'seed': 1, 'deterministic': True}
    assert cfg.val_cfg is not None
    assert 'resume' not in cfg


def test_words_win_over_the_config(built: list[Config], config: str) -> None:
    options = launch.TrainingOptions(
        work_dir='elsewhere',
        amp=True,
        no_validate=True,
        auto_scale_lr=True,
        seed=0,
        diff_rank_seed=True,
        cfg_options={'model.depth': 2, 'work_dir': 'at last'},
    )
    launch.run_training(config, options)
    (cfg,) = built
    assert cfg.work_dir == 'at last'
    assert cfg.model.depth == 2
    assert cfg.optim_wrapper.type == 'AutoAmpOptimWrapper'
    assert (cfg.val_cfg, cfg.val_dataloader, cfg.val_evaluator) == (None, None, None)
    assert cfg.auto_scale_lr.enable is True
    assert cfg.randomness == {'seed': 0, 'diff_rank_seed': True, 'deterministic': True}


@pytest.mark.parametrize(('word', 'load_from'), [('auto', None), ('a.pth', 'a.pth')])
def test_resume(word: str, load_from: str | None, built: list[Config], config: str) -> None:
    launch.run_training(config, launch.TrainingOptions(resume=word))
    assert built[0].resume is True
    assert built[0].load_from == load_from


def test_mixed_precision_needs_a_standard_wrapper(config: str, tmp_path: Path) -> None:
    other = tmp_path / 'other.py'
    other.write_text(f"_base_ = '{config}'\noptim_wrapper = dict(type='ApexOptimWrapper')\n")
    with pytest.raises(ValueError, match='ApexOptimWrapper'):
        launch.run_training(str(other), launch.TrainingOptions(amp=True))


def test_dump_and_drawings_are_added(built: list[Config], config: str, tmp_path: Path) -> None:
    checkpoint = tmp_path / 'a.pth'
    checkpoint.touch()
    dump = str(tmp_path / 'a.pkl')
    launch.run_test(
        config, str(checkpoint), launch.EvaluationOptions(dump=dump, show_dir='drawn', interval=3)
    )
    (cfg,) = built
    assert cfg.load_from == str(checkpoint)
    assert [evaluator.type for evaluator in cfg.test_evaluator] == ['AccMetric', 'DumpResults']
    assert cfg.test_evaluator[1].out_file_path == dump
    drawing = cfg.default_hooks.visualization
    assert (drawing.type, drawing.enable, drawing.show) == ('VisualizationHook', True, False)
    assert (drawing.out_dir, drawing.interval) == ('drawn', 3)


def test_missing_checkpoint_is_named(config: str, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match='no checkpoint at '):
        launch.run_test(config, str(tmp_path / 'missing.pth'))


def test_dump_must_be_called_a_pickle(config: str, tmp_path: Path) -> None:
    checkpoint = tmp_path / 'a.pth'
    checkpoint.touch()
    with pytest.raises(ValueError, match=r'must end in \.pkl, unlike a\.json'):
        launch.run_test(config, str(checkpoint), launch.EvaluationOptions(dump='a.json'))


def test_resume_takes_the_newest_whole_checkpoint(
    built: list[Config], config: str, tmp_path: Path
) -> None:
    for name in ('epoch_1.pth', 'epoch_2.pth'):
        torch.save({'state_dict': {'a': torch.ones(9)}}, tmp_path / name)
    os.utime(tmp_path / 'epoch_1.pth', (0, 0))
    os.truncate(tmp_path / 'epoch_2.pth', 500)
    (tmp_path / 'last_checkpoint').write_text(str(tmp_path / 'epoch_2.pth'))
    launch.run_training(config, launch.TrainingOptions(resume='auto', work_dir=str(tmp_path)))
    assert built[0].load_from == str(tmp_path / 'epoch_1.pth')


def test_checkpoints_of_any_config_are_whole(built: list[Config], config: str) -> None:
    hook = {'type': 'CheckpointHook', 'max_keep_ckpts': 1}
    launch.run_training(
        config, launch.TrainingOptions(cfg_options={'default_hooks.checkpoint': hook})
    )
    assert built[0].default_hooks.checkpoint == {'type': 'WholeCheckpointHook', 'max_keep_ckpts': 1}


def test_no_secret_of_an_address_reaches_the_config(
    built: list[Config], config: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(launch, 'download', lambda url: Path('/hub', url[-1]))
    public = PUBLIC_WEIGHTS[0].url
    options = {
        'load_from': 'https://user:secret@host/1',
        'model.pretrained': 'https://host/a.pth?sig=secret2',
        'model.init_cfg': [{'checkpoint': 'https://host/a.pth?sig=secret3'}],
        'model.neck.pretrained': public,
    }
    launch.run_training(config, launch.TrainingOptions(cfg_options=options))
    (cfg,) = built
    assert 'secret' not in cfg.pretty_text
    assert (cfg.load_from, cfg.model.pretrained) == ('/hub/1', '/hub/2')
    assert cfg.model.init_cfg[0].checkpoint == '/hub/3'
    assert cfg.model.neck.pretrained == public
