"""Several rates, one model: what a view sees and when, who teaches, how views are averaged."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from mmaction.structures import ActionDataSample
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmengine.runner import Runner
from torch import Tensor

from mmaction_timesformer.datasets.transforms import SampleClip
from mmaction_timesformer.detection import DangerDetector
from mmaction_timesformer.engine.calibration import calibrate
from mmaction_timesformer.inference.trained_model import TrainedModel
from mmaction_timesformer.models import RatesRecognizer
from mmaction_timesformer.models.checkpoints import read_checkpoint
from mmaction_timesformer.models.recognizers.rates_recognizer import View, fit_view_weights
from mmaction_timesformer.registry import MODELS
from tests import tiny_run

K = 3
VIEWS = [(2, 4), (4, 1), (4, 2)]
FRAMES = [[0, 4], [2, 3, 4, 5], [0, 2, 4, 6]]


def build(**options) -> RatesRecognizer:
    init_default_scope('mmaction')
    torch.manual_seed(0)
    backbone = dict(
        type='TimeSformerBackbone', img_size=16, patch_size=8, embed_dims=12, num_heads=2,
        num_transformer_layers=2, pos_embed='rotary', drop_path_rate=0.0, frame_seconds=0.5,
    )  # fmt: skip
    head = dict(type='TimeSformerClsHead', num_classes=K, in_channels=12)
    config = dict(type='RatesRecognizer', backbone=backbone, cls_head=head, **options)
    model = MODELS.build(config)
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.4)
    return model.eval()


def make_inputs(batch_size: int = 2, num_samples: int = 1, num_frames: int = 8) -> Tensor:
    generator = torch.Generator().manual_seed(1)
    return torch.randn(batch_size, num_samples, 3, num_frames, 16, 16, generator=generator)


def samples_of(seconds: Tensor | None, batch_size: int = 2) -> list[ActionDataSample]:
    samples = [ActionDataSample().set_gt_label(label % K) for label in range(batch_size)]
    if seconds is not None:
        for sample, times in zip(samples, seconds, strict=True):
            sample.set_metainfo(dict(clip_seconds=times.numpy()))
    return samples


def test_views_lie_in_the_middle_and_refuse_short_clips():
    assert list(range(8))[View(2, 2).frames(8)] == [2, 4]
    assert list(range(8))[View(4, 2).frames(8)] == [0, 2, 4, 6]
    assert list(range(9))[View(3, 1).frames(9, start=6)] == [6, 7, 8]
    with pytest.raises(ValueError, match='4 frames, 2 apart, do not fit a clip of 7'):
        View(4, 2).frames(7)
    with pytest.raises(ValueError, match='a whole distance apart'):
        build(test_views=[(4, 0)])


def test_scores_are_weighted_log_odds_of_views_at_their_own_times():
    """Two clips of two videos in two crops: a crop has the times of its clip."""
    model = build(test_views=VIEWS)
    weights = torch.tensor([0.2, 0.3, 0.5])
    model.view_weights.copy_(weights)
    inputs = make_inputs(num_samples=4)
    seconds = torch.rand(2, 2, 8).cumsum(dim=-1)
    samples = samples_of(seconds.flatten(1))
    with torch.no_grad():
        scores = [sample.pred_score for sample in model.predict(inputs, samples)]
        for video in range(2):
            shares = []
            for number in range(4):
                clip, times = inputs[video, number][None], seconds[video, number % 2]
                total = torch.zeros(K)
                for weight, frames in zip(
                    weights, ([0, 4], [2, 3, 4, 5], [0, 2, 4, 6]), strict=True
                ):
                    features = model.backbone(clip[:, :, frames], seconds=times[frames])
                    total += weight * model.cls_head(features)[0].log_softmax(dim=0)
                shares.append(total.softmax(dim=0))
            expected = torch.stack(shares).mean(dim=0)
            torch.testing.assert_close(scores[video], expected, rtol=1e-4, atol=1e-5)
        # Without times, frames are as far apart as the backbone says.
        even = samples_of((torch.arange(8) * 0.5).expand(2, 2, 8).flatten(1))
        expected = model.extract_feat(inputs, stage='head', data_samples=even)[0]
        torch.testing.assert_close(model.extract_feat(inputs, stage='head')[0], expected)


def test_training_draws_every_view_and_the_richest_teaches():
    model = build(train_views=VIEWS).train()
    seen = []
    model.backbone.register_forward_pre_hook(
        lambda module, args, kwargs: seen.append(kwargs['seconds'][0].diff().tolist()),
        with_kwargs=True,
    )
    inputs, samples = make_inputs(), samples_of(None)
    torch.manual_seed(0)
    for _ in range(12):
        losses = model.loss(inputs, samples)
    rich = [1.0] * 3
    assert {tuple(x) for x in seen} == {(2.0,), (0.5,) * 3, (1.0,) * 3}
    assert seen[-1] == rich or seen[-2] == rich

    torch.manual_seed(3)
    while 'loss_taught' not in losses:
        losses = model.loss(inputs, samples)
    head = model.cls_head.fc_cls.weight
    taught, own = (
        torch.autograd.grad(losses[name], head, retain_graph=True)[0]
        for name in ('loss_taught', 'loss_cls')
    )
    assert taught.any()
    assert own.any()
    assert losses['loss_taught'] > 0
    # A view that says what the teacher says has nothing to learn.
    logits = torch.randn(2, K)
    assert model._taught(logits, logits + 5).abs() < 1e-6
    teacher = torch.randn(2, K, requires_grad=True)
    model._taught(logits.requires_grad_(), teacher).backward()
    assert logits.grad.any()
    assert teacher.grad is None


def test_without_distillation_a_drawn_view_alone_is_computed():
    model = build(train_views=[(4, 2), (2, 2)], distillation=0).train()
    calls = []
    model.backbone.register_forward_hook(lambda *args: calls.append(args[1][0].shape[2]))
    for _ in range(8):
        assert 'loss_taught' not in model.loss(make_inputs(), samples_of(None))
    assert len(calls) == 8
    assert set(calls) == {2, 4}


def test_a_schedule_of_shapes_shrinks_what_training_sees():
    model = build(distillation=0).train()
    shapes = []
    model.backbone.register_forward_hook(lambda *args: shapes.append(tuple(args[1][0].shape[2:])))
    for model.train_shape in ((1, 1.0), (2, 0.5), (4, 0.1)):
        model.loss(make_inputs(), samples_of(None))
    assert shapes == [(8, 16, 16), (4, 8, 8), (2, 8, 8)]


def test_weights_follow_the_views_that_know():
    generator = torch.Generator().manual_seed(0)
    labels = torch.randint(K, (400,), generator=generator)
    truth = torch.nn.functional.one_hot(labels, K).float()
    noise = torch.randn(3, 400, K, generator=generator)
    logits = torch.stack((noise[0], 2 * truth + noise[1], 2 * truth + noise[2]), dim=1)
    weights = fit_view_weights(logits, labels)
    assert weights[0] < 0.03
    assert weights[1:].tolist() == pytest.approx([0.5, 0.5], abs=0.1)
    assert float(weights.sum()) == pytest.approx(1)
    by_entries = fit_view_weights(logits, truth)
    assert by_entries[0] < 0.05
    alike = fit_view_weights(logits[:, 1:2].expand(-1, 3, -1), labels)
    assert alike.tolist() == pytest.approx([1 / 3] * 3, abs=1e-3)


def test_from_the_sampler_to_the_detector(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Train, weigh, predict and detect: times come from the file, windows share a decode."""
    monkeypatch.setattr(tiny_run, 'NUM_RECORDINGS', {'train': 1, 'val': 1, 'test': 1})
    tiny_run.render(tmp_path / 'data')
    views = [(4, 1), (4, 2), (4, 3)]
    file = tiny_run.write_config(tmp_path, epochs=2, scheme='divided_space_time')
    text = file.read_text()
    for old, new in (
        ('clip_len=4, frame_interval=3,', 'clip_len=12, span_seconds=1.8,'),
        ("meta_keys = ('", "meta_keys = ('clip_seconds', '"),
        ("type='PackActionInputs')]", "type='PackActionInputs', meta_keys=meta_keys)]"),
        (
            "type='Recognizer3D',",
            f"type='RatesRecognizer', train_views={views}, test_views={views},",
        ),
        ('drop_path_rate=0.0', "drop_path_rate=0.0, pos_embed='rotary', frame_seconds=0.15"),
    ):
        assert old in text
        text = text.replace(old, new)
    text += """
custom_hooks = [dict(type='VaryingShapesHook', shapes=[(0.5, 1, 0.5), (1, 1, 1)])]
detection = dict(hop_seconds=1.0, dtype='float32', dangers={'red': {}})
"""
    file.write_text(text)
    config = Config.fromfile(file)
    config.work_dir, config.experiment_name = str(tmp_path / 'run'), tmp_path.name
    runner = Runner.from_cfg(config)
    seen = []
    runner.model.backbone.register_forward_pre_hook(
        lambda module, args, kwargs: seen.append(kwargs['seconds']), with_kwargs=True
    )
    runner.train()
    steps = torch.cat([times.diff().flatten() for times in seen]).double() * tiny_run.FPS
    torch.testing.assert_close(steps, steps.round(), atol=1e-3, rtol=0)
    assert set(steps.round().tolist()) >= {1, 2}
    assert runner.model.train_shape == (1, 1.0)

    (checkpoint,) = (tmp_path / 'run').glob('best_*.pth')
    options = {'experiment_name': f'{tmp_path.name} 2'}
    calibrate(file, checkpoint, work_dir=str(tmp_path / 'log'), cfg_options=options)
    weights = read_checkpoint(checkpoint)['state_dict']['view_weights']
    assert float(weights.sum()) == pytest.approx(1)
    assert float(weights.std()) > 1e-4

    video = next((tmp_path / 'data/videos/red').glob('*.mp4'))
    trained = TrainedModel.load(file, checkpoint)
    torch.testing.assert_close(trained.model.view_weights, weights)
    detector = DangerDetector.from_config(str(file), str(checkpoint))
    assert sum(trained.predict(video).values()) == pytest.approx(1, abs=1e-5)
    assert all(event.label == 'red' for event in detector.detect(str(video)))


def test_the_sampler_tells_when_frames_are_shown():
    seconds = np.array([0.0, 0.5, 0.6, 1.7, 2.0, 2.2])
    clip = dict(total_frames=6, start_index=100, frame_seconds=seconds)
    results = SampleClip(3, 2, num_clips=2, test_mode=True).transform(dict(clip))
    assert results['clip_seconds'].tolist() == seconds[results['frame_inds'] - 100].tolist()
    raw = SampleClip(3, 2, test_mode=True).transform(dict(total_frames=6, start_index=0, avg_fps=4))
    assert raw['clip_seconds'].tolist() == [0.0, 0.5, 1.0]
    unknown = SampleClip(3, 2, test_mode=True).transform(dict(total_frames=6, start_index=0))
    assert 'clip_seconds' not in unknown
