"""Heads over streams: equal to their file, blind to the future, trained on what counts."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from mmaction_timesformer.models.heads import FrameTargets, OnlineActionHead
from mmaction_timesformer.models.heads.memory_action_head import age_encoding
from mmaction_timesformer.registry import MODELS

DIMS, CLASSES, FRAME_SECONDS = 6, 3, 0.5
KINDS = {
    'recurrent': dict(type='RecurrentActionHead', hidden_dims=16),
    # Two seconds of recent frames and three of memory, one frame a second.
    'memory': dict(
        type='MemoryActionHead',
        recent_seconds=2.0,
        memory_seconds=3.0,
        embed_dims=16,
        num_heads=2,
        num_queries=(3, 4),
    ),
}
TOLERANCE = dict(rtol=0, atol=1e-5)


def build_new(kind: str, **options) -> OnlineActionHead:
    torch.manual_seed(0)
    shared = dict(num_classes=CLASSES, in_channels=DIMS, frame_seconds=FRAME_SECONDS)
    return MODELS.build({**shared, 'horizons': (1.0, 2.0), **KINDS[kind], **options})


def build(kind: str, **options) -> OnlineActionHead:
    """With weights so large that everything which matters shows."""
    head = build_new(kind, **options).eval()
    for parameter in head.parameters():
        nn.init.normal_(parameter, std=0.4)
    return head


def make_features(num_frames: int, batch_size: int = 1) -> torch.Tensor:
    torch.manual_seed(1)
    return torch.randn(batch_size, num_frames, DIMS)


@torch.inference_mode()
@pytest.mark.parametrize('sizes', [[1], [3], [8], [5, 1, 13, 2]], ids=str)
@pytest.mark.parametrize('kind', KINDS)
def test_a_stream_equals_its_file_whatever_the_chunks(kind, sizes):
    head, features = build(kind), make_features(60, batch_size=2)
    expected = head(features)
    state, parts, start = head.begin(2), [], 0
    while start < 60:
        stop = min(start + sizes[len(parts) % len(sizes)], 60)
        logits, state = head.step(features[:, start:stop], state)
        parts.append(logits)
        start = stop
    assert expected.shape == (2, 60, 3, CLASSES)
    torch.testing.assert_close(torch.cat(parts, dim=1), expected, **TOLERANCE)


@torch.inference_mode()
@pytest.mark.parametrize('kind', KINDS)
def test_no_frame_depends_on_later_ones_by_a_single_bit(kind):
    head, features = build(kind), make_features(40)
    changed = features.clone()
    changed[:, 25:] += 3.0
    before, after = head(features), head(changed)
    assert torch.equal(before[:, :25], after[:, :25])
    assert (before[:, 25:] - after[:, 25:]).abs().amax(dim=(0, 2, 3)).min() > 1e-4


@torch.inference_mode()
@pytest.mark.parametrize('kind', KINDS)
@pytest.mark.parametrize('num_frames', [1, 4, 9, 12])
def test_windows_that_are_trained_on_end_like_streams(kind, num_frames):
    """From the same first frame the last frame of a window says what the stream says there."""
    head, features = build(kind), make_features(num_frames, batch_size=2)
    now, future = head.window_logits(features)
    expected = head(features)[:, -1]
    torch.testing.assert_close(now[:, -1], expected[:, 0], **TOLERANCE)
    torch.testing.assert_close(future, expected[:, 1:], **TOLERANCE)


@torch.inference_mode()
def test_memory_is_every_second_frame_of_its_minutes():
    """Recent frames 8..11 of 12; remembered are 6, 4 and 2; 7 and 0 leave no trace."""
    head, features = build('memory'), make_features(12)
    assert (head.num_recent, head.stride, head.num_remembered) == (4, 2, 3)
    expected = head(features)[:, -1]
    for frame in range(12):
        changed = features.clone()
        changed[:, frame] += 1.0
        difference = (head(changed)[:, -1] - expected).abs().max()
        assert (difference > 1e-6) == (frame in (2, 4, 6, 8, 9, 10, 11)), frame


@torch.inference_mode()
def test_the_state_of_the_memory_stops_growing():
    head, features = build('memory'), make_features(30)
    assert head.num_kept == 10
    state = head.begin()
    for frame in features.split(1, dim=1):
        _, state = head.step(frame, state)
    assert state['numbers'].tolist() == [list(range(20, 30))]


def test_the_loss_is_that_of_the_frames_that_count():
    head, features = build('recurrent', future_weight=0.25), make_features(5, batch_size=2)
    labels = torch.tensor([[1.0, 0.0, 0.0], [0.0, 1.0, 1.0]])
    targets = FrameTargets(
        labels[:, None].expand(-1, 5, -1),
        torch.tensor([[True] * 5, [True] * 4 + [False]]),
        labels[:, None].expand(-1, 2, -1),
        torch.tensor([[True, False], [False, True]]),
    )
    losses = head.loss(features, targets)
    logits = head(features)[:, -1]

    def cross_entropy(row: torch.Tensor, label: torch.Tensor) -> torch.Tensor:
        p = row.sigmoid()
        return -(label * p.log() + (1 - label) * (1 - p).log()).sum()

    now = cross_entropy(logits[0, 0], labels[0])
    ahead = (cross_entropy(logits[0, 1], labels[0]) + cross_entropy(logits[1, 2], labels[1])) / 2
    torch.testing.assert_close(losses['loss_now'], now)
    torch.testing.assert_close(losses['loss_future'], 0.25 * ahead)
    # What was 1 s ago has the weight of the present.
    head.horizons = (-1.0, 2.0)
    losses = head.loss(features, targets)
    torch.testing.assert_close(losses['loss_past'], cross_entropy(logits[0, 1], labels[0]))
    torch.testing.assert_close(losses['loss_future'], 0.25 * cross_entropy(logits[1, 2], labels[1]))


@pytest.mark.parametrize('kind', KINDS)
def test_the_default_sizes_stay_below_the_budget(kind):
    head = MODELS.build(
        dict(type=KINDS[kind]['type'], num_classes=21, in_channels=768, frame_seconds=0.25)
    )
    assert sum(parameter.numel() for parameter in head.parameters()) <= 1_500_000


@pytest.mark.parametrize('kind', KINDS)
def test_learns_what_happened_seconds_ago(kind):
    """The class of the last frame is a sign shown five frames before, in memory alone."""
    head = build_new(kind, dropout_ratio=0.0)
    optimizer = torch.optim.Adam(head.parameters(), lr=5e-3)
    for _ in range(80):
        features = torch.randn(32, 8, DIMS) * 0.1
        sign = torch.randint(0, CLASSES, (32,))
        features[torch.arange(32), 2, sign] += 3.0
        labels = nn.functional.one_hot(sign, CLASSES).float()[:, None]
        known = torch.zeros(32, 8, dtype=torch.bool)
        known[:, -1] = True
        targets = FrameTargets(
            labels.expand(-1, 8, -1), known, labels.expand(-1, 2, -1), known[:, -2:]
        )
        loss = sum(head.loss(features, targets).values())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    with torch.inference_mode():
        now = head.eval()(features)[:, -1, 0]
    assert (now.argmax(dim=-1) == sign).float().mean() > 0.9


def test_ages_a_period_apart_agree_in_their_first_pair():
    encoding = age_encoding(torch.tensor([1.0, 5.0]), 8)
    assert encoding[0, 0] == pytest.approx(math.sin(2 * math.pi / 4))
    assert encoding[0, 0] == pytest.approx(float(encoding[1, 0]))
    assert encoding[0, 3] != pytest.approx(float(encoding[1, 3]))


@pytest.mark.parametrize('kind', KINDS)
def test_wrong_use_is_one_clear_error(kind):
    head, other = build(kind), build('memory' if kind == 'recurrent' else 'recurrent')
    with pytest.raises(ValueError, match='is not of this head'):
        head.step(make_features(1), other.begin())
    with pytest.raises(ValueError, match='and of 2 streams'):
        head.step(make_features(1, batch_size=2), head.begin(1))
    with pytest.raises(ValueError, match=r'are not .streams, frames, 6 channels.'):
        head.step(torch.zeros(1, 1, 5), head.begin())
    with pytest.raises(ValueError, match='must differ from 0 and from each other'):
        build(kind, horizons=(0.0,))
