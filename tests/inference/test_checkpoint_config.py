"""The config inside a checkpoint is data: no code, no surprise of type, no bomb."""

import pytest
import torch

from mmaction_timesformer.inference.checkpoint_config import read_checkpoint_config

WEIGHTS = {f'layers.{number}.weight': torch.zeros(8, 8) for number in range(3)}
MODEL = "model = dict(type='A', backbone=dict(embed_dims=8, num_transformer_layers=3))\n"


def read(text):
    return read_checkpoint_config({'cfg': text}, 'a.pth', WEIGHTS)


def test_plain_values_are_read():
    # The last is what mmengine writes for keys that are not names.
    text = "a = {'b': (1, [-2.5], None), 3: inf}\nb = dict({'c-d': dict(e=1)})\n"
    config = read(MODEL + text)
    assert config.b == {'c-d': {'e': 1}}
    assert config.model.backbone.embed_dims == 8
    assert config.a == {'b': (1, [-2.5], None), 3: float('inf')}


@pytest.mark.parametrize(
    ('text', 'message'),
    [
        ('import os\n', 'line 1 .* is not an assignment'),
        ("a = __import__('os')\n", 'line 1 .* is not a plain value'),
        ("model = dict(type='os.system')\n", "builds 'os.system', a name with dots"),
        ('a = {[1]: 2}\n', 'line 1 .* has a key that is not plain'),
        ('a = ' + '(' * 3000 + ')' * 3000, 'is not Python'),
        ('a = ' + '9' * 10_000, 'is not Python'),
        ('model = 3\n', "'model' in its config is a int, not a dict"),
        ('test_dataloader = [1]\n', "'test_dataloader' in its config is a list, not a dict"),
        ('test_dataloader = dict(dataset=3)\n', "dataset of 'test_dataloader' .* is not a dict"),
        ('test_dataloader = dict(dataset=dict(pipeline=3))\n', 'is not a list of dicts'),
        ("val_pipeline = ['a']\n", "pipeline of 'val_pipeline' .* is not a list of dicts"),
        ('filename = 3\n', 'filename is reserved for config file; give'),
        ('default_scope = 3\n', "'default_scope' in its config is not text"),
        (MODEL.replace('layers=3', 'layers=4'), 'num_transformer_layers=4 .* has 3 tensors'),
        (MODEL.replace('dims=8', 'dims=14'), 'embed_dims=14 .* the file has 192 numbers'),
        ('model = dict(head=dict(in_channels=10**9))\n', 'not a plain value'),
        ('model = dict(head=dict(in_channels=100000))\n', 'in_channels=100000 .* limit is 65,536'),
        ('val_pipeline = [dict(clip_len=400000000)]\n', 'clip_len=400000000 in its config'),
        ('val_pipeline = [dict(scale=(-1, 70000))]\n', 'scale=70000 in its config'),
    ],
)
def test_everything_else_is_refused(text, message):
    with pytest.raises(ValueError, match=rf'^a\.pth.*{message}'):
        read(text)
