"""Calibrate the model that validation has just measured."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from mmengine.dist import master_only
from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper
from mmengine.runner import BaseLoop, Runner
from torch import Tensor

from mmaction_timesformer.evaluation.calibration import TEMPERATURE_RANGE, is_usable
from mmaction_timesformer.models.checkpoints import read_checkpoint
from mmaction_timesformer.models.heads.temperature import Temperature
from mmaction_timesformer.registry import HOOKS
from video_clips.whole_files import written_beside

METRIC = '/temperature'
STATE = 'cls_head.temperature.value'


@HOOKS.register_module()
class TemperatureHook(Hook):
    """Put the temperature that ``ClassificationMetric`` fits on validation clips into the head.

    The best checkpoint, which is saved after validation, has it: in the head, where every tool
    uses it, and in ``meta['temperature']``. The last one, saved before its validation, is given it
    when training ends. Training and validation themselves run without, and a checkpoint between
    two validations has none; ``tools/calibrate.py`` gives it one. A model whose head has no
    temperature, or an evaluator without the metric, costs nothing.
    """

    priority = 'NORMAL'  # Before the best checkpoint is saved, after the metric.

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict[str, Any]) -> None:
        """Start training without the temperature of other weights, in averaged weights too."""
        if _is_training(runner):
            for states in ('state_dict', 'ema_state_dict'):
                for name in [n for n in checkpoint.get(states, ()) if n.endswith(STATE)]:
                    del checkpoint[states][name]

    def before_train_epoch(self, runner: Runner) -> None:
        """Weights are about to change: forget."""
        self._set(runner, 1.0)

    def before_val_epoch(self, runner: Runner) -> None:
        """Measure the model as it is. In a validation of its own, the calibrated one."""
        if _is_training(runner):
            self._set(runner, 1.0)

    def after_val_epoch(self, runner: Runner, metrics: dict[str, float] | None = None) -> None:
        """Take the fitted temperature, while training."""
        found = [value for name, value in (metrics or {}).items() if name.endswith(METRIC)]
        if not found or not _is_training(runner):
            return
        if is_usable(found[0]):
            self._set(runner, found[0])
        else:
            runner.logger.warning(unusable_message(found[0]))

    @master_only
    def after_train(self, runner: Runner) -> None:
        """Give the last checkpoint what its validation, which came after it, has fitted."""
        temperature = find_temperature(runner.model)
        note = Path(runner.work_dir, 'last_checkpoint')
        if temperature is None or temperature.value == 1 or not note.is_file():
            return
        last = Path(note.read_text(encoding='utf-8').strip())
        if last.is_file() and read_checkpoint(last)['meta'].get('iter') == runner.iter:
            store_temperature(last, float(temperature.value), last)

    def before_save_checkpoint(self, runner: Runner, checkpoint: dict[str, Any]) -> None:
        """Write the temperature where it can be read without building the model."""
        if (temperature := find_temperature(runner.model)) is not None:
            checkpoint['meta']['temperature'] = float(temperature.value)

    @staticmethod
    def _set(runner: Runner, value: float) -> None:
        if (temperature := find_temperature(runner.model)) is not None:
            temperature.set(value)


def _is_training(runner: Runner) -> bool:
    # The property train_loop would build a loop that a run of its own validation does not need.
    return isinstance(runner._train_loop, BaseLoop)


def unusable_message(temperature: float) -> str:
    """Why a fitted temperature is not stored."""
    low, high = TEMPERATURE_RANGE
    return (
        f'the best temperature for the validation clips, {temperature:.3g}, is an end of the range '
        f'{low:g} to {high:g}: the scores say too little about these clips. It is not stored.'
    )


def store_temperature(
    checkpoint: str | Path,
    value: float,
    out: str | Path,
    others: Mapping[str, Tensor] | None = None,
) -> None:
    """Write a checkpoint with another temperature; nothing else in it changes.

    Args:
        checkpoint: The file to read.
        value: The temperature.
        out: The file to write, which may be the same.
        others: What else was fitted with it, by its name among the parameters.
    """
    content = read_checkpoint(checkpoint)
    content['state_dict'].update({STATE: torch.tensor(value), **(others or {})})
    content.setdefault('meta', {})['temperature'] = value
    with written_beside(out) as partial:
        torch.save(content, partial)


def find_temperature(model: Any) -> Temperature | None:
    """The temperature of a recognizer's head, if it has one."""
    model = model.module if is_model_wrapper(model) else model
    temperature = getattr(getattr(model, 'cls_head', None), 'temperature', None)
    return temperature if isinstance(temperature, Temperature) else None
