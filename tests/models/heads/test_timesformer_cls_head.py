"""The classifier against torch's own losses and hand-computed probabilities."""

from typing import Any

import pytest
import torch
from mmaction.structures import ActionDataSample
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy, log_softmax

from mmaction_timesformer.models import TimeSformerClsHead
from mmaction_timesformer.registry import MODELS

LOGITS = torch.tensor([[2.0, 0.5, -1.0, 0.0], [0.0, 1.0, 3.0, -2.0], [0.3, 0.2, 0.1, 0.0]])


def samples(*labels: object) -> list[ActionDataSample]:
    return [ActionDataSample().set_gt_label(label) for label in labels]


def head(**arguments: Any) -> TimeSformerClsHead:
    return TimeSformerClsHead(**dict[str, Any](num_classes=4, in_channels=8) | arguments)


def test_builds_from_a_config_with_the_parameter_names_of_mmaction2() -> None:
    built = MODELS.build(dict(type='TimeSformerClsHead', num_classes=4, in_channels=8))
    reference = MODELS.build(dict(type='TimeSformerHead', num_classes=4, in_channels=8))
    built.load_state_dict(reference.state_dict())
    features = torch.randn(3, 8)
    torch.testing.assert_close(built(features), reference(features))


def test_initial_weights_are_small_and_the_bias_zero() -> None:
    torch.manual_seed(0)
    wide = head(num_classes=100, in_channels=400)
    wide.init_weights()
    assert wide.fc_cls.weight.std().item() == pytest.approx(0.02, rel=0.05)
    assert not wide.fc_cls.bias.any()


def test_hidden_layer_is_tanh_between_two_linear_maps() -> None:
    mlp = head(hidden_dims=5)
    features = torch.randn(3, 8)
    state = mlp.state_dict()
    hidden = torch.tanh(features @ state['hidden.0.weight'].T + state['hidden.0.bias'])
    expected = hidden @ state['fc_cls.weight'].T + state['fc_cls.bias']
    torch.testing.assert_close(mlp(features), expected)
    assert mlp.fc_cls.in_features == 5


def test_dropout_works_in_training_alone() -> None:
    dropping = head(in_channels=1000, dropout_ratio=0.5)
    features = torch.ones(1, 1000)
    dropping.train()
    assert not torch.equal(dropping(features), dropping(features))
    dropping.eval()
    torch.testing.assert_close(dropping(features), dropping.fc_cls(features))


@pytest.mark.parametrize('epsilon', [0.0, 0.1])
@pytest.mark.parametrize('num_clips', [1, 3])
def test_hard_labels_give_torchs_cross_entropy(epsilon: float, num_clips: int) -> None:
    labels = [0, 1, 3][:num_clips]
    losses = head(label_smooth_eps=epsilon).loss_by_feat(LOGITS[:num_clips], samples(*labels))
    expected = cross_entropy(LOGITS[:num_clips], torch.tensor(labels), label_smoothing=epsilon)
    torch.testing.assert_close(losses['loss_cls'], expected)
    assert losses['top1_acc'].item() == pytest.approx(1 / num_clips)


@pytest.mark.parametrize('num_clips', [1, 2])
def test_soft_labels_give_the_cross_entropy_with_their_smoothed_shares(num_clips: int) -> None:
    shares = torch.tensor([[0.7, 0.3, 0.0, 0.0], [0.0, 0.0, 0.4, 0.6]])[:num_clips]
    logits = LOGITS[:num_clips]
    losses = head(label_smooth_eps=0.2).loss_by_feat(logits, samples(*shares))
    expected = -((0.8 * shares + 0.05) * log_softmax(logits, dim=1)).sum(dim=1).mean()
    torch.testing.assert_close(losses['loss_cls'], expected)
    assert 'top1_acc' not in losses


