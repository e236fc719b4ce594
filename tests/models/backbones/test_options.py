"""Options of the backbone that public kin have: each alone, with every scheme."""

from __future__ import annotations

import copy
import math

import pytest
import torch
from torch import Tensor

from mmaction_timesformer.models import StreamingTimeSformer, TimeSformerBackbone
from mmaction_timesformer.models.attention_schemes import PAPER_SCHEMES
from mmaction_timesformer.models.layers import AttentionStep, RotaryPositions, attend
from mmaction_timesformer.models.layers.rotary import turn
from tests.models.attention_schemes.dense_oracle import masked_attention

SCHEMES = (*PAPER_SCHEMES, 'whole_clip_class')
CAUSAL = dict(type='causal_divided_space_time', window=3)
TINY = dict(img_size=16, patch_size=8, embed_dims=12, num_heads=2, num_transformer_layers=2)
OPTIONS = {
    'no bias': dict(qkv_bias=False),
    'epsilon': dict(norm_eps=0.1),
    'wide heads': dict(head_dims=8),
    'rotary': dict(pos_embed='rotary'),
    'shift': dict(token_shift=True),
}
EVERYTHING = dict(qkv_bias=False, norm_eps=1e-5, head_dims=8, pos_embed='rotary', token_shift=True)


def build(seed: int = 0, **options) -> TimeSformerBackbone:
    torch.manual_seed(seed)
    backbone = TimeSformerBackbone(**{**TINY, 'num_frames': 4, **options}).eval()
    for parameter in backbone.parameters():
        torch.nn.init.normal_(parameter, std=0.4)
    return backbone


def make_clips(num_frames: int = 4, seed: int = 1, batch_size: int = 2) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(batch_size, 3, num_frames, 16, 16, generator=generator)


@pytest.mark.parametrize('scheme', [*SCHEMES, CAUSAL], ids=str)
@pytest.mark.parametrize('name', OPTIONS)
def test_each_option_alone_does_something_and_trains(name, scheme):
    """The groups made as views, those handed out, and recomputed blocks agree; gradients flow."""
    options = OPTIONS[name]
    if name == 'shift' and scheme is CAUSAL:
        with pytest.raises(ValueError, match='token_shift takes channels of the next frame'):
            build(attention_type=scheme, **options)
        return
    backbone = build(attention_type=scheme, **options)
    clips = make_clips()
    with torch.no_grad():
        features = backbone(clips)
        plain = build(attention_type=scheme)
        plain.load_state_dict(backbone.state_dict(), strict=False)
        for ours, base in zip(backbone.modules(), plain.modules(), strict=False):
            if name == 'no bias' and getattr(base, 'bias', None) is not None and ours.bias is None:
                base.bias.zero_()
        if name == 'no bias':
            torch.testing.assert_close(features, plain(clips))
        elif name != 'wide heads':
            assert not torch.allclose(features, plain(clips), atol=1e-3)

    by_definition = copy.deepcopy(backbone)
    for module in by_definition.modules():
        if isinstance(module, AttentionStep):
            module.kernel = lambda q, k, v: attend(q, k, v)
    backbone.with_cp = True
    backbone(clips).square().sum().backward()
    with torch.no_grad():
        torch.testing.assert_close(by_definition(clips), features, rtol=1e-5, atol=1e-5)
    # A bias of keys shifts all scores of a query alike.
    assert not [n for n, p in backbone.named_parameters() if p.grad is None or not p.grad.any()]


