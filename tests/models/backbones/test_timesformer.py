"""The backbone as a user meets it: sizes, frames, masks, modes, and what it refuses."""

from __future__ import annotations

import copy
import inspect

import pytest
import torch
from mmengine.registry import init_default_scope
from torch.utils.flop_counter import FlopCounterMode

from mmaction_timesformer.models import TimeSformerBackbone
from mmaction_timesformer.models.attention_schemes import PAPER_SCHEMES
from mmaction_timesformer.models.layers import AttentionStep, TokenGrid
from mmaction_timesformer.registry import MODELS

TINY = dict(
    num_frames=4, img_size=32, patch_size=8, embed_dims=16, num_heads=2, num_transformer_layers=3
)

# Paper, Table 1 (backbone and a linear classifier), at 174 classes, 400 and 4.
PARAMETERS = {
    'space_only': (85_932_462, 86_106_256, 85_801_732),
    'joint_space_time': (85_938_606, 86_112_400, 85_807_876),
    'divided_space_time': (121_392_558, 121_566_352, 121_261_828),
    'sparse_local_global': (121_392_558, 121_566_352, 121_261_828),
    'axial': (156_846_510, 157_020_304, 156_715_780),
}


def build(**overrides) -> TimeSformerBackbone:
    """A tiny backbone with every parameter away from its start, so that nothing hides at zero."""
    torch.manual_seed(0)
    backbone = TimeSformerBackbone(**{**TINY, **overrides})
    for parameter in backbone.parameters():
        torch.nn.init.normal_(parameter, std=0.2)
    return backbone.eval()


def make_clips(num_frames: int = 4, height: int = 32, width: int = 32, batch_size: int = 2):
    torch.manual_seed(1)
    return torch.randn(batch_size, 3, num_frames, height, width)


@pytest.mark.parametrize('scheme', PAPER_SCHEMES)
def test_parameters_equal_the_paper(scheme):
    with torch.device('meta'):
        backbone = TimeSformerBackbone(attention_type=scheme)
    count = sum(parameter.numel() for parameter in backbone.parameters())
    classifiers = [768 * num_classes + num_classes for num_classes in (174, 400, 4)]
    assert tuple(count + classifier for classifier in classifiers) == PARAMETERS[scheme]


def shapes_of(backbone: torch.nn.Module) -> list[tuple[int, ...]]:
    return sorted(tuple(parameter.shape) for parameter in backbone.parameters())


@pytest.mark.parametrize('scheme', ['space_only', 'joint_space_time', 'divided_space_time'])
def test_a_config_of_mmaction2_works_after_changing_its_type(scheme):
    """Every argument of mmaction2's own class, by its own name, gives the same modules' sizes."""
    init_default_scope('mmaction')
    config = dict(
        num_frames=4,
        img_size=(32, 48),
        patch_size=8,
        pretrained=None,
        embed_dims=16,
        num_heads=2,
        num_transformer_layers=2,
        in_channels=5,
        dropout_ratio=0.1,
        transformer_layers=None,
        attention_type=scheme,
        norm_cfg=dict(type='LN', eps=1e-5),
    )
    assert {*config, 'kwargs'} == set(inspect.signature(MODELS.get('TimeSformer')).parameters)
    theirs = MODELS.build(dict(config, type='TimeSformer'))
    ours = MODELS.build(dict(config, type='TimeSformerBackbone'))
    assert shapes_of(ours) == shapes_of(theirs)
    assert ours.norm.eps == theirs.norm.eps


def test_what_a_config_of_mmaction2_leaves_out_is_the_same():
    init_default_scope('mmaction')
    config = dict(num_frames=4, img_size=32, patch_size=8)
    with torch.device('meta'):
        theirs = MODELS.build(dict(config, type='TimeSformer'))
        ours = MODELS.build(dict(config, type='TimeSformerBackbone'))
    assert shapes_of(ours) == shapes_of(theirs)
    assert ours.norm.eps == theirs.norm.eps
    heads = {step.num_heads for step in ours.modules() if isinstance(step, AttentionStep)}
    assert heads == {inspect.signature(type(theirs)).parameters['num_heads'].default}


