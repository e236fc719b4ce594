"""A format is recognised from the names of its parameters, and nothing else is taken for one."""

import pytest
import torch

from mmaction_timesformer.models.checkpoints import FORMATS, export, recognise
from mmaction_timesformer.models.checkpoints.names import NameTable
from tests.models.checkpoints.peers import (
    SHARED_SCHEMES,
    SIZES,
    huggingface_model,
    mmaction2_model,
    own_model,
    vit_model,
)


def formats_of(names):
    return [known.name for known in FORMATS if known.matches(frozenset(names))]


def name_of(names):
    found = recognise(names)
    return found and found.name


@pytest.mark.parametrize('scheme', SHARED_SCHEMES)
def test_video_models(scheme):
    size = SIZES[0]
    own = own_model(size, scheme)
    assert formats_of(own.state_dict()) == ['mmaction_timesformer']
    assert formats_of(own.backbone.state_dict()) == ['mmaction_timesformer']
    theirs = mmaction2_model(size, scheme)
    assert formats_of(theirs.state_dict()) == ['mmaction2']
    assert formats_of(theirs.backbone.state_dict()) == ['mmaction2']
    theirs = huggingface_model(size, scheme)
    assert formats_of(theirs.state_dict()) == ['huggingface']
    assert formats_of(theirs.timesformer.state_dict()) == ['huggingface']
    assert name_of(export(own.state_dict(), 'facebookresearch')) == 'facebookresearch'


@pytest.mark.parametrize('scheme', ['axial', 'sparse_local_global'])
def test_own_schemes(scheme):
    assert name_of(own_model(SIZES[0], scheme).state_dict()) == 'mmaction_timesformer'


def test_image_models():
    assert formats_of(vit_model(SIZES[0]).state_dict()) == ['huggingface ViT']
    assert formats_of(vit_model(SIZES[0], classifier=True).state_dict()) == ['huggingface ViT']
    assert name_of(['cls_token', 'blocks.0.attn.qkv.weight']) == 'timm ViT'


@pytest.mark.parametrize(
    'names',
    [
        [],
        ['conv1.weight', 'layer1.0.conv1.weight'],  # ResNet
        ['layers.0.blocks.0.attn.qkv.weight', 'norm.weight'],  # Swin
        ['encoder.layer.0.attention.self.query.weight'],  # BERT
    ],
)
def test_other_networks_are_none_of_them(names):
    assert recognise(names) is None


def test_templates_are_literal():
    table = NameTable({'backbone.a.{p}': 'x.a+b.{p}'}, {'c': 'd.e'}, 'x.layer.{i}.', ('x.',))
    first, second = torch.ones(1), torch.ones(2)
    ours = {'backbone.a.bias': first, 'backbone.blocks.12.c': second}
    theirs = {'x.a+b.bias': first, 'x.layer.12.d.e': second}
    assert table.from_ours(ours) == theirs
    assert table.to_ours(theirs) == ours
    assert table.to_ours({'a+b.bias': first, 'layer.12.d.e': second}) == ours
    unknown = {'x.aab.bias': first, 'x.layer.1.dxe': second, 'x.a+b.gamma': first}
    assert table.to_ours(unknown) == unknown
    with pytest.raises(ValueError, match=r'1 parameters have no counterpart.*backbone\.b'):
        table.from_ours({'backbone.b': torch.ones(1)})
