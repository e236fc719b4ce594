"""Weighted cross entropy against torch's."""

import pytest
import torch
from torch.nn.functional import cross_entropy

from mmaction_timesformer.models.losses import WeightedCrossEntropyLoss

COUNTS = [352, 468, 320, 504]
LOGITS = torch.randn(6, 4, generator=torch.Generator().manual_seed(0))
LABELS = torch.tensor([0, 1, 2, 3, 3, 1])


@pytest.mark.parametrize('class_weight', ['balanced', 'effective_number', [1.0, 2.0, 0.5, 4.0]])
def test_weighted_cross_entropy_is_torchs(class_weight: str | list[float]) -> None:
    loss = WeightedCrossEntropyLoss(4, class_weight, class_counts=COUNTS, loss_weight=2.0)
    counts = torch.tensor(COUNTS, dtype=torch.float)
    weight = {
        'balanced': lambda: counts.sum() / (4 * counts),
        'effective_number': lambda: 1 / (1 - 0.999**counts),
    }.get(str(class_weight), lambda: torch.tensor(class_weight))()
    expected = 2 * cross_entropy(LOGITS, LABELS, weight=weight)
    torch.testing.assert_close(loss(LOGITS, LABELS), expected)
    one_hot = torch.eye(4)[LABELS]
    torch.testing.assert_close(loss(LOGITS, one_hot), expected)


def test_a_batch_of_weightless_classes_is_zero() -> None:
    loss = WeightedCrossEntropyLoss(4, [0.0, 1.0, 1.0, 1.0])
    assert loss(LOGITS[:1], LABELS[:1]).item() == 0