@pytest.mark.parametrize('scheme', ['joint_space_time', 'divided_space_time', 'axial'])
def test_rotary_attention_is_the_sum_over_turned_pairs(scheme):
    """The last step of a block by hand: complex numbers, times in seconds, centres of patches."""
    backbone = build(attention_type=scheme, pos_embed='rotary', num_transformer_layers=1)
    step = list(backbone.scheme.children())[-1]
    seconds = torch.tensor([0.0, 0.7, 1.1])
    tokens, grid = backbone._embed(make_clips(3, batch_size=1), seconds[None])
    update = step(tokens, grid)[0]

    places = [(t, y, x) for t in seconds for y in (-0.5, 0.5) for x in (-0.5, 0.5)]
    axes, head_dims = step.grouping.axes, 6
    q, k, v = step.qkv(step.norm(tokens[0])).chunk(3, dim=-1)
    turned = [by_hand(x[1:], places, axes, head_dims) for x in (q, k)]
    q, k = (torch.cat((x[:1], rest)) for x, rest in zip((q, k), turned, strict=True))
    kept = {'thw': (), 'hw': (0,), 'h': (0, 2)}[axes]
    same = torch.tensor([[all(a[i] == b[i] for i in kept) for b in places] for a in places])
    mask = torch.nn.functional.pad(same, (1, 0), value=True)
    groups = same.unique(dim=0)
    cls_mask = torch.nn.functional.pad(groups, (1, 0), value=True)
    queries = torch.cat((q[:1].expand(len(groups), -1), q[1:]))
    attended = masked_attention(queries, k, v, torch.cat((cls_mask, mask)), 2)
    cls = attended[: len(groups)].mean(dim=0, keepdim=True)
    expected = step.proj(torch.cat((cls, attended[len(groups) :])))
    torch.testing.assert_close(update, expected, rtol=1e-4, atol=1e-5)


