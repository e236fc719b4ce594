"""Foreign weights arrive through every loader, and own ones without a word."""

import copy
import json
import logging
import pickle

import pytest
import torch
from mmaction.apis import init_recognizer
from mmaction.registry import MODELS
from mmengine.config import Config
from mmengine.logging import HistoryBuffer
from mmengine.model import ExponentialMovingAverage
from mmengine.runner import Runner, load_checkpoint, save_checkpoint
from torch import nn

from mmaction_timesformer.models.checkpoints import LoadReport, export, load_weights
from tests.models.checkpoints.peers import (
    SIZES,
    clips,
    huggingface_model,
    logits,
    mmaction2_model,
    own_backbone,
    own_backbone_config,
    own_model,
    randomise,
    vit_model,
)

SIZE = SIZES[0]
INPUTS = clips(SIZE)


def assert_same_logits(ours, theirs):
    torch.testing.assert_close(
        logits(ours.eval(), INPUTS), logits(theirs, INPUTS), atol=1e-5, rtol=1e-5
    )


def assert_same_features(ours, theirs):
    with torch.no_grad():
        torch.testing.assert_close(
            ours.eval()(INPUTS), theirs.backbone(INPUTS), atol=1e-5, rtol=1e-5
        )


def run_with(model, work_dir, **settings):
    """Start a run up to its first step: build hooks, load or resume."""
    runner = Runner(model=model, work_dir=str(work_dir), log_level='ERROR', **settings)
    runner.call_hook('before_run')
    runner.load_or_resume()
    return runner


def test_load_from(trained, trained_file, tmp_path, log):
    ours = own_model(SIZE)
    run_with(ours, tmp_path, experiment_name='load_from', load_from=str(trained_file))
    assert_same_logits(ours, trained)
    lines = [line for level, line in log if level == logging.INFO]
    assert lines == [ours.backbone.load_report.summary()]
    assert lines[0].startswith(f'{trained_file} (mmaction2): 49 matched, 0 resized')


def test_load_from_with_facebookresearchs_wrapper_and_a_moving_average(trained, tmp_path):
    """Without it, mmengine knows neither ``model_state`` nor weights without ``state_dict``."""
    loaded = own_model(SIZE)
    load_weights(loaded, trained.state_dict())
    weights = export(loaded.state_dict(), 'facebookresearch')
    for name, content in (
        ('fb', {'epoch': 1, 'model_state': weights, 'cfg': 'A: 1'}),
        ('bare', weights),
    ):
        path = tmp_path / f'{name}.pyth'
        torch.save(content, path)
        ours = own_model(SIZE)
        hook = dict(type='EMAHook')
        runner = run_with(
            ours, tmp_path, experiment_name=name, load_from=str(path), custom_hooks=[hook]
        )
        assert_same_logits(ours, trained)
        (average,) = (h.ema_model for h in runner.hooks if hasattr(h, 'ema_model'))
        assert isinstance(average, ExponentialMovingAverage)
        assert_same_logits(average.module, trained)


@pytest.mark.parametrize('prefix', [None, 'backbone.', 'backbone'])
def test_init_cfg_of_the_backbone(trained, trained_file, prefix):
    init_cfg = dict(type='Pretrained', checkpoint=str(trained_file))
    ours = own_backbone(SIZE, init_cfg={**init_cfg, **({'prefix': prefix} if prefix else {})})
    ours.init_weights()
    assert_same_features(ours, trained)
    assert ours.load_report.weight_format == 'mmaction2'


def test_init_cfg_of_the_model(trained, trained_file):
    ours = own_model(SIZE)
    ours.init_cfg = dict(type='Pretrained', checkpoint=str(trained_file))
    ours.init_weights()
    assert_same_logits(ours, trained)


def test_pretrained_is_for_the_backbone_alone(trained, trained_file):
    ours = own_model(SIZE, pretrained=str(trained_file))
    ours.init_weights()
    assert_same_features(ours.backbone, trained)
    assert not torch.equal(ours.cls_head.fc_cls.weight, trained.cls_head.fc_cls.weight)
    assert ours.backbone.load_report.unused == ('cls_head.fc_cls.weight', 'cls_head.fc_cls.bias')


def test_mmaction2s_own_function(trained, trained_file):
    config = Config(
        dict(
            model=dict(
                type='Recognizer3D',
                backbone=own_backbone_config(SIZE),
                cls_head=dict(
                    type='TimeSformerHead',
                    num_classes=SIZE.num_classes,
                    in_channels=SIZE.embed_dims,
                ),
            ),
            test_pipeline=[],
        )
    )
    ours = init_recognizer(config, str(trained_file), device='cpu')
    assert_same_logits(ours, trained)


