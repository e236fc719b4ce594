"""Tiny models of every attention scheme for the tests of this folder."""

import torch

from mmaction_timesformer.models import TimeSformerBackbone

SCHEMES: dict[str, dict] = {
    'space only': dict(type='space_only'),
    'joint': dict(type='joint_space_time'),
    'divided': dict(type='divided_space_time'),
    'divided, class token in time': dict(type='divided_space_time', cls_in_time=True),
    'divided, space first': dict(type='divided_space_time', order='space_first'),
    'divided, parallel': dict(type='divided_space_time', order='parallel'),
    'local window, global residue': dict(type='sparse_local_global'),
    'local quadrant, global fixed': dict(
        type='sparse_local_global', local_mode='quadrant', global_mode='fixed'
    ),
    'axial': dict(type='axial'),
}


def tiny_backbone(scheme='divided', **options):
    """Two blocks of 16 channels and 2 heads over patches of 4 pixels, far from initialisation."""
    torch.manual_seed(0)
    defaults = dict(
        num_frames=3,
        img_size=(16, 12),
        patch_size=4,
        embed_dims=16,
        num_heads=2,
        num_transformer_layers=2,
        drop_path_rate=0.0,
    )
    backbone = TimeSformerBackbone(
        attention_type=dict(SCHEMES[scheme]), **{**defaults, **options}
    ).eval()
    for parameter in backbone.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    return backbone


def random_clips(batch_size=2, shape=(3, 16, 12)):
    torch.manual_seed(1)
    return torch.randn(batch_size, 3, *shape)
