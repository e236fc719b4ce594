"""Preprocessing belongs to the weights: a model that has another is warned."""

import json
import logging

import pytest
import torch
from mmaction.models import ActionDataPreprocessor

from mmaction_timesformer.models.checkpoints import load_weights
from mmaction_timesformer.models.checkpoints.public_weights import (
    HALF,
    IMAGENET,
    TIMESFORMER,
    Preprocessing,
    agree,
    read_preprocessing,
)
from tests.models.checkpoints.peers import (
    SIZES,
    huggingface_model,
    mmaction2_model,
    own_model,
    vit_model,
)

SIZE = SIZES[0]
OF_TIMESFORMER = dict(mean=[114.75] * 3, std=[57.375] * 3)
OF_MMACTION2 = dict(mean=[127.5] * 3, std=[127.5] * 3)
OF_IMAGENET = dict(mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375])


class Inverting(ActionDataPreprocessor):
    """Does something that a mean and a standard deviation do not describe."""

    def preprocess(self, inputs, data_samples, training=False):
        return super().preprocess([255 - clip for clip in inputs], data_samples, training)


def preprocessing_of(**config):
    found = read_preprocessing(ActionDataPreprocessor(**config, format_shape='NCTHW'))
    assert found is not None
    return found


@pytest.mark.parametrize(
    ('config', 'expected'),
    [(OF_TIMESFORMER, TIMESFORMER), (OF_MMACTION2, HALF), (OF_IMAGENET, IMAGENET)],
)
def test_configs_mean_what_the_families_need(config, expected):
    for other in (TIMESFORMER, HALF, IMAGENET):
        assert agree(preprocessing_of(**config), other) == (other is expected)


def test_what_is_read_is_what_is_done():
    clip = torch.randint(0, 256, (3, 2, 4, 4), generator=torch.Generator().manual_seed(0)).float()
    for config in ({}, OF_TIMESFORMER, OF_IMAGENET, dict(**OF_IMAGENET, to_rgb=True)):
        preprocessor = ActionDataPreprocessor(**config, format_shape='NCTHW')
        found = preprocessing_of(**config)
        frames = clip.flip(0) if found.channel_order == 'bgr' else clip
        mean, std = (torch.tensor(v).view(3, 1, 1, 1) for v in (found.mean, found.std))
        actual = preprocessor.preprocess([clip], None)[0][0]
        torch.testing.assert_close((frames / 255 - mean) / std, actual)


def test_channel_order_and_missing_normalisation():
    swapped = preprocessing_of(**OF_MMACTION2, to_rgb=True)
    assert swapped.channel_order == 'bgr'
    assert not agree(swapped, HALF)
    bare = preprocessing_of()
    assert not agree(bare, HALF)
    assert str(bare) == 'RGB in 0..255 as it is'


def test_nothing_is_said_of_what_is_not_known():
    assert read_preprocessing(None) is None
    assert read_preprocessing(torch.nn.Identity()) is None
    assert read_preprocessing(Inverting(**OF_MMACTION2)) is None
    assert agree(Preprocessing((0.5,) * 4, (0.5,) * 4), TIMESFORMER)


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
