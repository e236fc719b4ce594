"""Costs that are known by hand, and the shapes that configs ask for."""

import pytest
import torch
from mmengine.config import Config
from torch import nn

from mmaction_timesformer.inference.input_shape import input_shape
from mmaction_timesformer.registry import MODELS
from mmaction_timesformer.reports.results.model_cost import _measure, measure_cost

SHAPES = {
    'i3d_r50_1xb8-32x8x1-60e_railway-yard-rgb.py': (32, 224, 224),
    'slowfast_r50_1xb8-32x8x1-60e_railway-yard-rgb.py': (32, 224, 224),
    'timesformer_divST_k400-pre_1xb8-amp-8x32x1-30e_railway-yard-rgb.py': (8, 224, 224),
    'timesformer_divST-demo_scratch_1xb8-u8-16e_railway-yard-demo-rgb.py': (8, 80, 112),
}


@pytest.mark.parametrize('name', SHAPES)
def test_the_shape_of_a_view_is_read_from_the_pipeline(root, name):
    config = Config.fromfile(root / 'configs/railway_yard' / name)
    _, shape = input_shape(config)
    assert shape == (3, *SHAPES[name])


def test_views_are_clips_times_crops():
    pipeline = [
        dict(type='SampleClip', clip_len=4, num_clips=5),
        dict(type='ThreeCrop', crop_size=(64, 32)),
    ]
    config = Config(dict(test_dataloader=dict(dataset=dict(pipeline=pipeline))))
    assert input_shape(config) == (15, (3, 4, 32, 64))


@MODELS.register_module()
class OneConvolution(nn.Module):
    """Four channels out of three, by a kernel of 1 x 3 x 3; then a mean."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv3d(3, 4, (1, 3, 3), padding=(0, 1, 1))

    def forward(self, clips: torch.Tensor) -> torch.Tensor:
        return self.conv(clips).mean(dim=(2, 3, 4))


CONFIG = """
custom_imports = dict(imports=['mmaction_timesformer'], allow_failed_imports=False)
default_scope = 'mmaction'
model = dict(
    type='Recognizer3D',
    backbone=dict(type='OneConvolution'),
    cls_head=dict(type='TimeSformerClsHead', num_classes=2, in_channels=4),
    data_preprocessor=dict(type='ActionDataPreprocessor', format_shape='NCTHW'))
"""


def test_a_convolution_by_hand():
    """Two operations for each of 27 weights, 4 channels and 2 x 5 x 6 places; then the head."""
    parameters, flops, seconds, _, device = _measure(CONFIG, (3, 2, 5, 6), 'cpu')
    assert parameters == 27 * 4 + 4 + 4 * 2 + 2
    assert flops == 2 * 27 * 4 * (2 * 5 * 6) + 2 * 4 * 2
    assert 0 < seconds < 10
    assert device == 'cpu'


def test_a_run_is_measured_in_a_process_of_its_own(tiny_run):
    config = Config.fromfile(tiny_run / 'config.py')
    cost = measure_cost(config)
    model = MODELS.build(config.model)
    assert cost.parameters == sum(parameter.numel() for parameter in model.parameters())
    assert (cost.views, cost.input_shape) == (3, (3, 4, 32, 32))
    assert cost.flops > 2 * 64 * (cost.parameters - 10_000)
    assert cost.peak_bytes >= 4 * cost.parameters


def test_what_only_training_needs_is_left_out(tmp_path):
    """Mixed clips cannot be built without a device, weights to start from need not be there."""
    config = Config.fromstring(CONFIG, file_format='.py')
    config.model.data_preprocessor.blending = dict(
        type='RandomBatchAugment',
        augments=[dict(type='MixupBlending', alpha=0.8, num_classes=2)],
    )
    config.model.init_cfg = dict(type='Pretrained', checkpoint=str(tmp_path / 'none.pth'))
    plain = _measure(CONFIG, (3, 2, 5, 6), 'cpu')
    assert _measure(config.pretty_text, (3, 2, 5, 6), 'cpu')[:2] == plain[:2]


def test_a_pipeline_without_a_size_is_refused():
    config = Config(dict(test_dataloader=dict(dataset=dict(pipeline=[dict(type='OpenVideo')]))))
    with pytest.raises(ValueError, match='does not tell the shape'):
        input_shape(config)
