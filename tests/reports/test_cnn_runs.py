"""A 3D CNN's run beside a TimeSformer's: the same tables, its own cost, frames without maps."""

import json

import pytest
import torch
from mmengine.config import Config

from mmaction_timesformer.engine.launch import EvaluationOptions, run_test
from mmaction_timesformer.registry import MODELS
from mmaction_timesformer.reports.results.analysis import AnalysisOptions, analyze_runs

CONFIG = """
_base_ = '{base}'
model = dict(
    backbone=dict(
        _delete_=True, type='mmaction.ResNet3d', depth=18, pretrained=None, pretrained2d=False,
        base_channels=4, num_stages=4, conv1_kernel=(3, 7, 7), conv1_stride_t=1, pool1_stride_t=1,
        inflate=(0, 0, 0, 0), zero_init_residual=False),
    cls_head=dict(
        _delete_=True, type='mmaction.I3DHead', num_classes=4, in_channels=32,
        spatial_type='avg', dropout_ratio=0.5, average_clips='prob'))
"""


@pytest.fixture(scope='module')
def cnn_run(tiny_run, tmp_path_factory):
    folder = tmp_path_factory.mktemp('cnn')
    config = folder / 'i3d.py'
    config.write_text(CONFIG.format(base=tiny_run.parent / 'config.py'))
    cfg = Config.fromfile(config)
    torch.manual_seed(0)
    weights = {'state_dict': MODELS.build(cfg.model).state_dict(), 'meta': {}}
    torch.save(weights, folder / 'epoch_1.pth')
    (folder / 'last_checkpoint').write_text(str(folder / 'epoch_1.pth'))
    dump = str(folder / 'test.pkl')
    run_test(str(config), str(folder / 'epoch_1.pth'), EvaluationOptions(str(folder), dump=dump))
    return folder


def test_a_cnn_and_a_timesformer_on_one_page(tiny_run, cnn_run, tmp_path):
    runs = [(tiny_run, tiny_run / 'test.pkl'), (cnn_run, cnn_run / 'test.pkl')]
    page = analyze_runs(
        runs, tmp_path / 'out', AnalysisOptions(num_examples=0, num_checked=0)
    ).read_text()
    facts = json.loads((tmp_path / 'out' / 'results.json').read_text())
    model = MODELS.build(Config.fromfile(cnn_run / 'i3d.py').model)
    costs = [run['cost'] for run in facts['runs']]
    assert costs[1]['parameters'] == sum(parameter.numel() for parameter in model.parameters())
    for cost in costs:
        assert cost['flops'] > cost['parameters'] / 10
        assert cost['seconds'] > 0
        assert cost['peak_bytes'] >= 4 * cost['parameters']
        assert f'{cost["parameters"]:,}' in page
    (comparison,) = facts['comparisons']
    assert comparison['differences']['top1']['first'] > comparison['differences']['top1']['second']


def test_a_cnn_s_mistakes_are_shown_without_maps(cnn_run, tmp_path):
    runs = [(cnn_run, cnn_run / 'test.pkl')]
    page = analyze_runs(
        runs, tmp_path / 'out', AnalysisOptions(num_examples=3, with_cost=False)
    ).read_text()
    facts = json.loads((tmp_path / 'out' / 'results.json').read_text())
    assert facts['faithfulness'] is None
    assert len(facts['examples']) == 3
    assert all('frame_importance' not in example for example in facts['examples'])
    assert page.count('data:image/jpeg;base64,') == 3
