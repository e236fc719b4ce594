"""Patches that training leaves out."""

import pytest
import torch

from mmaction_timesformer.models import TimeSformerBackbone

SIZES = dict(patch_size=8, embed_dims=12, num_heads=2, num_transformer_layers=2, drop_path_rate=0.0)
SCHEMES = ['space_only', 'joint_space_time', 'divided_space_time']


def build(columns: int, **options) -> TimeSformerBackbone:
    torch.manual_seed(0)
    return TimeSformerBackbone(3, (16, 8 * columns), **SIZES, **options)


def clips_that_move_on_the_left() -> torch.Tensor:
    torch.manual_seed(1)
    clips = torch.randn(2, 3, 3, 16, 32)
    clips[..., 16:] = clips[:, :, :1, :, 16:]
    return clips


@pytest.mark.parametrize('scheme', SCHEMES)
def test_training_sees_the_half_that_moves(scheme):
    """As a backbone for pictures of that half alone does, with that half's positions."""
    backbone = build(4, attention_type=scheme, pos_init_std=1.0, patch_dropout=0.5)
    half = build(2, attention_type=scheme)
    state = backbone.state_dict()
    cls, patches = state['pos_embed'].tensor_split((1,), dim=1)
    left = patches.unflatten(1, (2, 4))[:, :, :2].flatten(1, 2)
    half.load_state_dict({**state, 'pos_embed': torch.cat((cls, left), dim=1)})
    clips = clips_that_move_on_the_left()
    torch.testing.assert_close(backbone(clips), half(clips[..., :16]))


def test_each_clip_keeps_its_own_patches_and_evaluation_all():
    backbone, whole = build(4, patch_dropout=0.5), build(4)
    clips = clips_that_move_on_the_left()
    clips[1] = clips[1].flip(-1)
    alone = torch.cat([backbone(clip[None]) for clip in clips])
    torch.testing.assert_close(backbone(clips), alone)
    assert torch.equal(backbone.eval()(clips), whole.eval()(clips))
    assert not torch.allclose(backbone.train()(clips), whole(clips))


def test_one_frame_changes_nowhere_and_keeps_all():
    frame = clips_that_move_on_the_left()[:, :, :1]
    assert torch.equal(build(4, patch_dropout=0.9)(frame), build(4)(frame))


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (dict(patch_dropout=1.0), 'patch_dropout=1.0 is no share'),
        (dict(patch_dropout=-0.1), 'patch_dropout=-0.1 is no share'),
        (dict(patch_dropout=0.5, attention_type='axial'), 'Axial attends along rows and columns'),
        (
            dict(patch_dropout=0.5, attention_type='sparse_local_global'),
            'SparseLocalGlobal attends along rows and columns',
        ),
        (dict(patch_dropout=0.5, pos_embed='rotary'), "pos_embed='rotary'.*take 0"),
        (dict(patch_dropout=0.5, out_type='tokens'), "out_type='tokens'.*take 0"),
    ],
)
def test_what_needs_all_patches_refuses(options, message):
    with pytest.raises(ValueError, match=message):
        build(4, **options)
