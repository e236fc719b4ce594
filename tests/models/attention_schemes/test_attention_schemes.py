"""Every scheme equals dense attention under its boolean mask."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from mmaction_timesformer.models import TimeSformerBackbone
from mmaction_timesformer.models.layers import TokenGrid
from mmaction_timesformer.registry import ATTENTION_SCHEMES
from tests.models.attention_schemes.dense_oracle import SHAPES, dense_step, patch_mask

OPTIONS = dict(embed_dims=8, num_heads=2, drop_path_rate=0.0)

# Scheme and its options; its steps in order: parameter name, mask, part that the class token takes.
SCHEMES = {
    'space_only': (dict(type='space_only'), [('space', 'space', 'per_frame')]),
    'joint': (dict(type='joint_space_time'), [('joint', 'joint', 'copies')]),
    'divided': (
        dict(type='divided_space_time'),
        [('time', 'time', 'absent'), ('space', 'space', 'copies')],
    ),
    'divided, class token in time': (
        dict(type='divided_space_time', cls_in_time=True),
        [('time', 'time', 'copies'), ('space', 'space', 'copies')],
    ),
    'divided, space first': (
        dict(type='divided_space_time', order='space_first'),
        [('space', 'space', 'copies'), ('time', 'time', 'absent')],
    ),
    'local window, global residue': (
        dict(type='sparse_local_global'),
        [('local', 'window', 'whole'), ('global', 'residue', 'whole')],
    ),
    'local quadrant, global fixed': (
        dict(type='sparse_local_global', local_mode='quadrant', global_mode='fixed'),
        [('local', 'quadrant', 'whole'), ('global', 'fixed', 'whole')],
    ),
    'axial': (
        dict(type='axial'),
        [('time', 'time', 'copies'), ('width', 'width', 'copies'), ('height', 'height', 'copies')],
    ),
}


def build(config: dict, **overrides):
    torch.manual_seed(0)
    scheme = ATTENTION_SCHEMES.build({**OPTIONS, **overrides, **config}).double()
    for parameter in scheme.parameters():
        torch.nn.init.normal_(parameter, std=0.5)
    return scheme


def make_tokens(shape: tuple, num_cls: int, batch_size: int = 2) -> torch.Tensor:
    torch.manual_seed(1)
    num_patches = shape[0] * shape[1] * shape[2]
    return torch.randn(
        batch_size, num_cls + num_patches, OPTIONS['embed_dims'], dtype=torch.float64
    )


@pytest.mark.parametrize('shape', SHAPES, ids=str)
@pytest.mark.parametrize('name', SCHEMES)
def test_equals_dense_attention(name, shape):
    config, steps = SCHEMES[name]
    scheme = build(config)
    num_cls = shape[0] if scheme.cls_per_frame else 1
    tokens = make_tokens(shape, num_cls)
    expected = []
    for clip in tokens:
        for parameter, mask, cls_rule in steps:
            clip = clip + dense_step(getattr(scheme, parameter), clip, mask, shape, cls_rule)
        expected.append(clip)
    actual = scheme(tokens, TokenGrid(*shape, num_cls))
    torch.testing.assert_close(actual, torch.stack(expected), rtol=0, atol=1e-10)


def test_parallel_steps_read_the_same_input():
    shape = (3, 2, 2)
    scheme = build(dict(type='divided_space_time', order='parallel'))
    (clip,) = tokens = make_tokens(shape, 1, batch_size=1)
    expected = (
        clip
        + dense_step(scheme.time, clip, 'time', shape, 'absent')
        + dense_step(scheme.space, clip, 'space', shape, 'copies')
    )
    torch.testing.assert_close(scheme(tokens, TokenGrid(*shape))[0], expected, rtol=0, atol=1e-10)


def test_paper_figure_2_corner_query():
    """Figure 2: a corner query of a 4x4 grid sees its 2x2 quadrant and every second patch."""
    shape = (1, 4, 4)
    quadrant = {(0, 0), (0, 1), (1, 0), (1, 1)}
    sparse = {(0, 0), (0, 2), (2, 0), (2, 2)}
    for mode, expected in (
        ('window', quadrant),
        ('quadrant', quadrant),
        ('residue', sparse),
        ('fixed', sparse),
    ):
        corner = patch_mask(mode, shape)[0].view(4, 4)
        assert {(int(row), int(column)) for row, column in corner.nonzero()} == expected


@pytest.mark.parametrize(
    ('steps', 'keys'),
    [
        (['space'], 197),
        (['joint'], 1569),
        (['time', 'space'], 206 - 1),  # the class token is no key of the time step by default
        (['window', 'residue'], 590),
        (['quadrant', 'fixed'], 590),
        (['time', 'width', 'height'], 39),
    ],
)
def test_keys_per_patch_at_8x14x14(steps, keys):
    """The published counts, class token included, for a patch in the middle."""
    scheme = {'space': dict(type='space_only'), 'joint': dict(type='joint_space_time')}.get(
        steps[0]
    )
    if steps == ['time', 'space']:
        scheme = dict(type='divided_space_time')
    elif len(steps) == 2:
        scheme = dict(type='sparse_local_global', local_mode=steps[0], global_mode=steps[1])
    elif len(steps) == 3:
        scheme = dict(type='axial')
    module = build(scheme)
    grid = TokenGrid(8, 14, 14, 8 if module.cls_per_frame else 1)
    numbers = torch.arange(grid.num_cls + grid.num_patches)[None, :, None]
    query = grid.num_cls + (4 * 14 + 6) * 14 + 7
    counted = 0
    for step in module.children():
        queries, keys_of = step.grouping.queries, step.grouping.keys
        for group, group_keys in zip(queries(numbers, grid), keys_of(numbers, grid), strict=True):
            counted += int((group == query).any(dim=1).sum()) * group_keys.shape[1]
    assert counted == keys


@pytest.mark.parametrize('name', ['local window, global residue', 'axial'])
def test_gradients_equal_finite_differences(name):
    """Recomputed groups and averaged copies included."""
    scheme = build(SCHEMES[name][0], embed_dims=4)
    tokens = torch.randn(1, 1 + 12, 4, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(
        lambda x: scheme(x, TokenGrid(2, 3, 2)), (tokens,), fast_mode=True
    )


@pytest.mark.parametrize('shape', [(4, 14, 14), (16, 28, 28)], ids=str)
def test_sparse_schemes_do_less_work_than_joint(shape):
    """Attention products counted by torch, not masked ones."""

    def attention_flops(config: dict) -> int:
        with torch.device('meta'):
            scheme = ATTENTION_SCHEMES.build({**OPTIONS, **config})
            tokens = torch.empty(1, 1 + shape[0] * shape[1] * shape[2], 8)
        with FlopCounterMode(display=False) as counter, torch.no_grad():
            scheme(tokens, TokenGrid(*shape))
        return sum(
            flops
            for operator, flops in counter.get_flop_counts()['Global'].items()
            if 'scaled_dot_product' in str(operator) or 'bmm' in str(operator)
        )

    joint = attention_flops(dict(type='joint_space_time'))
    for local_mode in ('window', 'quadrant'):
        sparse = attention_flops(dict(type='sparse_local_global', local_mode=local_mode))
        # A quarter of the patches in the local step, an eighth in the global one, and CLS.
        assert sparse / joint == pytest.approx(3 / 8, rel=0.02)
    axial = attention_flops(dict(type='axial'))
    assert axial / joint == pytest.approx(sum(shape) / (shape[0] * shape[1] * shape[2]), rel=0.2)


@pytest.mark.parametrize('scheme', ['sparse_local_global', 'axial'])
def test_the_gap_to_joint_attention_grows_with_the_clip(scheme):
    """All of a base block's work, not attention alone: below joint's at 16x448."""

    def flops(attention_type: str, num_frames: int, pixels: int) -> int:
        with torch.device('meta'):
            backbone = TimeSformerBackbone(attention_type=attention_type, num_transformer_layers=1)
            clips = torch.empty(1, 3, num_frames, pixels, pixels)
        with FlopCounterMode(display=False) as counter, torch.no_grad():
            backbone(clips)
        return counter.get_total_flops()

    sizes = {'8x224': (8, 224), '16x448': (16, 448), '96x448': (96, 448)}
    ratios = {
        name: flops(scheme, *size) / flops('joint_space_time', *size)
        for name, size in sizes.items()
    }
    assert ratios['16x448'] < 1
    assert list(ratios.values()) == sorted(ratios.values(), reverse=True)


def test_unknown_options_are_named():
    with pytest.raises(ValueError, match=r"order='sideways'.*time_first"):
        build(dict(type='divided_space_time', order='sideways'))
    with pytest.raises(ValueError, match=r"local_mode='circle'.*window"):
        build(dict(type='sparse_local_global', local_mode='circle'))
    with pytest.raises(ValueError, match=r"global_mode='all'.*residue"):
        build(dict(type='sparse_local_global', global_mode='all'))


def test_a_sixth_scheme_needs_one_file(tmp_path):
    """The documented example, as it stands in the docs, works in the backbone."""
    text = (Path(__file__).parents[3] / 'docs' / 'schemes.md').read_text()
    (example,) = re.findall(r'```python\n(from .*?)```', text, flags=re.DOTALL)
    exec(compile(example, 'docs/schemes.md', 'exec'), {'__name__': 'example'})
    try:
        backbone = TimeSformerBackbone(
            img_size=16, patch_size=8, embed_dims=8, num_heads=2, num_transformer_layers=1,
            attention_type='rows_then_time',
        )  # fmt: skip
        clips = torch.randn(1, 3, 2, 16, 16)
        tokens, layout = backbone._embed(clips, torch.zeros(1, 2))
        (clip,), grid = tokens, (2, 2, 2)
        (block,) = backbone.blocks
        expected = clip + dense_step(block.steps.rows, clip, 'width', grid, 'copies')
        expected = expected + dense_step(block.steps.time, expected, 'time', grid, 'copies')
        expected = backbone.norm(block.mlp(expected[None], layout)[:, 0])
        torch.testing.assert_close(backbone(clips), expected)
    finally:
        ATTENTION_SCHEMES.module_dict.pop('rows_then_time')
