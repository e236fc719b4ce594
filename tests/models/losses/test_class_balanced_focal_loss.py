"""The focal loss against mmaction2's and its own definition."""

import math

import pytest
import torch
from mmaction.models.losses import CBFocalLoss
from torch.nn.functional import softmax

from mmaction_timesformer.models.losses import ClassBalancedFocalLoss

COUNTS = [352, 468, 320, 504]
LOGITS = torch.randn(6, 4, generator=torch.Generator().manual_seed(0))
LABELS = torch.tensor([0, 1, 2, 3, 3, 1])


@pytest.mark.parametrize('gamma', [0.0, 0.5, 2.0])
@pytest.mark.parametrize('beta', [0.9, 0.9999])
def test_sigmoid_focal_loss_is_mmaction2s(gamma: float, beta: float) -> None:
    ours = ClassBalancedFocalLoss(4, beta, gamma, use_sigmoid=True, class_counts=COUNTS)
    theirs = CBFocalLoss(samples_per_cls=COUNTS, beta=beta, gamma=gamma)
    torch.testing.assert_close(ours(LOGITS, LABELS), theirs(LOGITS, LABELS))


@pytest.mark.parametrize('gamma', [0.0, 2.0])
def test_softmax_focal_loss_by_its_definition(gamma: float) -> None:
    loss = ClassBalancedFocalLoss(4, beta=0.0, gamma=gamma, class_counts=COUNTS)
    prob = softmax(LOGITS.double(), dim=1)[torch.arange(6), LABELS]
    expected = (-((1 - prob) ** gamma) * prob.log()).mean()
    torch.testing.assert_close(loss(LOGITS.double(), LABELS), expected.float())


def test_a_clip_counts_with_the_mean_weight_of_its_labels() -> None:
    loss = ClassBalancedFocalLoss(3, beta=0.5, gamma=0.0, use_sigmoid=True, class_counts=[1, 1, 2])
    # Effective numbers 1, 1, 3/2: weights 9/8, 9/8, 3/4. Each question at logit 0 costs log 2.
    logits = torch.zeros(1, 3)
    for hot, weight in (([1, 0, 1], (9 / 8 + 3 / 4) / 2), ([0, 0, 0], 1), ([0, 0, 1], 3 / 4)):
        value = loss(logits, torch.tensor([hot], dtype=torch.float)).item()
        assert value == pytest.approx(weight * 3 * math.log(2), rel=1e-6), hot


@pytest.mark.parametrize('use_sigmoid', [False, True])
def test_certain_answers_have_finite_losses_and_gradients(use_sigmoid: bool) -> None:
    loss = ClassBalancedFocalLoss(2, gamma=0.5, use_sigmoid=use_sigmoid, class_counts=[1, 1])
    logits = torch.tensor([[100.0, -100.0], [100.0, -100.0]], requires_grad=True)
    value = loss(logits, torch.tensor([0, 1]))
    value.backward()
    assert value.item() == pytest.approx(100, rel=0.01)
    assert logits.grad is not None
    assert torch.isfinite(logits.grad).all()


def test_half_precision_scores_lose_nothing_more() -> None:
    loss = ClassBalancedFocalLoss(4, class_counts=COUNTS)
    half = LOGITS.bfloat16()
    with torch.autocast('cpu', dtype=torch.bfloat16):
        under_autocast = loss(half, LABELS)
    torch.testing.assert_close(under_autocast, loss(half.float(), LABELS))
