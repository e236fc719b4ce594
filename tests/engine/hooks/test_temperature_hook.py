"""The best checkpoint of a run is calibrated; what trains is not."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from mmaction.registry import DATASETS, MODELS, TRANSFORMS
from mmengine.dataset import BaseDataset
from mmengine.hooks import Hook
from mmengine.runner import Runner
from torch import nn

from mmaction_timesformer.engine.hooks.temperature_hook import find_temperature

CLASSES = ('dark', 'bright')


@DATASETS.register_module()
class ShadesForTemperature(BaseDataset):
    """Forty clips of one pixel, brighter in class 1; every fourth label is wrong."""

    METAINFO = {'classes': CLASSES}

    def load_data_list(self) -> list[dict]:
        labels = [row % 2 for row in range(40)]
        return [
            dict(shade=label, label=1 - label if row % 8 < 2 else label)
            for row, label in enumerate(labels)
        ]


@TRANSFORMS.register_module()
class ShadeClip:
    """A clip (1, 3, 1, 2, 2) of one shade."""

    def __call__(self, results: dict) -> dict:
        results['imgs'] = np.full((1, 3, 1, 2, 2), 200 * results['shade'], np.uint8)
        return results


@MODELS.register_module()
class SureOfShade(nn.Module):
    """Features that are far from zero: a head of any weights is very sure."""

    def forward(self, clips: torch.Tensor) -> torch.Tensor:
        shade = clips.float().mean(dim=(1, 2, 3, 4)) - 100
        return torch.stack((shade, -shade), dim=1)


def runner_of(work_dir: Path, **settings: Any) -> Runner:
    dataset = dict(
        type='ShadesForTemperature',
        pipeline=[dict(type='ShadeClip'), dict(type='PackActionInputs')],
    )
    weights = work_dir / 'weights.pth'
    work_dir.mkdir(exist_ok=True)
    torch.save({'cls_head.fc_cls.weight': -0.1 * torch.eye(2)}, weights)
    loader = dict(batch_size=8, num_workers=0, dataset=dataset)
    runner = Runner(
        model=dict(
            type='Recognizer3D',
            backbone=dict(type='SureOfShade'),
            cls_head=dict(type='TimeSformerClsHead', num_classes=2, in_channels=2),
            data_preprocessor=dict(type='ActionDataPreprocessor', format_shape='NCTHW'),
        ),
        work_dir=str(work_dir),
        train_dataloader=dict(loader, sampler=dict(type='DefaultSampler', shuffle=True)),
        val_dataloader=dict(loader, sampler=dict(type='DefaultSampler', shuffle=False)),
        val_evaluator=dict(type='ClassificationMetric', num_resamples=0),
        val_cfg=dict(),
        test_dataloader=dict(loader, sampler=dict(type='DefaultSampler', shuffle=False)),
        test_evaluator=dict(type='ClassificationMetric', num_resamples=0),
        test_cfg=dict(),
        train_cfg=dict(by_epoch=True, max_epochs=3),
        optim_wrapper=dict(optimizer=dict(type='SGD', lr=1e-9)),
        default_hooks=dict(
            temperature=dict(type='TemperatureHook'),
            checkpoint=dict(type='CheckpointHook', interval=1, save_best='cls/top1'),
        ),
        default_scope='mmaction',
        # Runs of one name that begin in the same second share mmengine's message hub.
        experiment_name=f'{work_dir.parent.name}_{work_dir.name}',
        load_from=str(weights),
        **settings,
    )
    return runner


@pytest.mark.parametrize('hooks', [[], [dict(type='EMAHook')]], ids=['plain', 'ema'])
def test_the_best_checkpoint_is_calibrated(tmp_path: Path, hooks: list) -> None:
    runner = runner_of(tmp_path, custom_hooks=hooks)
    runner.train()
    (best,) = tmp_path.glob('best_*.pth')
    saved = torch.load(best, weights_only=True)
    fitted = saved['state_dict']['cls_head.temperature.value'].item()
    assert fitted > 3
    assert saved['meta']['temperature'] == pytest.approx(fitted)
    # The second epoch was not better: its checkpoint dates from before its validation.
    between = torch.load(tmp_path / 'epoch_2.pth', weights_only=True)
    assert 'cls_head.temperature.value' not in between['state_dict']
    assert between['meta']['temperature'] == 1
    # So does the last one, which is given the temperature when training ends.
    last = torch.load(tmp_path / 'epoch_3.pth', weights_only=True)
    assert last['meta']['temperature'] == pytest.approx(fitted, rel=1e-3)
    assert last['state_dict']['cls_head.temperature.value'] == pytest.approx(fitted, rel=1e-3)
    assert last['meta']['iter'] == 15

    tested = runner_of(tmp_path / 'test', custom_hooks=hooks)
    tested._load_from = str(best)
    metrics = tested.test()
    assert tested.model.cls_head.temperature.value.item() == pytest.approx(fitted)
    # Fitted anew on the same clips, nothing is left to scale; three in four are right.
    assert metrics['cls/temperature'] == pytest.approx(1, abs=0.05)
    assert metrics['cls/calibration_error'] < 0.05


class WatchTemperature(Hook):
    """Notes the temperature in every training step."""

    def __init__(self) -> None:
        self.values: list[float] = []

    def before_train_iter(self, runner: Runner, *args: Any, **kwargs: Any) -> None:
        self.values.append(runner.model.cls_head.temperature.value.item())


@pytest.mark.parametrize('hooks', [[], [dict(type='EMAHook', begin_epoch=1)]], ids=str)
def test_training_on_from_a_calibrated_checkpoint_forgets(tmp_path: Path, hooks: list) -> None:
    runner_of(tmp_path / 'first', custom_hooks=hooks).train()
    (best,) = (tmp_path / 'first').glob('best_*.pth')
    runner = runner_of(tmp_path, custom_hooks=hooks)
    runner._load_from = str(best)
    runner._resume = True
    watch = WatchTemperature()
    runner.register_hook(watch)
    runner.train()
    assert set(watch.values) == {1.0}
    assert torch.load(best, weights_only=True)['meta']['temperature'] > 3


def test_a_model_without_a_temperature_has_none() -> None:
    assert find_temperature(nn.Linear(1, 1)) is None
