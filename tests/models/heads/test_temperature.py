"""A temperature that old weights need not know."""

import pytest
import torch
from mmaction.structures import ActionDataSample
from mmengine.runner import load_state_dict

from mmaction_timesformer.models import TimeSformerClsHead

KEY = 'temperature.value'


def head(**options):
    torch.manual_seed(0)
    made = TimeSformerClsHead(num_classes=3, in_channels=4, **options).eval()
    torch.nn.init.normal_(made.fc_cls.weight)
    return made


def predict(made, num_views=1):
    torch.manual_seed(1)
    samples = [ActionDataSample(), ActionDataSample()]
    return made.predict(torch.randn(2 * num_views, 4), samples)


def test_probabilities_are_those_of_divided_logits():
    made = head()
    torch.manual_seed(1)
    logits = made(torch.randn(2, 4)).detach()
    plain = predict(made)
    made.temperature.set(2.5)
    for row, (before, after) in enumerate(zip(plain, predict(made), strict=True)):
        torch.testing.assert_close(after.pred_score, (logits[row] / 2.5).softmax(0))
        assert after.pred_label == before.pred_label
        assert after.pred_score.max() < before.pred_score.max()


def test_it_scales_a_multi_label_head_before_the_sigmoid():
    made = head(multi_class=True)
    torch.manual_seed(1)
    logits = made(torch.randn(2, 4)).detach()
    made.temperature.set(0.5)
    torch.testing.assert_close(predict(made)[1].pred_score, (logits[1] / 0.5).sigmoid())


def test_it_scales_every_view():
    made = head()
    torch.manual_seed(1)
    logits = made(torch.randn(6, 4)).detach()
    made.temperature.set(3)
    expected = (logits[:3] / 3).softmax(1).mean(0)
    torch.testing.assert_close(predict(made, num_views=3)[0].pred_score, expected)


def test_the_loss_does_not_see_it():
    made, feats = head(), torch.randn(2, 4)
    samples = [ActionDataSample().set_gt_label(1) for _ in range(2)]
    before = made.loss(feats, samples)['loss_cls']
    made.temperature.set(4)
    assert made.loss(feats, samples)['loss_cls'] == before


def test_while_it_is_one_the_state_dict_is_that_of_published_weights():
    made = head()
    assert set(made.state_dict()) == {'fc_cls.weight', 'fc_cls.bias'}
    made.temperature.set(2)
    assert set(made.state_dict()) == {'fc_cls.weight', 'fc_cls.bias', KEY}
    made.temperature.set(1)
    assert KEY not in made.state_dict()


@pytest.mark.parametrize('load', [lambda m, s: m.load_state_dict(s), load_state_dict])
def test_it_travels_with_the_weights_and_is_one_without(load):
    calibrated, made = head(), head()
    calibrated.temperature.set(1.7)
    load(made, calibrated.state_dict())
    assert made.temperature.value == pytest.approx(1.7)
    load(made, head().state_dict())
    assert made.temperature.value == 1


@pytest.mark.parametrize('value', [0, -1, float('nan'), float('inf')])
def test_a_senseless_value_is_refused(value):
    with pytest.raises(ValueError, match='positive number'):
        head().temperature.set(value)
