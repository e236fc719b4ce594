"""The door of every command: one rule for exit codes, errors in one line, quick help.

Exit codes: 0 done; 1 a check failed or a source could not be used; 2 bad input; 130 interrupted.
Nothing heavy is imported here, so that ``--help`` is quick: a tool imports what it needs inside the
function that it hands to `run_command`.
"""

from __future__ import annotations

import argparse
import logging
import os
import re
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

DONE, FAILED, BAD_INPUT, INTERRUPTED = 0, 1, 2, 130

# Threads that wait for others spin by default. As soon as anything else runs on the machine, the
# loader's own workers included, training is then 2 to 8 times slower.
_WAITING = {'OMP_WAIT_POLICY': 'PASSIVE', 'GOMP_SPINCOUNT': '0', 'KMP_BLOCKTIME': '0'}


_CREDENTIALS = re.compile(r'((?:\w+:)?//)[^/\s@]+@|[^\s/@:\'"]+:[^\s@\'"]+@')
_UNPRINTABLE = re.compile(
    r'[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]'
)


def run_command(command: Callable[[], int | None]) -> int:
    """Run a command and say in one line why it failed.

    Args:
        command: Does the work; returns its exit code, None for 0. It imports torch itself, since
            the settings of OpenMP are read when torch is imported.

    Returns:
        The exit code.
    """
    set_up_process()
    try:
        try:
            return command() or DONE
        finally:
            sys.stdout.flush()
    except KeyboardInterrupt:
        print('interrupted', file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:  # the reader of the output has left, as `head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    except (ValueError, OSError, ImportError) as error:
        print(f'error: {in_a_line(error)}', file=sys.stderr)
        return BAD_INPUT


def set_up_process() -> None:
    """Let OpenMP's threads sleep while they wait, and silence what users cannot act on."""
    for name, value in _WAITING.items():
        os.environ.setdefault(name, value)
    warnings.filterwarnings('ignore', 'Fail to import ``MultiScaleDeformableAttention``')
    logging.setLogRecordFactory(_harmless_record)


def _harmless_record(*args: Any, **kwargs: Any) -> logging.LogRecord:
    """A log record without escape sequences, which names of classes and files may hold."""
    record = logging.LogRecord(*args, **kwargs)
    try:
        text = record.getMessage()
    # The handler reports a message that does not fit its arguments.
    except (TypeError, ValueError):
        return record
    if harmless := '\t'.join(printable(part, keep_lines=True) for part in text.split('\t')):
        record.msg, record.args = harmless, ()
    return record


def in_a_line(error: BaseException) -> str:
    """An error in words for the terminal; one of the system begins with its file."""
    text = str(error) or type(error).__name__
    if isinstance(error, OSError) and error.filename:
        text = f'{os.fsdecode(error.filename)}: {error.strerror}'
    return printable(_CREDENTIALS.sub(lambda found: found[1] or '', text), keep_lines=True)


def printable(text: str, keep_lines: bool = False) -> str:
    """Escape what a terminal would obey, such as escape sequences in the names of files.

    Args:
        text: Any text, also broken Unicode.
        keep_lines: Leave line breaks as they are, in text of several lines. Elsewhere a name with
            a line break in it could pass for a line of its own.
    """

    def escaped(found: re.Match[str]) -> str:
        if keep_lines and found[0] == '\n':
            return found[0]
        return found[0].encode('unicode_escape').decode()

    return _UNPRINTABLE.sub(escaped, text)


def num_cores() -> int:
    """Cores that this process may use."""
    if hasattr(os, 'sched_getaffinity'):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def command_parser(description: str | None, **options: Any) -> argparse.ArgumentParser:
    """A parser whose help shows the defaults."""
    return argparse.ArgumentParser(
        description=description, formatter_class=_HelpWithDefaults, **options
    )


class _HelpWithDefaults(argparse.HelpFormatter):
    """Adds defaults that say something to the help of each option."""

    def _get_help_string(self, action: argparse.Action) -> str | None:
        text = action.help or ''
        if '(default' in text or not _has_default(action):
            return text
        return f'{text} (default: %(default)s)'

    def add_argument(self, action: argparse.Action) -> None:
        """Give an option without a help text one that shows its default."""
        if action.help is None and _has_default(action):
            action.help = '(default: %(default)s)'
        super().add_argument(action)


def _has_default(action: argparse.Action) -> bool:
    silent = (None, False, '', (), argparse.SUPPRESS)
    return bool(action.option_strings) and action.default not in silent


@contextmanager
def progress_bar(console: Any, what: str, total: int) -> Iterator[Callable[[int, int], None]]:
    """Show how many files are done, for as long as the block lasts.

    Args:
        console: A console of rich.
        what: What is done with them.
        total: How many there are.

    Yields:
        A function to call with the number that is done, and of all.
    """
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    columns = (TextColumn(what), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console) as bar:
        task = bar.add_task(what, total=total)
        yield lambda done, total: bar.update(task, completed=done, total=total)