def test_the_type_can_be_an_import_path():
    init_default_scope('mmaction')
    path = 'mmaction_timesformer.models.TimeSformerBackbone'
    assert isinstance(MODELS.build(dict(type=path, **TINY)), TimeSformerBackbone)


@pytest.mark.parametrize('scheme', PAPER_SCHEMES)
def test_any_number_of_frames_and_any_size_in_patches(scheme):
    """Resized at run time, the result is that of a model whose parameters were resized."""
    backbone = build(attention_type=scheme, out_type='tokens')
    before = copy.deepcopy(backbone.state_dict())
    clips = make_clips(num_frames=7, height=40, width=24)
    tokens = backbone(clips)
    assert tokens.shape == (2, 7, 5, 3, 16)

    resized = build(attention_type=scheme, out_type='tokens', num_frames=7, img_size=(40, 24))
    state = dict(before)
    grid = before['pos_embed'][:, 1:].reshape(1, 4, 4, 16).permute(0, 3, 1, 2)
    grid = torch.nn.functional.interpolate(grid, (5, 3), mode='bicubic', align_corners=False)
    state['pos_embed'] = torch.cat(
        (before['pos_embed'][:, :1], grid.permute(0, 2, 3, 1).reshape(1, 15, 16)), dim=1
    )
    if 'time_embed' in before:
        line = before['time_embed'].permute(0, 2, 1)
        line = torch.nn.functional.interpolate(line, 7, mode='linear', align_corners=False)
        state['time_embed'] = line.permute(0, 2, 1)
    resized.load_state_dict(state)
    torch.testing.assert_close(tokens, resized(clips))
    for name, value in backbone.state_dict().items():
        assert torch.equal(value, before[name]), name