@pytest.mark.parametrize('blending', ['MixupBlending', 'CutmixBlending'])
@pytest.mark.parametrize('num_clips', [1, 4])
@pytest.mark.parametrize('multi_class', [False, True])
def test_blended_batches_train(blending: str, num_clips: int, multi_class: bool) -> None:
    torch.manual_seed(0)
    preprocessor = MODELS.build(
        dict(
            type='ActionDataPreprocessor',
            format_shape='NCTHW',
            blending=dict(type=blending, alpha=1.0, num_classes=4),
        )
    )
    hot = torch.eye(4)[:num_clips]
    labels = samples(*hot) if multi_class else samples(*range(num_clips))
    clips = [torch.randint(0, 255, (1, 3, 2, 8, 8), dtype=torch.uint8) for _ in labels]
    batch = preprocessor(dict(inputs=clips, data_samples=labels), training=True)

    trained = head(in_channels=3, multi_class=multi_class)
    features = batch['inputs'].mean(dim=(1, 3, 4, 5))
    losses = trained.loss(features, batch['data_samples'], loss_aux={})
    shares = torch.stack([sample.gt_label.reshape(4) for sample in batch['data_samples']])
    torch.testing.assert_close(shares.sum(dim=1), torch.ones(num_clips))
    logits = trained(features)
    expected = (
        binary_cross_entropy_with_logits(logits, shares)
        if multi_class
        else cross_entropy(logits, shares)
    )
    torch.testing.assert_close(losses['loss_cls'], expected)
    losses['loss_cls'].backward()
    assert trained.fc_cls.weight.grad is not None
    assert trained.fc_cls.weight.grad.abs().sum() > 0


def test_blended_labels_and_class_weights_go_together() -> None:
    weights = [1.0, 2.0, 3.0, 4.0]
    shares = torch.tensor([[0.5, 0.5, 0.0, 0.0], [0.0, 0.0, 0.25, 0.75]])
    weighted = head(loss_cls=dict(type='WeightedCrossEntropyLoss', class_weight=weights))
    loss = weighted.loss_by_feat(LOGITS[:2], samples(*shares))['loss_cls']
    log_prob = log_softmax(LOGITS[:2], dim=1)
    total = -(0.5 * log_prob[0, 0] + 0.5 * 2 * log_prob[0, 1])
    total = total - (0.25 * 3 * log_prob[1, 2] + 0.75 * 4 * log_prob[1, 3])
    torch.testing.assert_close(loss, total / (1.5 + 3.75))


def test_several_clips_of_a_video_share_its_label_in_training() -> None:
    losses = head().loss_by_feat(LOGITS[[0, 1, 2, 0]], samples(0, 2))
    expected = cross_entropy(LOGITS[[0, 1, 2, 0]], torch.tensor([0, 0, 2, 2]))
    torch.testing.assert_close(losses['loss_cls'], expected)


@pytest.mark.parametrize('num_clips', [1, 2])
def test_several_labels_give_binary_cross_entropy_smoothed_between_yes_and_no(
    num_clips: int,
) -> None:
    hot = torch.tensor([[1.0, 0.0, 0.0, 1.0], [0.0, 0.0, 0.0, 0.0]])[:num_clips]
    smoothed = head(multi_class=True, label_smooth_eps=0.1)
    losses = smoothed.loss_by_feat(LOGITS[:num_clips], samples(*hot))
    expected = binary_cross_entropy_with_logits(LOGITS[:num_clips], 0.9 * hot + 0.05)
    torch.testing.assert_close(losses['loss_cls'], expected)
    assert set(losses) == {'loss_cls'}


def test_views_are_averaged_as_probabilities() -> None:
    # Softmax of (log 3, 0) is (3/4, 1/4), of (0, 0) is (1/2, 1/2).
    logits = torch.tensor([[3.0, 1.0], [1.0, 1.0], [1.0, 1.0], [1.0, 3.0]]).log()
    predicted = head(num_classes=2).predict_by_feat(logits, samples(0, 0))
    torch.testing.assert_close(predicted[0].pred_score, torch.tensor([0.625, 0.375]))
    torch.testing.assert_close(predicted[1].pred_score, torch.tensor([0.375, 0.625]))
    assert [sample.pred_label.tolist() for sample in predicted] == [[0], [1]]


