"""Weights in models of another size, another scheme, other classes and fewer layers."""

from dataclasses import replace

import pytest
import torch
from torch.nn.functional import interpolate

from mmaction_timesformer.models.checkpoints import export, load_weights
from tests.models.checkpoints.peers import (
    SIZES,
    Size,
    clips,
    logits,
    mmaction2_model,
    own_backbone,
    own_model,
    randomise,
)

SIZE = SIZES[0]
GRID = Size(img_size=224, patch_size=16, embed_dims=8, num_heads=1, num_layers=1)


def test_image_size_by_torchs_own_interpolation():
    source, target = mmaction2_model(SIZE, 'divided_space_time'), own_backbone(SIZE, img_size=80)
    report = load_weights(target, source.state_dict())
    old = source.backbone.pos_embed
    grid = old[:, 1:].unflatten(1, (4, 4)).permute(0, 3, 1, 2)
    expected = interpolate(grid, size=(10, 10), mode='bicubic', align_corners=False)
    torch.testing.assert_close(target.pos_embed[:, 1:], expected.flatten(2).transpose(1, 2))
    assert torch.equal(target.pos_embed[:, :1], old[:, :1])
    assert report.resized == ('pos_embed',)
    assert report.outcomes['pos_embed'].detail == '4x4 -> 10x10'


def test_224_to_448_keeps_rows_and_columns_in_place():
    """Positions that say where they are, in the model and along the flattened grid."""
    rows, columns = torch.arange(14.0).repeat_interleave(14), torch.arange(14.0).repeat(14)
    source = own_backbone(GRID)
    with torch.no_grad():
        source.pos_embed[0, 1:, 0], source.pos_embed[0, 1:, 1] = rows, columns
    named = {f'backbone.{name}': value for name, value in source.state_dict().items()}
    target = own_backbone(GRID, img_size=448)
    load_weights(target, export(named, 'facebookresearch'))

    places = target.pos_embed[0, 1:].detach().view(28, 28, 8)
    halves = ((torch.arange(28) + 0.5) / 2 - 0.5)[4:-4]  # of the old grid; away from its border
    inner = places[4:-4, 4:-4]
    torch.testing.assert_close(inner[..., 0], halves[:, None].expand(20, 20), atol=0.06, rtol=0)
    torch.testing.assert_close(inner[..., 1], halves[None, :].expand(20, 20), atol=0.06, rtol=0)

    flattened = interpolate(columns[None, None], size=784, mode='nearest').view(28, 28)
    assert (flattened[0] == torch.arange(7.0).repeat_interleave(4)).all()  # half a row as a whole
    assert (flattened[1] == torch.arange(7.0, 14.0).repeat_interleave(4)).all()


@pytest.mark.parametrize('num_frames', [2, 8, 11])
def test_frames_by_torchs_own_interpolation(num_frames):
    """4-frame weights in an 8-frame model: mmaction2 leaves the positions in time at zero."""
    source = mmaction2_model(SIZE, 'divided_space_time')
    target = own_backbone(SIZE, num_frames=num_frames)
    report = load_weights(target, source.state_dict())
    line = source.backbone.time_embed.transpose(1, 2)
    expected = interpolate(line, size=num_frames, mode='linear', align_corners=False)
    torch.testing.assert_close(target.time_embed, expected.transpose(1, 2))
    assert target.time_embed.abs().min() > 0
    assert report.outcomes['time_embed'].detail == f'4 -> {num_frames} frames'
    assert target(clips(replace(SIZE, num_frames=num_frames))).shape == (2, SIZE.embed_dims)


def test_patch_size_and_channels():
    source = randomise(own_backbone(SIZE))
    target = own_backbone(SIZE, patch_size=16, img_size=64, in_channels=4)
    report = load_weights(target, source.state_dict())
    assert report.resized == ('patch_embed.projection.weight',)
    assert report.outcomes['patch_embed.projection.weight'].detail == '(3, 8, 8) -> (4, 16, 16)'
    small = clips(SIZE)
    # Enlarged patch by patch, as the kernel is: no patch looks beyond its border.
    patches = small.unflatten(3, (4, 8)).unflatten(5, (4, 8)).permute(0, 1, 2, 3, 5, 4, 6)
    large = interpolate(patches.flatten(0, 4)[:, None], size=(16, 16), mode='bilinear')
    large = large.view(2, 3, 4, 4, 4, 16, 16).permute(0, 1, 2, 3, 5, 4, 6).reshape(2, 3, 4, 64, 64)
    depth = torch.randn_like(large[:, :1])
    with torch.no_grad():
        torch.testing.assert_close(
            target(torch.cat((large, depth), dim=1)), source(small), atol=1e-4, rtol=1e-4
        )


STEPS = {
    'space_only': ('space',),
    'joint_space_time': ('joint',),
    'divided_space_time': ('time', 'space'),
    'sparse_local_global': ('local', 'global'),
    'axial': ('time', 'width', 'height'),
}
BASE = {
    'space_only': 'space',
    'joint_space_time': 'joint',
    'divided_space_time': 'space',
    'sparse_local_global': 'local',
    'axial': 'height',
}