@pytest.mark.parametrize('strict', [True, False])
def test_load_state_dict(trained, strict):
    ours = own_model(SIZE)
    ours.load_state_dict(trained.state_dict(), strict=strict)
    assert_same_logits(ours, trained)
    backbone = own_backbone(SIZE)
    backbone.load_state_dict(trained.backbone.state_dict(), strict=strict)
    assert_same_features(backbone, trained)


def test_copies_and_pickles_load_too(trained):
    for ours in (copy.deepcopy(own_model(SIZE)), pickle.loads(pickle.dumps(own_model(SIZE)))):
        ours.load_state_dict(trained.state_dict())
        assert_same_logits(ours, trained)


def test_inside_another_module(trained):
    pair = nn.Sequential(own_backbone(SIZE), nn.Linear(SIZE.embed_dims, 2))
    report = load_weights(pair, trained.state_dict())
    assert_same_features(pair[0], trained)
    assert report.reinitialised == ('1.weight', '1.bias')
    saved = randomise(pair, seed=7).state_dict()
    again = nn.Sequential(own_backbone(SIZE, num_frames=8), nn.Linear(SIZE.embed_dims, 2))
    assert load_weights(again, saved).resized == ('0.time_embed',)
    assert torch.equal(again.state_dict()['1.weight'], saved['1.weight'])


def test_strict_means_what_it_says(trained):
    """Whatever is re-initialised is missing, whatever is unused unexpected, to any loader."""
    ours = own_model(SIZE, 'joint_space_time')
    before = {name: value.clone() for name, value in ours.state_dict().items()}
    with pytest.raises(ValueError, match=r'strict=True.*16 unused \(blocks\.\*\.steps\.time'):
        load_weights(ours, trained.state_dict(), strict=True)
    assert all(torch.equal(before[name], value) for name, value in ours.state_dict().items())

    with pytest.raises(RuntimeError, match=r'Unexpected key.*backbone\.blocks\.0\.steps\.time\.'):
        ours.load_state_dict(trained.state_dict())
    result = ours.load_state_dict(vit_model(SIZE).state_dict(), strict=False)
    report = ours.backbone.load_report
    assert sorted(result.missing_keys) == sorted(report.reinitialised)
    assert sorted(result.unexpected_keys) == sorted(report.unused)
    assert 'backbone.time_embed' in result.missing_keys


def test_own_checkpoints_are_taken_as_they_are(tmp_path, log):
    """Exactly and silently, as resuming needs it; the file has mmengine's own classes in it."""
    saved, ours = randomise(own_model(SIZE)), own_model(SIZE)
    path = tmp_path / 'epoch_1.pth'
    message_hub = {
        'log_scalars': {'train/loss': HistoryBuffer([1.0, 2.0], [1, 1])},
        'runtime_info': {},
    }
    content = {
        'meta': {'epoch': 1, 'iter': 3, 'seed': 0, 'experiment_name': 'own'},
        'state_dict': saved.state_dict(),
        'message_hub': {**message_hub, 'resumed_keys': {}},
    }
    save_checkpoint(content, str(path))
    assert load_checkpoint(ours, str(path))['meta']['iter'] == 3
    for name, value in ours.state_dict().items():
        assert torch.equal(value, saved.state_dict()[name]), name
    ours.load_state_dict(saved.state_dict())
    assert log == []
    assert ours.backbone.load_report.matched == tuple(ours.state_dict())


def test_nothing_in_common_is_an_error(tmp_path):
    path = tmp_path / 'resnet.pth'
    torch.save({f'layer{n}.weight': torch.ones(2) for n in range(7)}, path)
    for load in (
        lambda: load_weights(own_model(SIZE), path),
        lambda: load_checkpoint(own_model(SIZE), str(path)),
        lambda: own_backbone(SIZE, pretrained=str(path)).init_weights(),
    ):
        with pytest.raises(ValueError, match='matches the model') as raised:
            load()
        assert "'layer4.weight']" in str(raised.value)
        assert 'layer5' not in str(raised.value)
        assert 'cls_token' in str(raised.value)
        assert str(path) in str(raised.value)
    with pytest.raises(ValueError, match='matches the model'):
        own_model(SIZE).load_state_dict({}, strict=False)


def test_some_of_the_own_parameters_are_welcome(log):
    ours = own_model(SIZE)
    head = {name: value + 1 for name, value in ours.state_dict().items() if 'cls_head' in name}
    ours.load_state_dict(head, strict=False)
    assert torch.equal(ours.cls_head.fc_cls.weight, head['cls_head.fc_cls.weight'])
    assert len(ours.backbone.load_report.matched) == 2
    for untouched in (ours.backbone.blocks[0].steps.time.fc.weight, ours.backbone.time_embed):
        torch.nn.init.ones_(untouched)
        ours.load_state_dict(head, strict=False)
        assert untouched.all()