def by_hand(x: Tensor, places: list, axes: str, head_dims: int) -> Tensor:
    """(N, heads d) turned pair by pair as complex numbers."""
    pairs = head_dims // (2 * len(axes))
    turned = x.clone()
    for row, (t, y, x_place) in enumerate(places):
        for head in range(x.shape[1] // head_dims):
            for number, axis in enumerate(axes):
                for pair in range(pairs):
                    share = pair / (pairs - 1) if pairs > 1 else 0.0
                    if axis == 't':
                        angle = float(t) * 2 * math.pi / (0.25 * 1000**share)
                    else:
                        angle = (y if axis == 'h' else x_place) * math.pi * 5 ** (1 - share)
                    first = head * head_dims + 2 * (number * pairs + pair)
                    real, imaginary = x[row, first], x[row, first + 1]
                    turned[row, first] = real * math.cos(angle) - imaginary * math.sin(angle)
                    turned[row, first + 1] = real * math.sin(angle) + imaginary * math.cos(angle)
    return turned


@pytest.mark.parametrize('scheme', [*SCHEMES, CAUSAL], ids=str)
def test_only_differences_in_seconds_count(scheme):
    """A clip two hours later is the same clip; one at half the rate is not, where time counts."""
    backbone = build(attention_type=scheme, pos_embed='rotary')
    clips, seconds = make_clips(), torch.arange(4, dtype=torch.float64) * 0.4
    with torch.no_grad():
        features = backbone(clips, seconds=seconds)
        torch.testing.assert_close(
            backbone(clips, seconds=seconds + 7200), features, atol=1e-5, rtol=1e-5
        )
        slower = backbone(clips, seconds=2 * seconds)
        two_rates = backbone(clips, seconds=torch.stack((seconds, 2 * seconds)))
    assert torch.allclose(slower, features, atol=1e-4) == (scheme == 'space_only')
    torch.testing.assert_close(two_rates, torch.stack((features[0], slower[1])))
    backbone.frame_seconds = 0.4
    with torch.no_grad():
        torch.testing.assert_close(backbone(clips), features)
    with pytest.raises(ValueError, match=r'seconds of shape \(5,\) do not fit'):
        backbone(clips, seconds=torch.arange(5))


def test_products_are_a_function_of_the_distance_and_lucidrains_are_not():
    q, k = torch.randn(2, 16, dtype=torch.float64, generator=torch.Generator().manual_seed(0))

    def product(rule: str, of_query: float, of_key: float) -> float:
        seconds = torch.tensor([[of_query, of_key]], dtype=torch.float64)
        cos, sin = RotaryPositions(seconds, (1, 1), 0, rule).tables('t', 16)
        pairs = [x.view(-1, 2) for x in (cos[:, 0], sin[:, 0])]
        assert rule != 'rotary' or all(torch.equal(x[:, 0], x[:, 1]) for x in pairs)
        return float(turn(q, cos[0, 0], sin[0, 0]) @ turn(k, cos[1, 0], sin[1, 0]))

    for rule, is_relative in (('rotary', True), ('rotary_like_lucidrains', False)):
        near, moved = product(rule, 1, 3), product(rule, 41, 43)
        assert (abs(near - moved) < 1e-4) == is_relative
        assert abs(near - product(rule, 1, 4)) > 1e-2


@pytest.mark.parametrize('options', [dict(pos_embed='rotary'), EVERYTHING], ids=['rotary', 'all'])
@pytest.mark.parametrize('scheme', [*SCHEMES, CAUSAL], ids=str)
def test_frames_that_do_not_count_leak_nowhere_and_keep_time(scheme, options):
    """The features are those of the frames that count, at their own times."""
    if scheme is CAUSAL:
        options = {**options, 'token_shift': False}
    backbone = build(attention_type=scheme, **options)
    clips, seconds = make_clips(6), torch.arange(6) * 0.3
    mask = torch.tensor([[True, True, False, True, False, False], [False, True, True] + [True] * 3])
    with torch.no_grad():
        features = backbone(clips, mask, seconds)
        other = torch.where(mask[:, None, :, None, None], clips, 9.0)
        assert torch.equal(backbone(other, mask, seconds), features)
        for clip, kept, expected in zip(clips, mask, features, strict=True):
            alone = backbone(clip[None, :, kept], seconds=seconds[kept])[0]
            torch.testing.assert_close(alone, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize('num_frames', [1, 2, 3, 9])
@pytest.mark.parametrize('scheme', SCHEMES)
def test_any_number_of_frames_through_all_options_at_once(scheme, num_frames):
    """Token shift moves what one frame shows into its neighbours and no further in one block."""
    backbone = build(
        attention_type='space_only', token_shift=True, num_transformer_layers=1, out_type='tokens'
    )
    clips = make_clips(num_frames, batch_size=1)
    other = clips.clone()
    other[:, :, 0] += 1
    with torch.no_grad():
        changed = (backbone(clips) - backbone(other)).abs().amax(dim=(0, 2, 3, 4)) > 1e-6
        # One step and one MLP: two frames far.
        assert changed.tolist() == [frame <= 2 for frame in range(num_frames)]
        everything = build(attention_type=scheme, **EVERYTHING)
        assert everything(clips).isfinite().all()


@pytest.mark.parametrize('rotary_time', ['of the scheme', 'of the backbone'])
def test_a_stream_has_the_features_of_its_file(rotary_time):
    options = dict(qkv_bias=False, head_dims=8, norm_eps=1e-5, pos_embed='rotary')
    scheme = dict(CAUSAL, **(dict(frame_seconds=0.5) if rotary_time == 'of the scheme' else {}))
    backbone = build(attention_type=scheme, frame_seconds=0.5, **options)
    clips = make_clips(7, batch_size=1)
    stream = StreamingTimeSformer(backbone)
    with torch.no_grad():
        whole = stream(clips)
        state, pieces = stream.begin(), []
        for frame in clips.split(1, dim=2):
            features, state = stream.step(frame, state)
            pieces.append(features)
        torch.testing.assert_close(torch.cat(pieces, dim=1), whole, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize('dtype', [torch.float32, torch.bfloat16])
def test_exported_graphs_and_half_precision_keep_the_numbers(dtype):
    backbone = build(**EVERYTHING)
    clips = make_clips()
    with torch.no_grad():
        expected = backbone(clips)
        if dtype is torch.bfloat16:
            actual = backbone.bfloat16()(clips.bfloat16()).float()
            torch.testing.assert_close(actual, expected, rtol=0.1, atol=0.15)
        else:
            graph = torch.export.export(backbone, (clips,)).module()
            torch.testing.assert_close(graph(clips), expected, rtol=1e-4, atol=1e-5)
