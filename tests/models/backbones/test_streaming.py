"""A stream has the features of its file, and no frame those of later ones."""

from __future__ import annotations

import io
from itertools import pairwise

import pytest
import torch

from mmaction_timesformer.models import TimeSformerBackbone
from mmaction_timesformer.models.backbones import StreamingTimeSformer, StreamState

SIZE = (16, 24)
TOLERANCE = dict(rtol=0, atol=1e-5)


def build(seed: int = 0, **options) -> StreamingTimeSformer:
    torch.manual_seed(seed)
    scheme = dict(type='causal_divided_space_time', window=4, frame_seconds=0.25)
    config = dict(
        img_size=SIZE,
        patch_size=8,
        embed_dims=16,
        num_heads=2,
        num_transformer_layers=3,
        attention_type=scheme,
    )
    backbone = TimeSformerBackbone(**{**config, **options}).eval()
    for name, parameter in backbone.named_parameters():
        if name.endswith('time.fc.weight'):  # zero at first, which would hide time
            torch.nn.init.normal_(parameter, std=0.5)
    return StreamingTimeSformer(backbone)


def make_video(num_frames: int, batch_size: int = 1) -> torch.Tensor:
    torch.manual_seed(7)
    return torch.randn(batch_size, 3, num_frames, *SIZE)


def run(stream, video, sizes, state=None, seconds=None):
    """Features of a video in chunks of the given sizes, and the last state."""
    state = state or stream.begin()
    parts, start = [], 0
    while start < video.shape[2]:
        stop = min(start + sizes[len(parts) % len(sizes)], video.shape[2])
        times = None if seconds is None else seconds[start:stop]
        features, state = stream.step(video[:, :, start:stop], state, times)
        parts.append(features)
        start = stop
    return torch.cat(parts, dim=1), state


@torch.inference_mode()
@pytest.mark.parametrize(('out_type', 'num_frames'), [('cls', 1000), ('avg', 60), ('tokens', 60)])
def test_a_stream_equals_its_file(out_type, num_frames):
    stream, video = build(out_type=out_type, num_transformer_layers=2), make_video(num_frames)
    torch.testing.assert_close(run(stream, video, [1])[0], stream(video), **TOLERANCE)


@torch.inference_mode()
@pytest.mark.parametrize('sizes', [[1], [3], [8], [5, 1, 1, 13, 2]], ids=str)
def test_chunks_change_nothing(sizes):
    stream, video = build(), make_video(50, batch_size=2)
    torch.manual_seed(0)
    seconds = torch.rand(50, dtype=torch.float64).cumsum(0)
    expected, whole = run(stream, video, [50], seconds=seconds)
    actual, state = run(stream, video, sizes, seconds=seconds)
    torch.testing.assert_close(actual, expected, **TOLERANCE)
    for mine, other in zip(state.past, whole.past, strict=True):
        torch.testing.assert_close(mine, other, **TOLERANCE)
    assert torch.equal(state.seconds, seconds[-3:])


@torch.inference_mode()
def test_no_frame_depends_on_later_ones_by_a_single_bit():
    stream, video = build(out_type='tokens'), make_video(40)
    changed = video.clone()
    changed[:, :, 17:] = make_video(23).flip(0) * 100
    before, after = stream(video), stream(changed)
    assert torch.equal(before[:, :17], after[:, :17])
    assert (before[:, 17:] - after[:, 17:]).abs().amax(dim=(0, 2, 3, 4)).min() > 1e-3


@torch.inference_mode()
def test_a_frame_depends_on_those_within_reach_alone():
    stream, video = build(), make_video(30)
    assert stream.reach_frames == 9
    changed = video.clone()
    changed[:, :, :10] += 1.0
    difference = (stream(video) - stream(changed)).abs().amax(dim=(0, 2))
    assert difference[18] > 1e-6
    assert difference[19:].max() == 0


