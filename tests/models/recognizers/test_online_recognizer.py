"""A whole model over a stream: pictures in, probabilities out, whatever the chunks."""

from __future__ import annotations

import io

import pytest
import torch

from mmaction_timesformer.models.recognizers import OnlineRecognizer, OnlineState

SIZE = (16, 24)
CONFIG = dict(
    backbone=dict(
        type='TimeSformerBackbone',
        img_size=SIZE,
        patch_size=8,
        embed_dims=16,
        num_heads=2,
        num_transformer_layers=2,
        attention_type=dict(type='causal_divided_space_time', window=3, frame_seconds=0.25),
    ),
    head=dict(type='RecurrentActionHead', num_classes=3, frame_seconds=0.25, hidden_dims=8),
    motion=dict(type='RunningMotion', background_frames=5),
)


def build(**changes) -> OnlineRecognizer:
    torch.manual_seed(0)
    model = OnlineRecognizer(**{**CONFIG, **changes}).eval()
    for name, parameter in model.named_parameters():
        if name.endswith('time.fc.weight'):
            torch.nn.init.normal_(parameter, std=0.5)
    return model


def make_pictures(num_frames: int) -> torch.Tensor:
    torch.manual_seed(1)
    return torch.randint(0, 256, (3, num_frames, *SIZE)).float()


def run(model, pictures, sizes, state=None):
    state, parts, start = state or model.begin(), [], 0
    while start < pictures.shape[1]:
        size = sizes[len(parts) % len(sizes)]
        part, state = model.step(pictures[:, start : start + size], state)
        parts.append(part)
        start += size
    return torch.cat(parts), state


@torch.inference_mode()
@pytest.mark.parametrize('motion', [CONFIG['motion'], None], ids=['motion', 'colours'])
@pytest.mark.parametrize('sizes', [[1], [3], [8], [5, 1, 13, 2]], ids=str)
def test_chunks_change_nothing(sizes, motion):
    model, pictures = build(motion=motion), make_pictures(40)
    expected, _ = run(model, pictures, [40])
    actual, _ = run(model, pictures, sizes)
    assert expected.shape == (40, 5, 3)
    torch.testing.assert_close(actual, expected, rtol=0, atol=1e-5)


@torch.inference_mode()
def test_a_saved_state_goes_on_where_it_was():
    model, pictures = build(), make_pictures(30)
    expected, _ = run(model, pictures, [1])
    _, state = run(model, pictures[:, :20], [1])
    file = io.BytesIO()
    torch.save(state.state_dict(), file)
    file.seek(0)
    restored = OnlineState.from_state_dict(torch.load(file, weights_only=True))
    assert torch.equal(run(model, pictures[:, 20:], [1], restored)[0], expected[20:])


@torch.inference_mode()
def test_the_background_is_the_mean_of_the_frames_so_far():
    model, pictures = build(), make_pictures(4)
    motion, _ = model.motion.step(pictures, model.motion.begin())
    red = pictures[0]
    expected = torch.stack([red[n] - red[: n + 1].mean(dim=0) for n in range(4)]) / 28.7
    torch.testing.assert_close(motion[1], expected)
    torch.testing.assert_close(motion[2, 1:], (red[1:] - red[:-1]) / 28.7)
    assert motion[2, 0].abs().max() == 0


@pytest.mark.parametrize(
    ('changes', 'message'),
    [
        (dict(head=dict(type='TimeSformerClsHead', num_classes=3)), 'classifies clips'),
        (dict(backbone=CONFIG['backbone'] | dict(out_type='tokens')), 'one feature a frame'),
        (dict(head=CONFIG['head'] | dict(in_channels=7)), 'leave in_channels out'),
    ],
)
def test_parts_that_do_not_fit_are_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        build(**changes)


@torch.inference_mode()
def test_another_size_is_refused():
    model = build()
    _, state = model.step(make_pictures(2), model.begin())
    with pytest.raises(ValueError, match='frames of 8x8 pixels do not continue a stream of 16x24'):
        model.step(torch.zeros(3, 1, 8, 8), state)
