"""Pretraining on features: its targets, its masks, and a run through the tool's own road."""

from pathlib import Path

import numpy as np
import pytest
import torch
from einops import rearrange
from mmengine.config import Config
from mmengine.runner import Runner

from mmaction_timesformer.datasets import UnlabelledVideoDataset
from mmaction_timesformer.engine.launch import TrainingOptions, run_training
from mmaction_timesformer.models import FeatureMaps, FeaturePrediction
from mmaction_timesformer.models.attention_schemes import PAPER_SCHEMES
from mmaction_timesformer.registry import MODELS
from tests.tiny_run import CLASSES, render, write_config

ROOT = Path(__file__).parents[3]
PREPROCESSOR = dict(
    type='ActionDataPreprocessor', mean=[100.0] * 3, std=[50.0] * 3, format_shape='NCTHW'
)


class Teacher(torch.nn.Module):
    """The four means of the quarters of a picture's three channels, by hand."""

    def forward(self, pictures):
        return torch.nn.functional.avg_pool2d(pictures, 8)


def make(scheme='divided_space_time', **options) -> FeaturePrediction:
    torch.manual_seed(0)
    model = FeaturePrediction(
        backbone=dict(
            type='TimeSformerBackbone',
            num_frames=3,
            img_size=16,
            patch_size=8,
            embed_dims=12,
            num_heads=2,
            num_transformer_layers=2,
            attention_type=scheme,
            drop_path_rate=0.0,
        ),
        teacher=dict(stage=2, pretrained=True),
        data_preprocessor=PREPROCESSOR,
        **options,
    )
    return model


@pytest.fixture(autouse=True)
def _no_weights(monkeypatch):
    """The teacher is a random network: the weights' package need not be installed."""
    monkeypatch.setattr(FeatureMaps, 'check_weights', lambda self: None)
    monkeypatch.setattr(
        'mmaction_timesformer.models.patch_embeds.imagenet_weights.WeightsPackage.find',
        lambda self: None,
    )


def test_targets_are_the_teachers_features_of_the_same_pictures():
    model = make(teacher_scale=1.0)
    model.teacher.network = Teacher()
    pictures = torch.randint(0, 256, (2, 3, 3, 16, 16)).float()
    found = model.targets((pictures - 100) / 50, (2, 2))
    expected = rearrange((pictures - 127) / 128, 'b c t (h p) (w q) -> b t h w c (p q)', p=8, q=8)
    expected = expected.mean(dim=-1)
    mean, deviation = (
        expected.mean(-1, keepdim=True),
        expected.std(-1, unbiased=False, keepdim=True),
    )
    torch.testing.assert_close(
        found, (expected - mean) / (deviation**2 + 1e-5).sqrt(), rtol=1e-4, atol=1e-4
    )


@pytest.mark.parametrize('scheme', PAPER_SCHEMES)
def test_hidden_patches_are_not_seen(scheme):
    """Other pixels under the mask change nothing in the answer; elsewhere they do."""
    model = make(scheme, mask_ratio=0.5).eval()
    torch.nn.init.normal_(model.mask_token)
    clips = torch.randn(1, 1, 3, 3, 16, 16)
    torch.manual_seed(3)
    before = model(clips, mode='tensor')
    mask = model._mask[0, 0]
    assert mask.sum() == 2
    torch.testing.assert_close(model._mask[0], mask.expand(3, 2, 2))
    hidden = mask.repeat_interleave(8, 0).repeat_interleave(8, 1)
    for where, same in ((hidden, True), (~hidden, False)):
        other = torch.where(where, torch.randn_like(clips), clips)
        torch.manual_seed(3)
        assert torch.equal(model(other, mode='tensor'), before) == same


@pytest.mark.parametrize('depth', [0, 1, 2])
def test_the_answer_is_that_of_the_depth(depth):
    model = make(depth=depth).eval()
    clips = torch.randn(1, 1, 3, 3, 16, 16)
    answer = model(clips, mode='tensor')
    if depth == 0:
        tokens = model.backbone.patch_embed(clips[0])
    else:
        tokens, grid = model.backbone._embed(clips[0], torch.zeros(1, 3))
        for block in model.backbone.blocks[:depth]:
            tokens = block(tokens, grid)
        tokens = grid.split(tokens)[1]
    torch.testing.assert_close(answer, model.decoder(model.norm(tokens)))


