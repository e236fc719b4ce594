"""The head on statistics of clips: what its features are, and that it is the fit."""

import numpy as np
import pytest
import torch
from sklearn.linear_model import RidgeClassifier

from mmaction_timesformer.models.heads import ClosedFormHead


def make_maps(number=40, seed=0):
    """Clips whose class is what moves: nothing, one channel, or the other."""
    generator = torch.Generator().manual_seed(seed)
    labels = torch.arange(number) % 3
    still = torch.randn(number, 1, 2, 3, 4, generator=generator)
    noise = torch.randn(number, 5, 2, 3, 4, generator=generator)
    moves = torch.zeros(number, 1, 1, 1, 4)
    moves[labels == 1, ..., 0] = 1
    moves[labels == 2, ..., 1] = 1
    return still + noise * (moves + 0.1), labels


def test_features_by_hand():
    head = ClosedFormHead(2, 1, over_space=('mean', 'max'), over_time=('mean', 'steps'))
    maps = torch.tensor([[1.0, 3.0], [2.0, 8.0]]).reshape(1, 2, 1, 2, 1)
    # Means of the frames 2 and 5, maxima 3 and 8; over time their means and their steps.
    torch.testing.assert_close(head.features(maps), torch.tensor([[3.5, 5.5, 3.0, 5.0]]))


def test_deviations_by_hand():
    head = ClosedFormHead(2, 1, over_space=('deviation',), over_time=('deviation',))
    maps = torch.tensor([[1.0, 3.0], [2.0, 8.0]]).reshape(1, 2, 1, 2, 1)
    torch.testing.assert_close(head.features(maps), torch.tensor([[1.0]]))


def test_the_fit_is_the_head():
    maps, labels = make_maps()
    head = ClosedFormHead(3, 4).eval()
    features = head.features(maps).double().numpy()
    head.update(features[:10], labels[:10].tolist())
    head.update(features[10:], labels[10:].tolist())
    head.fit(strength=0.1)
    fresh, truth = make_maps(seed=1)
    found = head(fresh).argmax(dim=1)
    mean, deviation = features.mean(axis=0), features.std(axis=0)
    peer = RidgeClassifier(alpha=0.1 * features.shape[1], class_weight='balanced')
    peer.fit((features - mean) / deviation, labels)
    expected = peer.predict((head.features(fresh).numpy() - mean) / deviation)
    assert np.mean(found.numpy() == expected) > 0.95
    assert (found == truth).float().mean() > 0.9


def test_the_residual_starts_at_nothing():
    maps, _ = make_maps(4)
    torch.manual_seed(0)
    plain = ClosedFormHead(3, 4)
    head = ClosedFormHead(3, 4, residual_channels=5)
    head.init_weights()
    head.fc_cls.load_state_dict(plain.fc_cls.state_dict())
    tokens = torch.randn(4, 5)
    torch.testing.assert_close(head((maps, tokens)), plain(maps))
    head((maps, tokens)).pow(2).sum().backward()
    assert head.residual.weight.grad.abs().sum() > 0


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (dict(over_space=('median',)), 'mean'),
        (dict(over_time=()), 'steps'),
        (dict(strength=0), 'above 0'),
        (dict(fit='svm'), 'logistic'),
    ],
)
def test_wrong_arguments(options, message):
    with pytest.raises(ValueError, match=message):
        ClosedFormHead(3, 4, **options)


def test_vectors_are_refused():
    with pytest.raises(ValueError, match='FrameEncoder'):
        ClosedFormHead(3, 4)(torch.zeros(2, 4))
