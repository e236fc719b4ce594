"""The metric inside mmengine's evaluator."""

import json

import pytest
import torch
from mmaction.evaluation import AccMetric
from mmengine.evaluator import Evaluator
from mmengine.hooks import CheckpointHook

from mmaction_timesformer.evaluation import ClassificationMetric
from mmaction_timesformer.registry import METRICS

CLASSES = ('Track-Excavator', 'Bucket-Worker', 'Cabin-Worker', 'Other')


def samples(num=24, num_classes=4, multi_label=False):
    generator = torch.Generator().manual_seed(0)
    made = []
    for row in range(num):
        score = torch.rand(num_classes, generator=generator)
        label = torch.tensor([row % num_classes])
        if multi_label:
            label = (torch.rand(num_classes, generator=generator) < 0.5).float()
        else:
            score = (3 * score).softmax(0)
        made.append(dict(pred_score=score, gt_label=label, recording=f'rec{row % 6}'))
    return made


def evaluate(made, **options):
    evaluator = Evaluator([METRICS.build(dict(type='ClassificationMetric', **options))])
    evaluator.dataset_meta = {}
    if len(made[0]['pred_score']) == 4:
        evaluator.dataset_meta = dict(classes=CLASSES)
    evaluator.process(made[:10])
    evaluator.process(made[10:])
    return evaluator.evaluate(len(made))


def test_it_agrees_with_mmaction2_on_what_both_measure():
    made = samples()
    metrics = evaluate(made)
    accuracy = AccMetric(metric_options=dict(top_k_accuracy=dict(topk=(1,))))
    theirs = Evaluator([accuracy]).offline_evaluate(made)
    assert metrics['cls/top1'] == pytest.approx(theirs['acc/top1'])
    assert metrics['cls/mean_class_accuracy'] == pytest.approx(theirs['acc/mean1'])
    assert metrics['cls/top1_low'] < metrics['cls/top1'] < metrics['cls/top1_high']
    assert 0 <= metrics['cls/recall/Bucket-Worker'] <= 1
    assert sum(map(sum, metrics['cls/confusion_matrix'])) == len(made)
    assert next(iter(metrics)) == 'cls/top1'
    json.dumps(metrics, allow_nan=False)


def test_top5_only_where_it_can_fail():
    assert 'cls/top5' not in evaluate(samples())
    assert 'cls/top5' in evaluate(samples(num_classes=6))


def test_several_labels():
    metrics = evaluate(samples(multi_label=True))
    assert 0 <= metrics['cls/exact_match'] <= 1
    assert 'cls/confusion_matrix' not in metrics


def test_many_classes_are_not_listed_one_by_one():
    metrics = evaluate(samples(60, 30))
    assert not any('recall/' in name for name in metrics)
    assert any('recall/' in name for name in evaluate(samples(60, 30), per_class=True))


def test_save_best_infers_the_rule_of_most_figures():
    """A loss is better when less; the names say so to mmengine."""
    rules = {
        'cls/top1': 'greater',
        'cls/mean_class_accuracy': 'greater',
        'cls/mean_average_precision': 'greater',
        'cls/macro_roc_auc': 'greater',
        'cls/average_precision/Other': 'greater',
        'cls/log_loss': 'less',
    }
    hook = CheckpointHook(save_best=list(rules))
    assert dict(zip(hook.key_indicators, hook.rules, strict=True)) == rules
    assert set(rules) <= set(evaluate(samples()))


@pytest.mark.parametrize('multi_label', [False, True])
def test_save_best_takes_every_figure(multi_label):
    """Those that mmengine knows nothing of take an explicit rule, and no others need one."""
    figures = evaluate(samples(multi_label=multi_label))
    figures.pop('cls/confusion_matrix', None)
    needing = set()
    for name in figures:
        if name.endswith(('_low', '_high', 'temperature')):
            continue
        try:
            CheckpointHook(save_best=name)
        except ValueError:
            needing.add(name.removeprefix('cls/').split('/')[0])
            CheckpointHook(save_best=name, rule='greater')
    exact = {'exact_match'} if multi_label else set()
    assert needing == {'macro_f1', 'calibration_error', 'recall', 'f1'} | exact


def test_it_is_registered_and_refuses_typos():
    assert METRICS.get('ClassificationMetric') is ClassificationMetric
    with pytest.raises(ValueError, match='num_resamples=-1'):
        ClassificationMetric(num_resamples=-1)
