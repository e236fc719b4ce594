"""Every config, shrunk: its data is read, its model takes a training step and predicts.

What a config holds is tested beside this file, in test_recipes.py.
"""

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from mmengine.config import Config
from mmengine.evaluator import Evaluator
from mmengine.optim import build_optim_wrapper

from mmaction_timesformer.registry import DATASETS, HOOKS, METRICS, MODELS, PARAM_SCHEDULERS
from tests.configs.shrinking import CLIP_LEN, NUM_EXAMPLES, ROOT, SIZE, load, shrink

CONFIGS = sorted(
    str(path.relative_to(ROOT / 'configs'))
    for path in (ROOT / 'configs').rglob('*.py')
    # Those of online models and of pretraining have tests of their own.
    if not {'_base_', 'online', 'pretraining'} & set(path.parts)
)


Batch = dict[str, list]


@pytest.fixture(scope='session')
def read() -> Callable[[Any], Batch]:
    """Read two clips as a config's dataset does; configs that agree on it share the reading."""
    batches: dict[str, Batch] = {}

    def read_once(dataset: Any) -> Batch:
        key = str(dataset)
        if key not in batches:
            built = DATASETS.build(dataset)
            assert len(built) == NUM_EXAMPLES
            items = [built[index] for index in range(2)]
            batches[key] = {name: [item[name] for item in items] for name in items[0]}
        return copy.deepcopy(batches[key])

    return read_once


@pytest.mark.parametrize('name', CONFIGS)
def test_a_training_step_predictions_hooks_and_schedules(
    name: str, examples: Path, read: Callable[[Any], Batch]
) -> None:
    torch.manual_seed(0)
    cfg = shrink(load(name), examples)
    model = MODELS.build(cfg.model)
    wrapper = build_optim_wrapper(model, cfg.optim_wrapper)

    batch = read(cfg.train_dataloader.dataset)
    before = copy.deepcopy(model.state_dict())
    model.train()
    log = model.train_step(batch, wrapper)
    assert torch.isfinite(log['loss'])
    changed = {key for key, value in model.state_dict().items() if not value.equal(before[key])}
    # A head in closed form is solved for, and takes no steps.
    steps = cfg.train_cfg.type != 'ClosedFormTrainLoop'
    assert any(key.startswith('backbone') for key in changed) == steps
    assert any(key.startswith('cls_head') for key in changed) == steps

    model.eval()
    batch = read(cfg.test_dataloader.dataset)
    crops = [step.type for step in cfg.test_dataloader.dataset.pipeline].count('ThreeCrop') * 2 + 1
    assert batch['inputs'][0].shape == (crops, 3, CLIP_LEN, SIZE, SIZE)
    with torch.no_grad():
        predicted = model.test_step(batch)
    for sample in predicted:
        assert sample.pred_score.shape == (cfg.model.cls_head.num_classes,)
        assert sample.pred_score.sum().item() == pytest.approx(1, abs=1e-4)

    evaluator = Evaluator([METRICS.build(metric) for metric in as_list(cfg.test_evaluator)])
    evaluator.dataset_meta = dict(classes=None)
    evaluator.process(predicted, batch)
    assert 0 <= evaluator.evaluate(len(predicted))['acc/top1'] <= 1

    clips = read(cfg.val_dataloader.dataset)['inputs']
    assert clips[0].shape == (1, 3, CLIP_LEN, SIZE, SIZE)
    for hook in [*cfg.default_hooks.values(), *cfg.get('custom_hooks', [])]:
        HOOKS.build(hook)
    for schedule in as_list(cfg.param_scheduler):
        schedule = dict(schedule, optimizer=wrapper)
        builder = PARAM_SCHEDULERS.get(schedule['type'])
        if schedule.pop('convert_to_iter_based', False):
            del schedule['type']
            builder.build_iter_from_epoch(**schedule, epoch_length=10)
        else:
            PARAM_SCHEDULERS.build(schedule)


def as_list(value: Any) -> list:
    return list(value) if isinstance(value, list | tuple) else [value]


def test_every_config_has_the_four_bases_or_inherits_them() -> None:
    """A model, a dataset, a schedule, a runtime: directly, or through one other config."""
    for name in CONFIGS:
        bases = Config._get_base_files(str(ROOT / 'configs' / name))
        if len(bases) == 1:
            assert (ROOT / 'configs' / name).parent.joinpath(bases[0]).is_file(), name
            continue
        parts = [Path(base).parts[-2] for base in bases]
        assert parts == ['models', 'datasets', 'schedules', '_base_'], name
