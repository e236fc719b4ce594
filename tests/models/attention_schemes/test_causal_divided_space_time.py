"""Causal divided attention: its masks, its positions, and what it shares with divided attention."""

from __future__ import annotations

import math

import pytest
import torch

from mmaction_timesformer.models.attention_schemes.causal_divided_space_time import (
    rotary_frequencies,
    rotate,
)
from mmaction_timesformer.models.layers import TokenGrid
from mmaction_timesformer.registry import ATTENTION_SCHEMES
from tests.models.attention_schemes.dense_oracle import dense_step, masked_attention

SHAPE = (5, 2, 3)
DIMS, HEADS = 8, 2


def build(**options):
    torch.manual_seed(0)
    config = dict(type='causal_divided_space_time', embed_dims=DIMS, num_heads=HEADS, **options)
    scheme = ATTENTION_SCHEMES.build(config).double()
    for parameter in scheme.parameters():
        torch.nn.init.normal_(parameter, std=0.5)
    return scheme


def make_tokens(num_frames: int = SHAPE[0]):
    torch.manual_seed(1)
    tokens = torch.randn(2, num_frames * 7, DIMS, dtype=torch.float64)
    return tokens, TokenGrid(num_frames, 2, 3, num_frames)


def test_equals_dense_attention_under_its_band():
    """Time written out place by place with a softmax over the keys of the band; then space."""
    scheme, (tokens, grid) = build(window=3), make_tokens()
    frames = torch.arange(grid.num_frames)
    band = (frames <= frames[:, None]) & (frames > frames[:, None] - 3)
    expected = []
    for clip in tokens:
        clip = clip.clone()
        q, k, v = scheme.time.qkv(scheme.time.norm(clip)).chunk(3, dim=-1)
        update = torch.zeros_like(clip)
        for place in range(6):
            line = grid.num_cls + place + 6 * frames
            attended = masked_attention(q[line], k[line], v[line], band, HEADS)
            update[line] = scheme.time.fc(scheme.time.proj(attended))
        clip = clip + update
        expected.append(clip + dense_step(scheme.space, clip, 'space', SHAPE, 'per_frame'))
    actual = scheme(tokens, grid)
    torch.testing.assert_close(actual, torch.stack(expected), rtol=0, atol=1e-10)


def test_a_window_of_one_frame_is_time_without_others():
    """The softmax over one key is 1: the time step is a linear map of each patch."""
    scheme, (tokens, grid) = build(window=1), make_tokens()
    _, patches = grid.split(tokens)
    values = scheme.time.qkv(scheme.time.norm(patches))[..., 2 * DIMS :]
    expected = patches + scheme.time.fc(scheme.time.proj(values))
    update, cache = scheme.time(patches, torch.arange(5.0, dtype=torch.float64))
    torch.testing.assert_close(patches + update, expected, rtol=0, atol=1e-10)
    assert cache.shape[3] == 0


def test_names_are_those_of_divided_attention():
    divided = ATTENTION_SCHEMES.build(
        dict(type='divided_space_time', embed_dims=DIMS, num_heads=HEADS, drop_path_rate=0.0)
    )
    shapes = {name: value.shape for name, value in divided.state_dict().items()}
    assert {name: value.shape for name, value in build().state_dict().items()} == shapes


def test_the_last_frame_of_one_step_is_that_of_divided_attention():
    """Where the window holds the clip, the last frame sees in time what divided attention shows."""
    causal, (tokens, grid) = build(window=5), make_tokens()
    divided = ATTENTION_SCHEMES.build(
        dict(type='divided_space_time', embed_dims=DIMS, num_heads=HEADS, drop_path_rate=0.0)
    ).double()
    divided.load_state_dict(causal.state_dict())
    _, patches = grid.split(tokens)
    one_cls = TokenGrid(5, 2, 3)
    expected = divided.time(one_cls.join(tokens[:, :1], patches), one_cls)
    update, _ = causal.time(patches, torch.arange(5.0, dtype=torch.float64))
    expected = one_cls.split(expected)[1][:, -1]
    torch.testing.assert_close(update[:, -1], expected, rtol=0, atol=1e-10)


def test_rotation_keeps_lengths_and_depends_on_distance_alone():
    frequencies = rotary_frequencies(8, window=4, frame_seconds=0.5)
    assert frequencies[0] == pytest.approx(2 * math.pi / 1.0)
    assert frequencies[-1] == pytest.approx(2 * math.pi / 16.0)
    torch.manual_seed(0)
    q, k = torch.randn(2, 8, dtype=torch.float64)

    def product(q_seconds: float, k_seconds: float) -> float:
        times = torch.tensor([[q_seconds], [k_seconds]], dtype=torch.float64)
        turned_q, turned_k = rotate(
            torch.stack((q, k)), (times * frequencies).repeat_interleave(2, -1)
        )
        assert turned_q.norm() == pytest.approx(float(q.norm()))
        return float(turned_q @ turned_k)

    assert product(3.7, 2.2) == pytest.approx(product(1.5, 0.0))
    assert product(3.7, 2.2) != pytest.approx(product(2.2, 3.7), abs=1e-3)


def test_time_positions_are_seconds_not_numbers():
    """Twice as many seconds between frames is another input; the same seconds later is not."""
    scheme, (tokens, grid) = build(window=4, frame_seconds=0.5), make_tokens()
    seconds = torch.arange(5.0, dtype=torch.float64) * 0.5
    expected = scheme(tokens, grid)
    day_later, _ = scheme.step(tokens, grid, seconds + 86_400)
    torch.testing.assert_close(day_later, expected, rtol=0, atol=1e-8)
    slower, _ = scheme.step(tokens, grid, seconds * 2)
    assert (slower - expected).abs().max() > 1e-3


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (dict(window=0), 'window=0 must be at least 1'),
        (dict(frame_seconds=0.0), 'frame_seconds=0.0 must be above 0'),
    ],
)
def test_refuses_what_has_no_meaning(options, message):
    with pytest.raises(ValueError, match=message):
        build(**options)
