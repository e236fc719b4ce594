"""Giving a finished checkpoint the temperature that its validation clips ask for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from mmaction_timesformer.engine.console import ConsoleRunner
from mmaction_timesformer.engine.data_root import merge_options
from mmaction_timesformer.engine.hooks.temperature_hook import (
    find_temperature,
    store_temperature,
    unusable_message,
)
from mmaction_timesformer.engine.inputs import read_config
from mmaction_timesformer.evaluation.calibration import is_usable
from mmaction_timesformer.models import RatesRecognizer
from mmaction_timesformer.models.checkpoints import read_checkpoint
from mmaction_timesformer.models.recognizers.rates_recognizer import fit_view_weights
from video_clips.whole_files import check_writable, naming_failed_writes


def calibrate(
    config: str | Path,
    checkpoint: str | Path,
    out: str | Path | None = None,
    *,
    work_dir: str | None = None,
    cfg_options: dict[str, Any] | None = None,
) -> Path:
    """Fit a temperature on a config's validation clips and store it with the weights.

    A ``RatesRecognizer`` first gets the weights with which its test views explain them best.

    ``TemperatureHook`` does this during training. This is for checkpoints that were trained
    without it, saved between two validations, or moved to other validation clips.

    Args:
        config: The model's config.
        checkpoint: Its weights; may have a temperature already, which is replaced.
        out: Where to write; by default over ``checkpoint``.
        work_dir: Folder for the log.
        cfg_options: Values that replace the config's.

    Returns:
        The calibrated checkpoint.

    Raises:
        FileNotFoundError: There is no such config or checkpoint.
        ValueError: The checkpoint is damaged or does not fit, the config has no validation clips,
            or the model's head has no temperature.
    """
    cfg = read_config(str(config))
    target = Path(out or checkpoint)
    target.parent.mkdir(parents=True, exist_ok=True)
    check_writable(target.parent)
    content = read_checkpoint(checkpoint)
    merge_options(cfg, cfg_options or {})
    if cfg.get('val_dataloader') is None:
        raise ValueError(f'{config}: has no val_dataloader; a temperature is fitted on its clips')
    cfg.work_dir = work_dir or cfg.get('work_dir') or str(Path('work_dirs', Path(config).stem))
    cfg.val_evaluator = dict(type='ClassificationMetric', num_resamples=0)
    # It would look for a best checkpoint among trained ones.
    cfg.default_hooks.checkpoint = None
    runner = ConsoleRunner.from_cfg(cfg)
    temperature = find_temperature(runner.model)
    if temperature is None:
        raise ValueError(
            f'{config}: the head of the model has no temperature; that of type '
            "'TimeSformerClsHead' has one"
        )
    try:
        runner.model.load_state_dict(content['state_dict'])
    except RuntimeError as error:
        raise ValueError(f'{checkpoint}: does not fit {config}: {error}') from None
    if isinstance(runner.model, RatesRecognizer) and len(runner.model.view_weights) > 1:
        _weigh_views(runner)
    temperature.set(1.0)
    value = runner.val()['cls/temperature']
    if not is_usable(value):
        raise ValueError(f'{checkpoint}: {unusable_message(value)}')
    with naming_failed_writes(str(target)):
        store_temperature(checkpoint, value, target, weights_of_views(runner.model))
    return target


@torch.no_grad()
def _weigh_views(runner: ConsoleRunner) -> None:
    """Fit the weights of a model's test views on its validation clips."""
    model = runner.model.eval()
    logits, labels = [], []
    for batch in runner.val_dataloader:
        data = model.data_preprocessor(batch, training=False)
        logits.append(model.view_logits(data['inputs'], data['data_samples']).cpu())
        labels += [sample.gt_label.reshape(-1) for sample in data['data_samples']]
    found = torch.cat(logits)
    truth = torch.stack(labels).cpu().repeat_interleave(len(found) // len(labels), dim=0)
    weights = fit_view_weights(found, truth if model.cls_head.multi_class else truth[:, 0])
    model.view_weights.copy_(weights)


def weights_of_views(model: Any) -> dict[str, torch.Tensor]:
    """The weights of a recognizer's views under their name in a checkpoint, if it has any."""
    if not isinstance(model, RatesRecognizer):
        return {}
    return {'view_weights': model.view_weights.detach().cpu().clone()}