@pytest.mark.parametrize('out_type', ['cls', 'avg', 'tokens'])
@pytest.mark.parametrize('scheme', PAPER_SCHEMES)
def test_a_padded_clip_equals_the_unpadded_one(scheme, out_type):
    backbone = build(attention_type=scheme, out_type=out_type)
    clips = make_clips(num_frames=5, batch_size=3)
    mask = torch.tensor([[1, 1, 1, 0, 0], [1, 1, 1, 1, 1], [0, 1, 1, 0, 1]], dtype=torch.bool)
    features = backbone(clips, mask)
    for clip, frames, feature in zip(clips, mask, features, strict=True):
        alone = backbone(clip[None, :, frames])[0]
        if out_type == 'tokens':
            assert not feature[~frames].any()
            feature = feature[frames]
        torch.testing.assert_close(feature, alone, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize('scheme', PAPER_SCHEMES)
def test_every_parameter_gets_a_gradient(scheme):
    backbone = build(attention_type=scheme).train()
    backbone(make_clips()).square().sum().backward()
    without = [n for n, p in backbone.named_parameters() if p.grad is None or not p.grad.any()]
    assert without == []


@pytest.mark.parametrize('scheme', PAPER_SCHEMES)
def test_checkpointing_changes_nothing(scheme):
    results = []
    for with_cp in (False, True):
        backbone = build(attention_type=scheme, with_cp=with_cp, dropout_ratio=0.2).train()
        torch.manual_seed(2)
        loss = backbone(make_clips()).square().sum()
        loss.backward()
        results.append([loss.detach(), *(p.grad for p in backbone.parameters())])
    torch.testing.assert_close(*results, rtol=0, atol=0)


def test_folded_layers_follow_their_weights():
    """Whatever writes the weights: an optimiser, a checkpoint, or an EMA hook through ``.data``."""
    backbone = build()
    clips = make_clips()

    def assert_up_to_date() -> None:
        with torch.no_grad():
            folded = backbone(clips)
        torch.testing.assert_close(folded, backbone(clips), rtol=1e-5, atol=1e-5)

    assert_up_to_date()
    fc = backbone.blocks[0].steps.time.fc
    with torch.no_grad():
        fc.weight.mul_(-2)
    assert_up_to_date()
    backbone.load_state_dict({k: v * 1.1 for k, v in backbone.state_dict().items()})
    assert_up_to_date()
    fc.weight.data.mul_(3)
    backbone.eval()
    assert_up_to_date()
    backbone, clips = backbone.double(), clips.double()
    assert_up_to_date()


def test_a_fresh_network_starts_as_the_image_transformer():
    """The zero extra linear layer: time attention adds nothing until it is trained (Sec. 4)."""
    torch.manual_seed(0)
    divided = TimeSformerBackbone(**TINY).eval()
    clips = make_clips()
    with torch.no_grad():
        before = divided(clips)
        for name, parameter in divided.named_parameters():
            if '.time.' in name and '.fc.' not in name:
                torch.nn.init.normal_(parameter)
        torch.testing.assert_close(divided(clips), before, rtol=0, atol=0)


def test_space_only_cannot_tell_the_order_of_frames_and_the_others_can():
    clips = make_clips()
    for scheme in PAPER_SCHEMES:
        backbone = build(attention_type=scheme)
        same = torch.allclose(backbone(clips), backbone(clips.flip(2)), atol=1e-5)
        assert same == (scheme == 'space_only'), scheme


@pytest.mark.parametrize(
    ('pos_embed', 'missing'),
    [('none', {'pos_embed', 'time_embed'}), ('space', {'time_embed'}), ('space_time', set())],
)
def test_positions_hold_what_they_say(pos_embed, missing):
    names = {name for name, _ in build(pos_embed=pos_embed).named_parameters()}
    assert {'pos_embed', 'time_embed'} - names == missing


def test_without_positions_patches_may_change_places():
    """Joint attention without positions is a set function of the patches; with them it is not."""
    clips = make_clips()
    shuffled = clips.flip(-1).unflatten(-1, (4, 8)).flip(-1).flatten(-2)  # patch columns mirrored
    for pos_embed, same in (('none', True), ('space', False)):
        backbone = build(attention_type='joint_space_time', pos_embed=pos_embed)
        assert torch.allclose(backbone(clips), backbone(shuffled), atol=1e-4) == same


def test_geglu_equals_its_formula():
    mlp = build(mlp='geglu').blocks[0].mlp
    tokens = torch.randn(2, 5, 16)
    hidden = torch.nn.functional.linear(mlp.norm(tokens), mlp.fc1.weight, mlp.fc1.bias)
    gated = hidden[..., :64] * torch.nn.functional.gelu(hidden[..., 64:])
    torch.testing.assert_close(mlp(tokens, TokenGrid(1, 2, 2)), tokens + mlp.fc2(gated))


def test_average_is_the_mean_of_the_tokens():
    tokens = build(out_type='tokens')(make_clips())
    average = build(out_type='avg')(make_clips())
    torch.testing.assert_close(average, tokens.mean(dim=(1, 2, 3)))


@pytest.mark.parametrize('frozen_stages', [-1, 0, 2])
def test_frozen_stages_neither_learn_nor_drop(frozen_stages):
    backbone = build(frozen_stages=frozen_stages, drop_path_rate=0.9).train()
    frozen = {name.split('.')[0] for name, p in backbone.named_parameters() if not p.requires_grad}
    embeddings = {'cls_token', 'pos_embed', 'time_embed', 'patch_embed'}
    assert frozen - {'blocks'} == (embeddings if frozen_stages >= 0 else set())
    learning = [all(p.requires_grad for p in block.parameters()) for block in backbone.blocks]
    assert learning == [index >= frozen_stages for index in range(3)]
    assert [block.training for block in backbone.blocks] == learning


def test_architectures_are_those_of_vit():
    with torch.device('meta'):
        sizes = {
            arch: sum(
                p.numel()
                for p in TimeSformerBackbone(
                    arch=arch, attention_type='joint_space_time'
                ).parameters()
            )
            for arch in ('tiny', 'small', 'base', 'large')
        }
    # ViT's published sizes without the classifier, and 8 temporal positions.
    widths = {'tiny': 192, 'small': 384, 'base': 768, 'large': 1024}
    vit = {'tiny': 5_524_416, 'small': 21_665_664, 'base': 85_798_656, 'large': 303_301_632}
    assert sizes == {arch: vit[arch] + 8 * widths[arch] for arch in vit}


def test_a_size_that_is_given_takes_the_place_of_the_architectures():
    with torch.device('meta'):
        backbone = TimeSformerBackbone(arch='tiny', num_transformer_layers=4, num_heads=6)
    assert (backbone.embed_dims, len(backbone.blocks)) == (192, 4)
    assert backbone.blocks[0].steps.space.num_heads == 6


@pytest.mark.parametrize(('pos_init_std', 'spread'), [(None, 0.02), (0.0, 0.0), (1.5, 1.5)])
def test_positions_start_as_far_apart_as_told(pos_init_std, spread):
    positions = TimeSformerBackbone(**TINY | dict(img_size=256), pos_init_std=pos_init_std)
    assert positions.pos_embed.std().item() == pytest.approx(spread, rel=0.1)


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        (dict(attention_type='diagonal'), r"attention_type='diagonal'.*axial.*space_only"),
        (dict(attention_type=None), r'attention_type=None.*axial.*space_only'),
        (dict(attention_type=dict(type='axial', order='x')), r"'order'.*axial.*takes none"),
        (
            dict(attention_type=dict(type='divided_space_time', axis='x')),
            r"'axis'.*divided_space_time.*takes order, cls_in_time",
        ),
        (dict(attention_type=dict(type='axial', num_heads=4)), 'num_heads.*of the backbone'),
        (dict(transformer_layers=dict(type='X')), 'transformer_layers.*attention_type'),
        (dict(num_frames=0), 'num_frames=0.*at least 1'),
        (dict(img_size=(0, 32)), r'img_size=\(0, 32\).*at least 1'),
        (dict(patch_size=0), r'patch_size=\(0, 0\).*at least 1'),
        (dict(embed_dims=0), 'embed_dims=0.*at least 1'),
        (dict(num_heads=0), 'num_heads=0.*at least 1'),
        (dict(num_transformer_layers=0), 'num_transformer_layers=0.*at least 1'),
        (dict(in_channels=0), 'in_channels=0.*at least 1'),
        (dict(pos_embed='time'), r"pos_embed='time'.*space_time"),
        (dict(out_type='map'), r"out_type='map'.*tokens"),
        (dict(arch='huge'), r"arch='huge'.*base"),
        (dict(mlp='relu'), r"mlp='relu'.*geglu"),
        (dict(img_size=30), r'img_size=\(30, 30\).*\(24, 24\) would'),
        (dict(num_heads=3), 'embed_dims=16.*num_heads=3'),
        (dict(frozen_stages=4), r'frozen_stages=4.*-1\.\.3'),
        (dict(pretrained='a.pth', init_cfg=dict(type='Pretrained')), 'not both'),
    ],
)
def test_refused_arguments_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        build(**arguments)


