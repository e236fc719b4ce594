"""Programs of this project, forked from one process that has imported what they share.

Each would import PyTorch, mmaction2 and the rest for some five seconds.
"""

from __future__ import annotations

import multiprocessing
import os
import runpy
import sys
from collections.abc import Mapping, Sequence
from multiprocessing import get_context
from multiprocessing.context import ForkServerContext, SpawnContext
from pathlib import Path

_SHARED = (
    'mmaction_timesformer.engine.launch',
    'mmaction_timesformer.inference',
    'matplotlib.figure',
    'pandas',
    'scipy.stats',
    'sklearn.linear_model',
    'torchmetrics.functional.classification',
)

_Context = ForkServerContext | SpawnContext
_CAN_FORK = 'forkserver' in multiprocessing.get_all_start_methods()
_CONTEXT: _Context = get_context('forkserver') if _CAN_FORK else get_context('spawn')
_CONTEXT.set_forkserver_preload(list(_SHARED))


def start(environment: Mapping[str, str]) -> None:
    """Start the process that programs and renderers are forked from, before any of them.

    Args:
        environment: Variables that are set for it, and for this process.
    """
    os.environ |= environment
    first = _CONTEXT.Process(target=int)
    first.start()
    first.join()


def run_program(words: Sequence[str], folder: Path) -> int:
    """Run a program.

    Args:
        words: Path of a Python file, or ``-m`` and a module; then its arguments.
        folder: The folder that it runs in.

    Returns:
        The exit status, or the number of the signal that ended it, negative.
    """
    process = _CONTEXT.Process(target=_run, args=(list(words), str(folder)))
    process.start()
    process.join()
    assert process.exitcode is not None
    return process.exitcode


def _run(words: list[str], folder: str) -> None:
    os.chdir(folder)
    if words[0] == '-m':
        sys.argv = words[1:]
        sys.path.insert(0, folder)
        runpy.run_module(words[1], run_name='__main__', alter_sys=True)
    else:
        sys.argv = words
        sys.path.insert(0, str(Path(words[0]).resolve().parent))
        runpy.run_path(words[0], run_name='__main__')