def test_only_hidden_patches_count():
    model = make(mask_ratio=0.25)
    clips = torch.randn(2, 1, 3, 3, 16, 16)
    torch.manual_seed(5)
    answer = model(clips, mode='tensor')
    mask = model._mask
    targets = model.targets(clips[:, 0], (2, 2))
    expected = torch.nn.functional.smooth_l1_loss(answer[mask], targets[mask])
    torch.manual_seed(5)
    torch.testing.assert_close(model(clips)['loss_features'], expected)


def test_the_student_learns_and_the_teacher_does_not():
    model = make(mask_ratio=0.5).train()
    teacher = {name: value.clone() for name, value in model.teacher.state_dict().items()}
    optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], 3e-3)
    clips = torch.randn(4, 1, 3, 3, 16, 16)
    losses = []
    for _ in range(40):
        loss = model(clips)['loss_features']
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert np.mean(losses[-5:]) < 0.9 * np.mean(losses[:5])
    for name, value in model.teacher.state_dict().items():
        assert torch.equal(value, teacher[name])
    assert not any(name.startswith('teacher') for name in model.state_dict())


def test_pretrain_then_train(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr('tests.tiny_run.NUM_RECORDINGS', {'train': 1, 'val': 1, 'test': 1})
    render(tmp_path / 'data')
    name = 'timesformer_divST-demo_masked-lite0_1xb8-8x32x1-10e_unlabelled-rgb.py'
    train = Config.fromfile(write_config(tmp_path, 1, 'divided_space_time'))
    backbone = {
        f'model.backbone.{key}': value
        for key, value in train.model.backbone.items()
        if key != 'type'
    }
    options = TrainingOptions(
        work_dir=str(tmp_path / 'pretrained'),
        cfg_options={
            'train_dataloader.dataset.data_root': str(tmp_path / 'data' / 'videos'),
            'train_dataloader.dataset.leave_out': [str(tmp_path / 'data' / 'test.csv')],
            'train_dataloader.num_workers': 0,
            'train_dataloader.persistent_workers': False,
            'train_cfg.max_epochs': 1,
            'model.teacher.stage': 2,
            **backbone,
        },
    )
    run_training(str(ROOT / 'configs/pretraining' / name), options)
    assert 'expect worse accuracy' not in capsys.readouterr().out
    checkpoint = tmp_path / 'pretrained' / 'epoch_1.pth'
    saved = torch.load(checkpoint, weights_only=True)['state_dict']
    train.work_dir, train.load_from = str(tmp_path / 'run'), str(checkpoint)
    runner = Runner.from_cfg(train)
    runner.load_or_resume()
    for key, value in runner.model.backbone.state_dict().items():
        torch.testing.assert_close(value, saved[f'backbone.{key}'], rtol=0, atol=0)


def test_videos_of_the_test_are_left_out(tiny_videos, tmp_path):
    root, files = str(tiny_videos / 'videos'), [str(tiny_videos / 'test.csv')]
    every = UnlabelledVideoDataset(root, [], views=2)
    some = UnlabelledVideoDataset(root, [], leave_out=files)
    # 16 recordings of 4 classes with 2 clips each; 4 of the recordings are the test's.
    assert len(every) == 2 * 16 * len(CLASSES) * 2
    assert len(some) == 12 * len(CLASSES) * 2
    with pytest.raises(FileNotFoundError, match='no video'):
        UnlabelledVideoDataset(str(tmp_path / 'none'), [])


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (dict(depth=3), r'0\.\.2'),
        (dict(mask_ratio=1.0), 'mask_ratio'),
        (dict(mask_ratio=0.5, depth=0), 'depth=0'),
    ],
)
def test_wrong_arguments(options, message):
    with pytest.raises(ValueError, match=message):
        make(**options)


def test_motion_has_no_pictures_for_the_teacher():
    with pytest.raises(ValueError, match='mean and a std'):
        MODELS.build(
            dict(
                type='FeaturePrediction',
                backbone=dict(type='TimeSformerBackbone', arch='tiny', num_transformer_layers=1),
                data_preprocessor=dict(type='MotionDataPreprocessor'),
            )
        )