@torch.inference_mode()
def test_the_class_token_of_divided_attention_leaks_the_future():
    """The reason for one class token a frame: with one a clip, early patches see late frames."""
    torch.manual_seed(0)
    divided = TimeSformerBackbone(
        img_size=SIZE, patch_size=8, embed_dims=16, num_heads=2, num_transformer_layers=2,
        out_type='tokens',
    ).eval()  # fmt: skip
    video = make_video(4)
    changed = video.clone()
    changed[:, :, 3] += 5.0
    leak = (divided(video) - divided(changed))[:, 0].abs().max()
    assert leak > 1e-3
    stream = build(out_type='tokens')
    assert torch.equal(stream(video)[:, 0], stream(changed)[:, 0])


@torch.inference_mode()
def test_a_saved_state_goes_on_where_it_was():
    stream, video = build(), make_video(30)
    expected, _ = run(stream, video, [1])
    _, state = run(stream, video[:, :, :20], [1])
    file = io.BytesIO()
    torch.save(state.state_dict(), file)
    # Three blocks' keys and values of 6 places, 3 frames and 16 channels, and a few kilobytes.
    assert file.tell() < 3 * 2 * 6 * 3 * 16 * 4 + 10_000
    file.seek(0)
    restored = StreamState.from_state_dict(torch.load(file, weights_only=True))
    actual, _ = run(stream, video[:, :, 20:], [1], restored)
    assert torch.equal(actual, expected[:, 20:])


@torch.inference_mode()
def test_the_state_stops_growing():
    stream, video = build(), make_video(40)
    state, sizes = stream.begin(), []
    for frame in video.split(1, dim=2):
        _, state = stream.step(frame, state)
        sizes.append(sum(cache.nbytes for cache in state.past))
    assert all(later > earlier for earlier, later in pairwise(sizes[:3]))
    assert set(sizes[3:]) == {sizes[2]}
    assert state.num_frames == 40


def test_takes_the_weights_of_a_divided_model():
    """Every parameter but the positions in time; the first frame alone has the same feature."""
    torch.manual_seed(3)
    divided = TimeSformerBackbone(
        img_size=SIZE, patch_size=8, embed_dims=16, num_heads=2, num_transformer_layers=3
    ).eval()
    stream = build()
    report = stream.backbone.load_state_dict(divided.state_dict(), strict=False)
    assert report.missing_keys == []
    assert report.unexpected_keys == ['time_embed']
    frame = make_video(1)
    with torch.inference_mode():
        torch.testing.assert_close(stream(frame)[:, 0], divided(frame), **TOLERANCE)


def test_gradients_are_those_of_recomputation():
    stream, video = build(), make_video(6)
    gradients = []
    for with_cp in (False, True):
        stream.backbone.with_cp = with_cp
        stream.zero_grad()
        stream(video).square().mean().backward()
        gradients.append([p.grad.clone() for p in stream.parameters() if p.grad is not None])
    assert len(gradients[0]) > 40
    for plain, recomputed in zip(*gradients, strict=True):
        torch.testing.assert_close(recomputed, plain)


@torch.inference_mode()
def test_wrong_use_is_one_clear_error():
    stream, video = build(), make_video(4)
    _, state = stream.step(video, stream.begin())
    with pytest.raises(ValueError, match=r'frames of 24x24 pixels do not continue a stream of 16x'):
        stream.step(torch.zeros(1, 3, 1, 24, 24), state)
    with pytest.raises(ValueError, match='a batch of 2 does not continue streams that were 1'):
        stream.step(torch.zeros(2, 3, 1, *SIZE), state)
    with pytest.raises(ValueError, match=r'the state is of another model .*begin\(\) makes'):
        build(seed=1).step(video, state)
    with pytest.raises(ValueError, match='the times of frames must rise'):
        stream.step(video[:, :, :1], state, torch.tensor([0.1]))
    with pytest.raises(ValueError, match=r'seconds of shape .* do not fit 4 frames'):
        stream.step(video, state, torch.tensor([9.0]))
    with pytest.raises(ValueError, match=r'are not .batch, 3 channels'):
        stream.step(video[0], state)
    with pytest.raises(ValueError, match="attention_type='divided_space_time' looks at later"):
        build(attention_type='divided_space_time')
    content = state.state_dict()
    del content['past']
    with pytest.raises(ValueError, match=r"the state of a stream lacks .'past'"):
        StreamState.from_state_dict(content)