@pytest.mark.parametrize('to', STEPS)
@pytest.mark.parametrize('scheme', STEPS)
def test_every_scheme_into_every_other(scheme, to):
    """Steps of one name are kept, the base steps correspond, the rest are copies at rest."""
    source, target = randomise(own_backbone(SIZE, scheme)), randomise(own_backbone(SIZE, to), 9)
    old = source.state_dict()
    report = load_weights(target, old)
    new = target.state_dict()
    used = set()
    for step in STEPS[to]:
        same = step in STEPS[scheme] and step != BASE[to]
        origin = step if same else BASE[scheme]
        used.add(origin)
        for part in ('norm.weight', 'qkv.bias', 'proj.weight'):
            assert torch.equal(
                new[f'blocks.1.steps.{step}.{part}'], old[f'blocks.1.steps.{origin}.{part}']
            )
        is_copy = step != BASE[to] and not same
        assert (f'blocks.1.steps.{step}.qkv.weight' in report.copied) == is_copy
        if is_copy:
            assert not new[f'blocks.1.steps.{step}.fc.weight'].any()
            assert not new[f'blocks.1.steps.{step}.fc.bias'].any()
    unused = {step for step in STEPS[scheme] if f'blocks.0.steps.{step}.qkv.bias' in report.unused}
    assert unused == set(STEPS[scheme]) - used
    assert ('time_embed' in report.unused) == (to == 'space_only' != scheme)
    if scheme == 'space_only' != to:
        assert not new['time_embed'].any()
    assert report.complete == (scheme == to)


def test_fewer_and_more_layers():
    source = own_backbone(SIZE, num_transformer_layers=4)
    report = load_weights(own_backbone(SIZE), source.state_dict())
    assert not report.reinitialised
    assert {name.split('.')[1] for name in report.unused} == {'2', '3'}
    assert 'blocks.2' in report.summary()
    assert 'blocks.3' in report.summary()

    report = load_weights(own_backbone(SIZE, num_transformer_layers=6), source.state_dict())
    assert not report.unused
    assert {name.split('.')[1] for name in report.reinitialised} == {'4', '5'}


def test_another_number_of_classes_leaves_the_classifier_as_it_was():
    source = mmaction2_model(SIZE, 'divided_space_time')
    target = own_model(replace(SIZE, num_classes=3))
    before = target.cls_head.fc_cls.weight.clone()
    report = load_weights(target, source.state_dict())
    assert torch.equal(target.cls_head.fc_cls.weight, before)
    assert report.reinitialised == ('cls_head.fc_cls.weight', 'cls_head.fc_cls.bias')
    assert 'cls_head.fc_cls 5 classes -> 3' in report.summary()


def test_class_map_picks_rows():
    source = mmaction2_model(SIZE, 'divided_space_time')
    target = own_model(replace(SIZE, num_classes=3))
    report = load_weights(target, source.state_dict(), strict=True, class_map={0: 4, 1: 0, 2: 4})
    inputs = clips(SIZE)
    expected = logits(source, inputs)[:, [4, 0, 4]]
    torch.testing.assert_close(logits(target, inputs), expected, atol=1e-5, rtol=1e-5)
    assert report.copied == ('cls_head.fc_cls.weight', 'cls_head.fc_cls.bias')

    before = target.cls_head.fc_cls.bias[1].clone()
    report = load_weights(target, source.state_dict(), class_map={0: 2, 2: 3})
    assert torch.equal(target.cls_head.fc_cls.bias[1], before)
    assert torch.equal(target.cls_head.fc_cls.bias[2], source.cls_head.fc_cls.bias[3])
    assert report.outcomes['cls_head.fc_cls.bias'].detail == '2 of 3 classes by class_map'
    assert 'cls_head.fc_cls.bias' in report.reinitialised

    with pytest.raises(ValueError, match=r'0: 5, but .* classes 0\.\.2 and the weights 0\.\.4'):
        load_weights(target, source.state_dict(), class_map={0: 5})


def test_classifier_with_other_layers_is_not_mistaken():
    """A linear classifier would fit after a hidden layer of the same width, and mean nothing."""
    source = own_model(SIZE)
    target = own_model(SIZE, head=dict(hidden_dims=SIZE.embed_dims))
    before = target.cls_head.fc_cls.weight.clone()
    report = load_weights(target, source.state_dict())
    assert torch.equal(target.cls_head.fc_cls.weight, before)
    assert len(report.reinitialised) == 4
    assert report.unused == ('cls_head.fc_cls.weight', 'cls_head.fc_cls.bias')
    assert len(load_weights(source, target.state_dict()).unused) == 4


def test_positions_that_the_model_does_without():
    source = own_backbone(SIZE)
    assert load_weights(own_backbone(SIZE, pos_embed='space'), source.state_dict()).unused == (
        'time_embed',
    )
    assert load_weights(own_backbone(SIZE, pos_embed='none'), source.state_dict()).unused == (
        'pos_embed',
        'time_embed',
    )


def test_another_width_is_refused():
    source, target = own_backbone(SIZE), own_backbone(SIZE, embed_dims=64)
    before = {name: value.clone() for name, value in target.state_dict().items()}
    with pytest.raises(ValueError, match=r'embed_dims=32, the model 64.*arch='):
        load_weights(target, source.state_dict())
    assert all(torch.equal(before[name], value) for name, value in target.state_dict().items())


def test_gated_mlp_does_not_take_a_plain_one():
    report = load_weights(own_backbone(SIZE, mlp='geglu'), own_backbone(SIZE).state_dict())
    assert report.outcomes['blocks.0.mlp.fc1.bias'].detail == '(128,) does not fit (256,)'
    assert 'blocks.0.mlp.fc1.bias' in report.unused


def test_patch_embedding_of_tubelets_is_refused():
    source = own_backbone(SIZE).state_dict()
    source['patch_embed.projection.weight'] = torch.zeros(32, 3, 2, 8, 8)
    with pytest.raises(ValueError, match=r'\(32, 3, 2, 8, 8\) is not one of images'):
        load_weights(own_backbone(SIZE), source)


def test_class_map_without_classes_is_refused():
    with pytest.raises(ValueError, match='class_map has nothing to pick from'):
        load_weights(own_model(SIZE), own_backbone(SIZE).state_dict(), class_map={0: 0})
