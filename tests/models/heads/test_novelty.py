"""Answers are less certain where a clip is unlike those of training."""

import numpy as np
import pytest
import torch

from mmaction_timesformer.models.checkpoints.fitting_parts import fit_classifier
from mmaction_timesformer.models.heads import ClosedFormHead
from mmaction_timesformer.models.heads.novelty import NoveltyScaling, squared_distance


def test_by_hand():
    scaling = NoveltyScaling(2)
    scaling.set(0.5, np.array([1.0, 0.0]), np.array([2.0, np.inf]))
    # ((5 - 1) / 2)^2 over two features, of which one is constant, is 2: sqrt(1 + 0.5 * 2).
    found = scaling(torch.ones(1, 3), torch.tensor([[5.0, 7.0]]))
    torch.testing.assert_close(found, torch.full((1, 3), 2**-0.5))
    assert squared_distance(
        np.array([[5.0, 7.0]]), np.array([1.0, 0.0]), np.array([2.0, np.inf])
    ) == pytest.approx(2.0)


def test_without_doubt_nothing_changes_and_nothing_is_stored():
    scaling = NoveltyScaling(2)
    logits = torch.randn(3, 4)
    torch.testing.assert_close(scaling(logits, torch.randn(3, 2)), logits, rtol=0, atol=0)
    assert not scaling.state_dict()


def test_state_dicts_with_and_without():
    scaling = NoveltyScaling(2)
    scaling.set(0.3, np.array([1.0, 2.0]), np.array([0.5, 4.0]))
    other = NoveltyScaling(2)
    other.load_state_dict(scaling.state_dict())
    logits, features = torch.randn(3, 4), torch.randn(3, 2)
    torch.testing.assert_close(other(logits, features), scaling(logits, features))
    other.load_state_dict({})
    torch.testing.assert_close(other(logits, features), logits)


def test_a_checkpoint_s_doubt_comes_with_its_classifier():
    head, target = ClosedFormHead(3, 4), ClosedFormHead(3, 4)
    num_features = head.fc_cls.in_features
    head.novelty.set(0.3, np.ones(num_features), np.ones(num_features))
    source = head.state_dict()
    assert fit_classifier(source, target.state_dict()).values.keys() == source.keys()
    # Of another classifier, which is not taken, it means nothing.
    other = ClosedFormHead(2, 4).state_dict()
    assert not fit_classifier(source, other).values.keys() & {'novelty.doubt', 'fc_cls.weight'}


def test_negative_doubt_is_refused():
    with pytest.raises(ValueError, match='at least 0'):
        NoveltyScaling(1).set(-1, np.zeros(1), np.ones(1))
