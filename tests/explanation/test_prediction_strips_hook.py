"""Strips of validation clips reach every back end, and drawing them changes nothing."""

import sys
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.registry import VISBACKENDS
from mmengine.runner import Runner
from mmengine.visualization import BaseVisBackend
from PIL import Image
from tensorboard.backend.event_processing.event_accumulator import (  # type: ignore[import-untyped]
    EventAccumulator,
)

from mmaction_timesformer.explanation import PredictionStripsHook


@VISBACKENDS.register_module()
class RecordingVisBackend(BaseVisBackend):
    """Keeps what it gets, as any back end would get it."""

    pictures: list[tuple[str, np.ndarray, int]] = []

    @property
    def experiment(self):
        return self

    def _init_env(self):
        pass

    def add_config(self, config, **kwargs):
        pass

    def add_image(self, name, image, step=0, **kwargs):
        self.pictures.append((name, image, step))

    def add_scalar(self, *args, **kwargs):
        pass

    add_graph = add_scalars = add_scalar


def runner_of(tiny_run, work_dir, backends, **hook):
    cfg = Config.fromfile(tiny_run.parent / 'config.py')
    cfg.work_dir = str(work_dir)
    cfg.visualizer = dict(type='ActionVisualizer', vis_backends=backends)
    cfg.custom_hooks = [dict(type='PredictionStripsHook', **hook)]
    cfg.default_hooks.checkpoint = None
    cfg.experiment_name = f'{work_dir.parent.name}_{work_dir.name}'
    return Runner.from_cfg(cfg)


@pytest.fixture
def recorded(monkeypatch):
    pictures: list[tuple[str, np.ndarray, int]] = []
    monkeypatch.setattr(RecordingVisBackend, 'pictures', pictures)
    return pictures


def test_clips_are_spread_and_drawn_as_the_model_saw_them(tiny_run, tmp_path, recorded):
    runner = runner_of(tiny_run, tmp_path, [dict(type='RecordingVisBackend')], num_clips=3)
    runner.val()
    # 32 clips in batches of 8.
    assert [name for name, _, _ in recorded] == ['val_clip_0', 'val_clip_15', 'val_clip_31']
    for _, picture, step in recorded:
        assert picture.dtype == np.uint8
        assert picture.shape[2] == 3
        assert step == 0
    assert not np.array_equal(recorded[0][1], recorded[1][1])


def test_validation_is_the_same_with_and_without(tiny_run, tmp_path, recorded):
    backends = [dict(type='RecordingVisBackend')]
    shown = runner_of(tiny_run, tmp_path / 'a', backends, num_clips=8)
    torch.manual_seed(0)
    shown.model.init_weights()
    hidden = runner_of(tiny_run, tmp_path / 'b', backends, num_clips=1, interval=5)
    hidden.model.load_state_dict(shown.model.state_dict())
    wanted = [parameter.requires_grad for parameter in shown.model.parameters()]
    first, second = shown.val(), hidden.val()
    assert first['cls/log_loss'] == second['cls/log_loss']
    assert len(recorded) == 8 + 1
    assert [parameter.requires_grad for parameter in shown.model.parameters()] == wanted
    assert all(parameter.grad is None for parameter in shown.model.parameters())
    assert not any(module._forward_hooks for module in shown.model.backbone.modules())


def test_pictures_come_with_every_second_validation(tiny_run, tmp_path, recorded):
    hook = PredictionStripsHook(num_clips=1, interval=2)
    loader = SimpleNamespace(batch_size=8, sampler=range(32))
    runner = SimpleNamespace(val_dataloader=loader)
    chosen = []
    for _ in range(4):
        hook.before_val_epoch(runner)
        chosen.append(len(hook._shown))
    assert chosen == [1, 0, 1, 0]


def test_local_files_and_tensorboard(tiny_run, tmp_path):
    backends = [dict(type='LocalVisBackend'), dict(type='TensorboardVisBackend')]
    runner = runner_of(tiny_run, tmp_path, backends, num_clips=2)
    runner.val()
    runner.visualizer.close()
    files = sorted(tmp_path.glob('*/vis_data/vis_image/*.png'))
    assert [file.name for file in files] == ['val_clip_0_0.png', 'val_clip_31_0.png']
    (events,) = tmp_path.glob('*/vis_data/events.out.tfevents.*')
    accumulator = EventAccumulator(str(events))
    accumulator.Reload()
    assert accumulator.Tags()['images'] == ['val_clip_0', 'val_clip_31']
    (logged,) = accumulator.Images('val_clip_31')
    decoded = cv2.imdecode(np.frombuffer(logged.encoded_image_string, np.uint8), cv2.IMREAD_COLOR)
    np.testing.assert_array_equal(decoded, cv2.imread(str(files[1])))


def fake_wandb(kept):
    """The part of Weights & Biases that mmengine's back end calls."""

    def log(values, commit):
        kept.update({name: v for name, v in values.items() if isinstance(v, Image.Image)})

    return SimpleNamespace(
        init=lambda **options: None,
        config=SimpleNamespace(update=lambda *args, **options: None),
        run=SimpleNamespace(log_code=lambda **options: None),
        Image=Image.fromarray,
        join=lambda: None,
        log=log,
    )


def fake_mlflow(folder):
    """The part of MLflow that mmengine's back end calls; it writes pictures as MLflow does."""

    def ignore(*args, **options):
        return True

    def log_image(image, artifact_file):
        Image.fromarray(image).save(folder / artifact_file)

    return SimpleNamespace(
        set_tracking_uri=ignore,
        get_experiment_by_name=ignore,
        set_experiment=ignore,
        log_params=ignore,
        log_text=ignore,
        log_metric=ignore,
        log_metrics=ignore,
        log_image=log_image,
        log_artifact=ignore,
        end_run=ignore,
    )


def test_weights_and_biases_and_mlflow(tiny_run, tmp_path, monkeypatch):
    kept: dict[str, Image.Image] = {}
    (tmp_path / 'store').mkdir()
    monkeypatch.setitem(sys.modules, 'wandb', fake_wandb(kept))
    monkeypatch.setitem(sys.modules, 'mlflow', fake_mlflow(tmp_path / 'store'))
    backends = [dict(type='WandbVisBackend'), dict(type='MLflowVisBackend')]
    runner = runner_of(tiny_run, tmp_path / 'run', backends, num_clips=2)
    runner.val()
    assert sorted(kept) == ['val_clip_0', 'val_clip_31']
    stored = sorted((tmp_path / 'store').iterdir())
    assert [file.name for file in stored] == ['val_clip_0_0.png', 'val_clip_31_0.png']
    np.testing.assert_array_equal(np.asarray(Image.open(stored[0])), np.asarray(kept['val_clip_0']))


def test_nonsense_is_refused():
    with pytest.raises(ValueError, match='num_clips=0'):
        PredictionStripsHook(num_clips=0)
