"""The class token that sees the whole clip, beside the peer library and its quirks."""

from itertools import product

import pytest
import torch
from mmaction.registry import MODELS
from timesformer_pytorch import TimeSformer
from torch import Tensor, nn

from mmaction_timesformer.models.checkpoints import Fate, load_weights
from mmaction_timesformer.models.layers import resize_joint_embed
from mmaction_timesformer.models.layers.token_shift import shift_if_wanted

T, D, HEADS, HEAD_DIMS, CLASSES = 4, 24, 2, 8, 5


def peer(rotary: bool, shift: bool) -> TimeSformer:
    torch.manual_seed(0)
    model = TimeSformer(
        dim=D, num_frames=T, num_classes=CLASSES, image_size=24, patch_size=8, depth=2,
        heads=HEADS, dim_head=HEAD_DIMS, rotary_emb=rotary, shift_tokens=shift,
    )  # fmt: skip
    for parameter in model.parameters():
        nn.init.normal_(parameter, std=0.3)
    return model.eval()


def ours(
    rotary: bool, shift: bool, like: str | None = 'lucidrains', frame_seconds: float = 1.0
) -> nn.Module:
    positions = 'joint'
    if rotary:
        positions = 'rotary' if like is None else 'rotary_like_lucidrains'
    backbone = dict(
        type='TimeSformerBackbone', num_frames=T, img_size=24, patch_size=8, embed_dims=D,
        num_heads=HEADS, num_transformer_layers=2, mlp='geglu', head_dims=HEAD_DIMS,
        attention_type=dict(type='whole_clip_class', like=like, num_frames=T if like else None),
        pos_embed=positions, qkv_bias=False, norm_eps=1e-5, token_shift=shift,
        frame_seconds=frame_seconds,
    )  # fmt: skip
    head = dict(type='TimeSformerClsHead', num_classes=CLASSES, in_channels=D)
    return MODELS.build(dict(type='Recognizer3D', backbone=backbone, cls_head=head)).eval()


def logits(model: nn.Module, clips: Tensor, mask: Tensor | None = None) -> Tensor:
    with torch.no_grad():
        return model.cls_head(model.backbone(clips.transpose(1, 2), mask))


def loaded(rotary: bool, shift: bool, like: str | None = 'lucidrains') -> nn.Module:
    model = ours(rotary, shift, like)
    report = load_weights(model, peer(rotary, shift).state_dict())
    assert not [
        name
        for name, x in report.outcomes.items()
        if x.fate is not Fate.MATCHED and 'temperature' not in name
    ]
    assert not report.unused
    assert report.weight_format == 'lucidrains'
    return model


MASK = torch.tensor([[True, True, True, False], [True, False, True, True]])


@pytest.mark.parametrize(('rotary', 'shift', 'masked'), list(product([False, True], repeat=3)))
def test_eight_settings_give_the_peers_outputs(rotary: bool, shift: bool, masked: bool) -> None:
    clips = torch.randn(2, T, 3, 24, 24)
    mask = MASK if masked else None
    with torch.no_grad():
        expected = peer(rotary, shift)(clips, mask=mask)
    actual = logits(loaded(rotary, shift), clips, mask)
    assert expected.std() > 0.1
    torch.testing.assert_close(actual, expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize('like', ['lucidrains', None])
def test_only_the_peer_leaks_frames_that_are_masked_out(like: str | None) -> None:
    model = loaded(rotary=True, shift=True, like=like)
    clips = torch.randn(1, T, 3, 24, 24)
    other = clips.clone()
    other[:, -1] = torch.randn(3, 24, 24)
    before, after = (logits(model, x, MASK[:1]) for x in (clips, other))
    leaks = (before - after).abs().max().item()
    assert leaks > 1e-3 if like else leaks < 1e-6


@pytest.mark.parametrize(('like', 'reached'), [(None, [0, 1]), ('lucidrains', [0, 2])])
def test_any_number_of_frames_has_its_own_borders(like: str | None, reached: list[int]) -> None:
    """Where the first of eight frames is found again; the peer takes two for one of its four."""
    backbone = ours(rotary=True, shift=True, like=like).backbone
    _, grid = backbone._embed(torch.zeros(1, 3, 8, 24, 24), torch.arange(8.0)[None])
    tokens = torch.zeros(1, 1 + 8 * 9, D)
    tokens[:, 1:10] = 1
    shifted = shift_if_wanted(tokens, grid)
    frames = shifted[0, 1:].unflatten(0, (8, 9)).abs().sum(dim=(1, 2)).nonzero().flatten()
    assert frames.tolist() == reached


@pytest.mark.parametrize('rotary', [True, False])
def test_only_rotary_positions_see_the_distance_of_frames(rotary: bool) -> None:
    torch.manual_seed(0)
    one, other = (
        ours(rotary=rotary, shift=False, like=None, frame_seconds=seconds).backbone
        for seconds in (1.0, 0.3)
    )
    other.load_state_dict(one.state_dict())
    clip = torch.randn(1, 3, T, 24, 24)
    assert torch.allclose(one(clip), other(clip), atol=1e-5) != rotary


def test_positions_of_every_patch_are_resized() -> None:
    """A ramp over frames, rows and columns stays one; the class token's entry stays as it is."""
    t, h, w = torch.meshgrid(*(torch.arange(n) / n + 0.5 / n for n in (4, 2, 3)), indexing='ij')
    ramp = torch.stack((t, h, w), dim=-1).reshape(1, -1, 3)
    joint = torch.cat((torch.full((1, 1, 3), 9.0), ramp), dim=1)
    wider = resize_joint_embed(joint, (4, 2, 3), (8, 2, 3))
    assert wider[0, 0].tolist() == [9, 9, 9]
    times = wider[0, 1:, 0].view(8, 6)[:, 0]
    torch.testing.assert_close(times[1:-1], (torch.arange(8) / 8 + 1 / 16)[1:-1])
    assert torch.equal(resize_joint_embed(joint, (4, 2, 3), (4, 2, 3)), joint)


def test_wrong_arguments_are_named() -> None:
    for options, problem in (
        (dict(like='lucidrains'), 'belong together'),
        (dict(num_frames=4), 'belong together'),
        (dict(like='somebody'), "like='somebody' is unknown"),
        (dict(head_dims=8), 'are arguments of the backbone'),
    ):
        scheme = dict(type='whole_clip_class', **options)
        with pytest.raises(ValueError, match=problem):
            MODELS.build(dict(type='TimeSformerBackbone', arch='tiny', attention_type=scheme))
