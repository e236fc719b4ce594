"""A recognizer that is asked for an older one's answers too."""

import pytest
import torch
from mmaction.structures import ActionDataSample
from mmengine.registry import init_default_scope

from mmaction_timesformer.models.recognizers.distilled_recognizer import distillation_loss
from mmaction_timesformer.registry import MODELS

MODEL = dict(
    type='Recognizer3D',
    backbone=dict(
        type='TimeSformerBackbone',
        num_frames=2,
        img_size=16,
        patch_size=8,
        embed_dims=24,
        num_heads=2,
        num_transformer_layers=1,
        drop_path_rate=0.0,
    ),
    cls_head=dict(type='TimeSformerClsHead', num_classes=3, in_channels=24),
)


@pytest.fixture
def models(tmp_path):
    """An older model, and one that starts as it."""
    init_default_scope('mmaction')
    torch.manual_seed(0)
    old = MODELS.build(MODEL)
    torch.save(dict(state_dict=old.state_dict()), tmp_path / 'old.pth')
    new = MODELS.build(
        MODEL
        | dict(
            type='DistilledRecognizer3D',
            teacher=str(tmp_path / 'old.pth'),
            num_old_classes=2,
            distillation=3.0,
        )
    )
    new.load_state_dict(old.state_dict())
    return old.eval(), new


def batch():
    samples = [ActionDataSample().set_gt_label(label) for label in (0, 2)]
    return torch.randn(2, 1, 3, 2, 16, 16, generator=torch.Generator().manual_seed(1)), samples


def test_a_model_that_has_not_changed_agrees(models):
    old, new = models
    losses, plain = new.loss(*batch()), old.loss(*batch())
    assert losses['loss_distillation'].item() == pytest.approx(0, abs=1e-6)
    torch.testing.assert_close(losses['loss_cls'], plain['loss_cls'])
    assert set(losses) == {*plain, 'loss_distillation'}


def test_the_loss_is_the_divergence_over_the_old_classes(models):
    old, new = models
    with torch.no_grad():
        for parameter in new.parameters():
            parameter += 0.05 * torch.randn_like(parameter)
    inputs, samples = batch()
    found = new.loss(inputs, samples)['loss_distillation']
    answers = []
    for model in (old, new):
        logits, _ = model.extract_feat(inputs, stage='head')
        answers.append((logits[:, :2] / 2).softmax(dim=1))
    divergence = (answers[0] * (answers[0] / answers[1]).log()).sum(dim=1).mean()
    assert found.item() == pytest.approx(3.0 * 4 * divergence.item(), rel=1e-3)
    found.backward()
    assert new.backbone.cls_token.grad.abs().sum() > 0


def test_the_older_model_is_no_part_of_it(models):
    old, new = models
    new.loss(*batch())
    assert set(new.state_dict()) == set(old.state_dict())
    assert len(list(new.parameters())) == len(list(old.parameters()))


def test_equal_answers_cost_nothing():
    logits = torch.randn(4, 3)
    assert distillation_loss(logits, logits + 5.0, 2.0).item() == pytest.approx(0, abs=1e-6)