def test_views_are_averaged_before_the_softmax_or_not_at_all_on_request() -> None:
    score = head(average_clips='score').predict_by_feat(LOGITS[:2], samples(0))
    torch.testing.assert_close(score[0].pred_score, LOGITS[:2].mean(dim=0))
    raw = head(average_clips=None).predict_by_feat(LOGITS[:2], samples(0))
    torch.testing.assert_close(raw[0].pred_score, LOGITS[:2])


def test_several_labels_are_averaged_as_sigmoids_and_need_not_sum_to_one() -> None:
    # Sigmoid of log 3 is 3/4, of -log 3 is 1/4, of 0 is 1/2.
    logits = torch.tensor([[3.0, 1 / 3, 3.0], [3.0, 1.0, 1 / 3]]).log()
    predicted = head(num_classes=3, multi_class=True).predict_by_feat(
        logits, samples([1.0, 0.0, 0.0])
    )
    torch.testing.assert_close(predicted[0].pred_score, torch.tensor([0.75, 0.375, 0.5]))
    assert predicted[0].pred_label.tolist() == [1, 0, 1]


def test_logits_of_several_labels_are_cut_at_zero() -> None:
    predicted = head(multi_class=True, average_clips='score').predict_by_feat(
        LOGITS[:1], samples([1.0, 0.0, 0.0, 0.0])
    )
    assert predicted[0].pred_label.tolist() == [1, 1, 0, 1]


@pytest.mark.parametrize(('num_classes', 'topk'), [(4, (1,)), (5, (1,)), (6, (1, 5))])
def test_topk_leaves_out_what_is_always_right(num_classes: int, topk: tuple[int, ...]) -> None:
    assert head(num_classes=num_classes).topk == topk
    assert head(num_classes=num_classes, topk=[1, 2]).topk == (1, 2)


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        (dict(topk=(1, 5)), 'topk holds 5'),
        (dict(topk=0), 'topk holds 0'),
        (dict(num_classes=1), 'at least 2 classes'),
        (dict(label_smooth_eps=1.0), 'label_smooth_eps is 1.0'),
        (dict(average_clips='mean'), "average_clips is 'mean'"),
        (dict(multi_class=True, loss_cls=dict(type='CrossEntropyLoss')), 'one label a clip'),
        (
            dict(loss_cls=dict(type='CrossEntropyLoss', class_weight='balanced')),
            'WeightedCrossEntropyLoss',
        ),
    ],
)
def test_arguments_that_do_not_fit_are_refused(arguments: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        head(**arguments)


def test_features_of_another_shape_name_the_remedy() -> None:
    with pytest.raises(ValueError, match='out_type'):
        head()(torch.zeros(2, 1, 7, 7, 8))
    with pytest.raises(ValueError, match='fcn_test'):
        head()(torch.zeros(2, 8), fcn_test=True)


def test_a_misspelt_loss_is_reported_by_name() -> None:
    with pytest.raises(KeyError, match='FocalLos'):
        head(loss_cls=dict(type='FocalLos'))


def test_agreement_of_views_by_hand():
    head = TimeSformerClsHead(num_classes=2, in_channels=3, agreement=0.5)
    samples = [ActionDataSample().set_gt_label(0), ActionDataSample().set_gt_label(1)]
    first, second = torch.tensor([0.8, 0.2]), torch.tensor([0.4, 0.6])
    logits = torch.stack([first, second, first, first]).log()
    mean = (first + second) / 2
    divergence = sum((p * (p / mean).log()).sum() for p in (first, second)) / 2
    losses = head.loss_by_feat(logits, samples)
    # The second clip's views agree; half of the clips, half of the weight.
    torch.testing.assert_close(losses['loss_agreement'], 0.25 * divergence)
    assert 'loss_agreement' not in head.loss_by_feat(logits[:2], samples)
    with pytest.raises(ValueError, match='agreement'):
        TimeSformerClsHead(num_classes=2, in_channels=3, agreement=-1)
