"""The step of a stream in ONNX: equal to the model over many frames, loaded in its place."""

from __future__ import annotations

import pytest
import torch
from mmengine.config import Config

from mmaction_timesformer.inference.exporting.export import export
from mmaction_timesformer.inference.exporting.exported_stream import ExportedStream
from mmaction_timesformer.inference.exporting.stream_step import StreamStep
from mmaction_timesformer.inference.loading import load_weights
from mmaction_timesformer.inference.online_model import build_online, load_online
from mmaction_timesformer.inference.preparation import split_pipeline
from mmaction_timesformer.inference.scoring import ScoringSettings

CONFIG = dict(
    classes=('Dig', 'Other'),
    model=dict(
        type='OnlineRecognizer',
        backbone=dict(
            type='TimeSformerBackbone', img_size=16, patch_size=8, embed_dims=16, num_heads=2,
            num_transformer_layers=2, drop_path_rate=0.0,
            attention_type=dict(
                type='causal_divided_space_time', window=4, frame_seconds=0.5
            ),
        ),
        motion=dict(type='RunningMotion', background_frames=5),
        head=dict(
            type='RecurrentActionHead', num_classes=2, frame_seconds=0.5, hidden_dims=12,
            horizons=(-1.0, 2.0),
        ),
    ),
    val_pipeline=[
        dict(type='OpenVideo'),
        dict(type='SampleClip', clip_len=1, span_seconds=0.5),
        dict(type='DecodeFrames'),
        dict(type='Resize', scale=(16, 16), keep_ratio=False),
        dict(type='FormatShape', input_format='NCTHW'),
    ],
)  # fmt: skip


@pytest.fixture(scope='module')
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp('exported')
    torch.manual_seed(0)
    model = build_online(Config(CONFIG))
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    torch.save({'state_dict': model.state_dict(), 'meta': {}}, folder / 'model.pth')
    report = export(Config(CONFIG), folder / 'model.pth', folder / 'step.onnx')
    assert 'differs by' in report
    return folder


@torch.inference_mode()
def test_many_steps_at_uneven_times_equal_the_model(files):
    generator = torch.Generator().manual_seed(1)
    pictures = torch.randint(0, 256, (3, 120, 16, 16), generator=generator).float()
    # Uneven, and a day after the camera was switched on.
    seconds = 86_400 + torch.rand(120, generator=generator, dtype=torch.float64).cumsum(0)
    model = load_online(Config(CONFIG), files / 'model.pth').model
    expected, _ = model.step(pictures, model.begin(), seconds)
    exported = ExportedStream(files / 'step.onnx')
    state, parts = exported.begin(), []
    for some, times in zip(pictures.split(7, dim=1), seconds.split(7), strict=True):
        found, state = exported.step(some, state, times)
        parts.append(found)
    torch.testing.assert_close(torch.cat(parts), expected, rtol=0, atol=1e-4)
    assert expected.std() > 0.01


def test_detection_loads_the_step_in_place_of_the_checkpoint(files):
    config = Config(CONFIG)
    parts = split_pipeline(config.val_pipeline)
    loaded = [
        load_weights(config, files / name, 'cpu', ScoringSettings('val_pipeline', 'float32'), parts)
        for name in ('model.pth', 'step.onnx')
    ]
    assert loaded[0].classes == loaded[1].classes
    assert loaded[0].digest == loaded[1].digest
    assert loaded[0].horizons == loaded[1].horizons


def test_wrong_use_is_one_clear_error(files, tmp_path):
    head = dict(type='MemoryActionHead', num_classes=2, frame_seconds=0.5)
    model = build_online(Config({**CONFIG, 'model': {**CONFIG['model'], 'head': head}}))
    with pytest.raises(ValueError, match='MemoryActionHead keeps a state that grows'):
        StreamStep(model, (16, 16))
    with pytest.raises(ValueError, match=r'exported as float32 \.onnx'):
        export(Config(CONFIG), files / 'model.pth', tmp_path / 'step.pt2')
    exported = ExportedStream(files / 'step.onnx')
    with pytest.raises(ValueError, match=r'for pictures of \(16, 16\) pixels, not \(8, 8\)'):
        exported.step(torch.zeros(3, 1, 8, 8), exported.begin())