def test_two_backbones_are_not_confused(trained, log):
    pair = nn.ModuleDict({'rgb': own_backbone(SIZE), 'flow': own_backbone(SIZE)})
    pair.load_state_dict(randomise(copy.deepcopy(pair)).state_dict())
    with pytest.raises(ValueError, match='holds 2 TimeSformerBackbones'):
        load_weights(pair, trained.state_dict())
    pair.load_state_dict(trained.state_dict(), strict=False)
    assert [line for _, line in log if 'nothing has arrived for the backbone under flow.:' in line]


def test_backbone_inside_another_module_is_fitted_by_itself():
    """Its own hook sees what arrives under its name."""
    saved = randomise(nn.Sequential(own_backbone(SIZE), nn.Linear(SIZE.embed_dims, 2)))
    again = nn.Sequential(own_backbone(SIZE, num_frames=8), nn.Linear(SIZE.embed_dims, 2))
    again.load_state_dict(saved.state_dict())
    assert again[0].load_report.resized == ('time_embed',)
    assert torch.equal(again[0].pos_embed, saved[0].pos_embed)


def test_other_models_load_as_ever(trained, trained_file):
    """The readers are everybody's, the conversion is the backbone's alone."""
    theirs = MODELS.build({**own_backbone_config(SIZE), 'type': 'TimeSformer'})
    state_dict = load_checkpoint(theirs, str(trained_file))['state_dict']
    assert state_dict.keys() == trained.state_dict().keys()
    theirs.load_state_dict(trained.backbone.state_dict())
    assert torch.equal(theirs.pos_embed, trained.backbone.pos_embed)


def test_report_is_there_for_code(trained):
    ours = own_model(SIZE)
    assert ours.backbone.load_report is None
    report = load_weights(ours, trained.state_dict())
    assert isinstance(report, LoadReport)
    assert ours.backbone.load_report is report
    assert set(report.outcomes) == set(ours.state_dict())


def test_whole_table_at_debug_level(trained, log):
    report = load_weights(own_model(SIZE), trained.state_dict())
    assert (logging.DEBUG, report.table()) in log


OF_TIMESFORMER = dict(mean=[114.75] * 3, std=[57.375] * 3)
OF_MMACTION2 = dict(mean=[127.5] * 3, std=[127.5] * 3)


@pytest.fixture
def warnings(log):
    """Takes the warnings that loading has logged so far."""

    def take():
        lines = [line for level, line in log if level == logging.WARNING]
        log.clear()
        return lines

    return take


def test_warning_names_both(warnings):
    load_weights(
        own_model(SIZE, preprocessor=OF_TIMESFORMER),
        mmaction2_model(SIZE, 'divided_space_time').state_dict(),
    )
    (line,) = warnings()
    assert 'mean 0.5 and std 0.5 of RGB' in line
    assert 'mean 0.45 and std 0.225 of RGB' in line


@pytest.mark.parametrize(
    ('model', 'config'), [(mmaction2_model, OF_MMACTION2), (huggingface_model, OF_TIMESFORMER)]
)
def test_no_warning_where_they_agree(warnings, model, config):
    theirs = model(SIZE, 'joint_space_time')
    load_weights(own_model(SIZE, 'joint_space_time', config), theirs.state_dict())
    assert not warnings()
    load_weights(
        own_model(SIZE, 'joint_space_time', dict(**config, to_rgb=True)), theirs.state_dict()
    )
    assert 'of BGR' in warnings()[0]


def test_weights_for_the_backbone_alone_are_compared_too(warnings, tmp_path):
    path = tmp_path / 'weights.pth'
    torch.save(mmaction2_model(SIZE, 'divided_space_time').state_dict(), path)
    model = own_model(SIZE, pretrained=str(path))
    model.backbone.init_weights()
    assert len(warnings()) == 1


def test_image_vits_are_compared_where_their_files_tell(warnings, tmp_path):
    vit = vit_model(SIZE)
    load_weights(own_model(SIZE), vit.state_dict())
    assert not warnings()
    vit.save_pretrained(tmp_path)
    (tmp_path / 'preprocessor_config.json').write_text(
        json.dumps({'image_mean': [0.1, 0.2, 0.3], 'image_std': [0.5, 0.5, 0.5]})
    )
    for source in (tmp_path, tmp_path / 'model.safetensors'):
        load_weights(own_model(SIZE), source)
        assert 'mean (0.1, 0.2, 0.3) and std 0.5' in warnings()[0]
    (tmp_path / 'preprocessor_config.json').unlink()
    timms = {'architecture': 'vit', 'pretrained_cfg': {'mean': [0.3] * 3, 'std': [0.5] * 3}}
    (tmp_path / 'config.json').write_text(json.dumps(timms))
    load_weights(own_model(SIZE), tmp_path)
    assert 'mean 0.3 and std 0.5' in warnings()[0]
