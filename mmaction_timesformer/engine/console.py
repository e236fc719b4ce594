"""A runner whose console shows what a person reads; the log file keeps everything."""

from __future__ import annotations

import logging
import re
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

from mmengine.logging import MMLogger
from mmengine.runner import Runner

from mmaction_timesformer.engine.inputs import check_checkpoint
from mmaction_timesformer.models.compiling import keep_einops_whole
from video_clips.whole_files import naming_failed_writes

# A config and an environment of hundreds of lines, lists of hooks and parameter groups, and the
# lines of single steps, in place of which there is a progress bar.
_FOR_THE_FILE = re.compile(
    r'\s*(-{20,}|Config:|System environment|Hooks will be executed|Layer-wise decay|Exp name|'
    r'Distributed training is not used|Checkpoints will be saved to|Saving checkpoint|'
    r'The previous best checkpoint|Loads checkpoint by|Name of parameter|'
    r'"FileClient" will be deprecated|"HardDiskBackend" is the alias)'
)
# `ProgressHook` prints these in short.
_FOR_THE_FILE_IN_TRAINING = re.compile(r'\s*((Epoch|Iter)\((train|val)\)|\d+ clips; 95)')


class ConsoleRunner(Runner):
    """mmengine's runner with a short console, and errors that name the file."""

    strict_loading = False

    def _maybe_compile(self, target: str) -> None:
        """Compile the model if the config says so."""
        if self.cfg.get('compile'):
            keep_einops_whole()
        super()._maybe_compile(target)

    def build_logger(self, *args: Any, **kwargs: Any) -> MMLogger:
        """Build the logger; its console leaves out what `_FOR_THE_FILE` matches."""
        logger = super().build_logger(*args, **kwargs)
        self._shorten_console(logger, _FOR_THE_FILE)
        # A log that cannot be written is no reason to print tracebacks; saving will fail, too.
        logging.raiseExceptions = False
        return logger

    def train(self) -> Any:
        """Train, with shorter lines on the console."""
        self._shorten_console(self.logger, _FOR_THE_FILE_IN_TRAINING)
        return super().train()

    @staticmethod
    def _shorten_console(logger: MMLogger, left_out: re.Pattern[str]) -> None:
        for handler in logger.handlers:
            if type(handler) is logging.StreamHandler:
                handler.addFilter(lambda record: not left_out.match(record.getMessage()))

    def load_checkpoint(self, filename: str, *args: Any, **kwargs: Any) -> Any:
        """Load a checkpoint.

        Raises:
            ValueError: With `strict_loading`, if weights are missing or of another shape, which
                mmengine reports and then tests random weights in their place.
        """
        if not self.strict_loading:
            return super().load_checkpoint(filename, *args, **kwargs)
        try:
            return super().load_checkpoint(filename, *args, **{**kwargs, 'strict': True})
        except RuntimeError as error:
            raise ValueError(f'{filename} does not fit the config: {error}') from None

    def resume(self, filename: str, *args: Any, **kwargs: Any) -> None:
        """Resume from a checkpoint.

        Raises:
            FileNotFoundError: There is none.
        """
        check_checkpoint(filename)
        super().resume(filename, *args, **kwargs)

    def save_checkpoint(self, out_dir: str, filename: str, *args: Any, **kwargs: Any) -> None:
        """Save a checkpoint.

        Raises:
            OSError: It cannot be written, with its path.
        """
        path = str(Path(out_dir, filename))
        with naming_failed_writes(path):
            super().save_checkpoint(out_dir, filename, *args, **kwargs)


def built(build: Callable[[], Any], what: str) -> Any:
    """Build something of a config; what is wrong with the config becomes a ValueError."""
    try:
        return build()
    except (KeyError, TypeError, AttributeError, AssertionError, RuntimeError) as error:
        last = traceback.extract_tb(error.__traceback__)[-1]
        reason = str(error) or f'{last.line} ({Path(last.filename).name}, line {last.lineno})'
        raise ValueError(f'{what}: {type(error).__name__}: {reason}') from error