def test_refused_inputs_are_named():
    backbone = build()
    with pytest.raises(ValueError, match=r'36x32 pixels.*32x32 would fit'):
        backbone(make_clips(height=36))
    with pytest.raises(ValueError, match=r'0x32 pixels.*8x32 would fit'):
        backbone(make_clips(height=0))
    with pytest.raises(ValueError, match=r'\(2, 3, 0, 32, 32\) are not .* at least one frame'):
        backbone(make_clips(num_frames=0))
    with pytest.raises(ValueError, match=r'\(2, 4, 3, 32, 32\) are not \(batch, 3 channels'):
        backbone(make_clips().transpose(1, 2))
    with pytest.raises(ValueError, match=r'frame_mask of shape \(2, 3\).*\(2, 4\) would'):
        backbone(make_clips(), torch.ones(2, 3, dtype=torch.bool))
    with pytest.raises(ValueError, match='without any frame'):
        backbone(make_clips(), torch.zeros(2, 4, dtype=torch.bool))


@pytest.mark.parametrize(
    ('scheme', 'giga_multiply_adds'),
    [('space_only', 141), ('joint_space_time', 180), ('divided_space_time', 196)],
)
def test_flops_equal_those_mmaction2_reports(scheme, giga_multiply_adds):
    """One 8x224 view of the base model, counted by torch while training."""
    with torch.device('meta'):
        backbone, clips = TimeSformerBackbone(attention_type=scheme), make_clips(8, 224, 224, 1)
    with FlopCounterMode(display=False) as counter:
        backbone(clips)
    assert round(counter.get_total_flops() / 2e9) == giga_multiply_adds
