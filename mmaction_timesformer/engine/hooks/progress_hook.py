"""Say what is trained, how long it will take, and how far it is."""

from __future__ import annotations

import sys
import time
from datetime import timedelta
from typing import Any

from mmengine.dist import get_world_size, master_only
from mmengine.hooks import Hook
from mmengine.runner import Runner

from mmaction_timesformer.registry import HOOKS
from video_clips.commands import num_cores

_WARM_UP_STEPS, _TIMED_STEPS = 1, 2
_WORTH_SHARING_SECONDS = 120
_LONG_SECONDS = 3600
_BAR_WIDTH = 30
_SECONDS_BETWEEN_LINES = 0.2


@HOOKS.register_module()
class ProgressHook(Hook):
    """Print what training starts with, an estimate after two timed steps, and a progress bar.

    Where the output is not a terminal, a line for each epoch stands in place of the bar. The
    estimate counts training alone: validation comes on top, early stopping may end it sooner.
    """

    priority = 'VERY_LOW'

    def __init__(self) -> None:
        self._num_steps = 0
        self._start = (0, 0.0)
        self._last_line = 0.0

    @master_only
    def before_train(self, runner: Runner) -> None:
        """Print what is trained."""
        loader = runner.train_dataloader
        parameters = sum(parameter.numel() for parameter in runner.model.parameters())
        device = next((p.device.type for p in runner.model.parameters()), 'cpu')
        _say(
            f'Training on {device}: {len(loader.dataset)} clips, {parameters / 1e6:.1f} M '
            f'parameters, {runner.max_epochs} epochs of {len(loader)} steps; the log is in '
            f'{runner.log_dir}'
        )

    def before_train_epoch(self, runner: Runner) -> None:
        """Start the clock again: validation lies in between."""
        self._start = (runner.iter, time.perf_counter())

    @master_only
    def after_train_iter(self, runner: Runner, batch_idx: int, *args: Any, **kwargs: Any) -> None:
        """Estimate, once; then move the bar."""
        self._num_steps += 1
        if self._num_steps == _WARM_UP_STEPS + _TIMED_STEPS:
            self._estimate(runner)
        now = time.perf_counter()
        if sys.stdout.isatty() and now - self._last_line > _SECONDS_BETWEEN_LINES:
            self._last_line = now
            steps = len(runner.train_dataloader)
            filled = _BAR_WIDTH * (batch_idx + 1) // steps
            bar = '#' * filled + '.' * (_BAR_WIDTH - filled)
            text = f'epoch {runner.epoch + 1}/{runner.max_epochs} [{bar}] {batch_idx + 1}/{steps}'
            sys.stdout.write(f'\r{text} {self._left(runner)} left\x1b[K')
            sys.stdout.flush()

    @master_only
    def after_train_epoch(self, runner: Runner) -> None:
        """Print the epoch."""
        if sys.stdout.isatty():
            sys.stdout.write('\r\x1b[K')
        # A head that is solved for has no loss.
        loss = runner.message_hub.log_scalars.get('train/loss')
        mean = '' if loss is None else f'loss {loss.mean(len(runner.train_dataloader)):.3f}, '
        _say(f'epoch {runner.epoch + 1}/{runner.max_epochs}: {mean}{self._left(runner)} left')

    @master_only
    def after_val_epoch(self, runner: Runner, metrics: dict[str, float] | None = None) -> None:
        """Print the metrics in a line, while training."""
        shown = {name: value for name, value in (metrics or {}).items() if name.startswith('acc/')}
        if self._num_steps and shown:
            listed = ', '.join(f'{name} {value:.3f}' for name, value in shown.items())
            _say(f'  validation: {listed}')

    def _estimate(self, runner: Runner) -> None:
        step = runner.message_hub.get_scalar('train/time').mean(_TIMED_STEPS)
        seconds = step * (runner.max_iters - runner.iter - 1)
        _say(
            f'A step takes {step:.2f} s (two timed), so training takes about '
            f'{_duration(seconds)} at most, and validation comes on top'
        )
        waiting = runner.message_hub.get_scalar('train/data_time').mean(_TIMED_STEPS)
        if waiting > step / 2:
            _say(
                f'{waiting / step:.0%} of it is spent on loading clips: small copies load several '
                'times faster (tools/prepare_dataset.py --copies always, or tools/cache_dataset.py)'
            )
        if next(runner.model.parameters()).device.type != 'cpu':
            return
        if seconds > _LONG_SECONDS:
            _say('Smaller models for CPUs: tools/prepare_dataset.py --preset cpu')
        elif seconds > _WORTH_SHARING_SECONDS and _may_share(runner.train_dataloader):
            _say('Small models train faster in two processes: --processes 2')

    def _left(self, runner: Runner) -> str:
        first, started = self._start
        done = runner.iter + 1 - first
        step = (time.perf_counter() - started) / max(done, 1)
        return _duration(step * max(0, runner.max_iters - runner.iter - 1))


def _may_share(loader: Any) -> bool:
    """Whether two processes could share batches that one process trains on."""
    return get_world_size() == 1 and num_cores() > 1 and (loader.batch_size or 0) % 2 == 0


def _say(text: str) -> None:
    print(text, flush=True)


def _duration(seconds: float) -> str:
    return str(timedelta(seconds=round(seconds)))
