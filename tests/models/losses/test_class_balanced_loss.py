"""Class weights against hand-computed ones and scikit-learn; where their counts come from."""

import numpy as np
import pytest
import torch
from sklearn.utils.class_weight import compute_class_weight

from mmaction_timesformer.models.losses import ClassBalancedFocalLoss, WeightedCrossEntropyLoss
from mmaction_timesformer.models.losses.class_balanced_loss import (
    balanced_weights,
    effective_number_weights,
)

COUNTS = [352, 468, 320, 504]
LOGITS = torch.randn(6, 4, generator=torch.Generator().manual_seed(0))
LABELS = torch.tensor([0, 1, 2, 3, 3, 1])


def test_balanced_weights_are_scikit_learns() -> None:
    labels = np.repeat(np.arange(4), COUNTS)
    expected = compute_class_weight('balanced', classes=np.arange(4), y=labels)
    torch.testing.assert_close(
        balanced_weights(torch.tensor(COUNTS, dtype=torch.float)),
        torch.tensor(expected, dtype=torch.float),
    )


def test_effective_numbers_by_hand() -> None:
    # beta 1/2: E_1 = 1, E_2 = 3/2, so weights 1 and 2/3, scaled to sum to 2.
    weights = effective_number_weights(torch.tensor([1.0, 2.0]), beta=0.5)
    torch.testing.assert_close(weights, torch.tensor([1.2, 0.8]))


def test_effective_numbers_run_from_equal_weights_to_inverse_frequency() -> None:
    counts = torch.tensor([10.0, 1000.0])
    torch.testing.assert_close(effective_number_weights(counts, beta=0.0), torch.ones(2))
    ratio = effective_number_weights(counts, beta=0.9999999)
    assert (ratio[0] / ratio[1]).item() == pytest.approx(100, rel=1e-3)


def test_classes_without_clips_weigh_nothing() -> None:
    counts = torch.tensor([0.0, 2.0, 4.0])
    torch.testing.assert_close(balanced_weights(counts), torch.tensor([0.0, 1.5, 0.75]))
    weights = effective_number_weights(counts, beta=0.9)
    assert weights[0] == 0
    assert weights.sum().item() == pytest.approx(2)


@pytest.mark.parametrize('loss_type', [ClassBalancedFocalLoss, WeightedCrossEntropyLoss])
def test_without_counts_the_error_says_where_they_come_from(loss_type: type) -> None:
    with pytest.raises(RuntimeError, match='ClassCountsHook'):
        loss_type(4)(LOGITS, LABELS)


def test_counts_travel_in_the_state_dict() -> None:
    trained = ClassBalancedFocalLoss(4)
    trained.set_class_counts(COUNTS)
    loaded = ClassBalancedFocalLoss(4)
    loaded.load_state_dict(trained.state_dict())
    torch.testing.assert_close(loaded(LOGITS, LABELS), trained(LOGITS, LABELS))


@pytest.mark.parametrize(
    ('loss_type', 'arguments', 'message'),
    [
        (WeightedCrossEntropyLoss, dict(class_weight='equal'), "class_weight is 'equal'"),
        (WeightedCrossEntropyLoss, dict(class_weight=[1.0]), 'class_weight has 1 entries'),
        (WeightedCrossEntropyLoss, dict(beta=1.0), 'beta is 1.0'),
        (ClassBalancedFocalLoss, dict(class_counts=[1, 2]), 'class_counts has 2 entries'),
        (ClassBalancedFocalLoss, dict(class_counts=[0, 0, 0, 0]), 'one must be above 0'),
        (ClassBalancedFocalLoss, dict(class_counts=[1, 1, 1, -1]), 'none may be negative'),
        (ClassBalancedFocalLoss, dict(gamma=-1.0), 'gamma is -1.0'),
    ],
)
def test_arguments_out_of_range_are_refused(loss_type: type, arguments: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        loss_type(4, **arguments)
