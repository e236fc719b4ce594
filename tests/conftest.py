"""Fixtures of all tests: the repository's root, and real videos where there are any."""

import gc
import multiprocessing
import os
import random
import socket
import sys
import warnings
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from _pytest.assertion import rewrite

from tests import warm_python
from tests.made_once import made_once

ROOT = Path(__file__).parents[1]
VIDEOS_VARIABLE = 'MMACTION_TIMESFORMER_VIDEOS'
NO_VIDEOS = 'no real videos'
LONG = {'web', 'tools', 'test_compat.py', 'test_video.py'}
IGNORE_ALL = ('ignore', None, Warning, None, 0)


@pytest.fixture(scope='session')
def root() -> Path:
    """The root of the repository."""
    return ROOT


@pytest.fixture(scope='session')
def videos_folder() -> Path:
    """Where real videos are expected; there may be none."""
    return Path(os.environ.get(VIDEOS_VARIABLE, ROOT.parent / 'shared' / 'videos'))


@pytest.fixture(scope='session')
def tiny_videos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Videos of `tests/tiny_run.py` with their annotations; not to be written into."""
    from tests.tiny_run import render

    return made_once(tmp_path_factory, 'tiny_videos', render)


@pytest.fixture(scope='session')
def tiny_run(tmp_path_factory: pytest.TempPathFactory, tiny_videos: Path) -> Path:
    """Work folder of a finished run, see `tests/tiny_run.py`; not to be written into."""
    from tests.tiny_run import make_run

    return made_once(tmp_path_factory, 'tiny_run', partial(make_run, tiny_videos)) / 'run'


@pytest.fixture(autouse=True)
def mmaction_scope() -> None:
    """Let registries look in mmaction2's scope; some Runner may have left mmengine's behind."""
    if 'mmaction' in sys.modules:
        from mmengine.registry import init_default_scope

        init_default_scope('mmaction')


@pytest.fixture(autouse=True)
def seed() -> None:
    """Let chance be the same in every run, whichever tests ran before."""
    random.seed(0)
    np.random.seed(0)
    if 'torch' in sys.modules:
        sys.modules['torch'].manual_seed(0)


@pytest.fixture
def real_videos(videos_folder: Path) -> Path:
    """The folder of real videos; without it the test is skipped, and the run says so at its end."""
    if not videos_folder.is_dir():
        pytest.skip(f'{NO_VIDEOS} at {videos_folder}: set {VIDEOS_VARIABLE} to their folder')
    return videos_folder


@pytest.fixture
def unused_port() -> Iterator[int]:
    """A port of this machine that nobody listens on, and that no other program is given.

    A server that reuses addresses, as servers do, may listen on it all the same.
    """
    with socket.socket() as holder:
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        holder.bind(('127.0.0.1', 0))
        yield holder.getsockname()[1]


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """One process more than there are cores: it goes on while tests of streams wait."""
    return len(os.sched_getaffinity(0)) + 1


def pytest_configure(config: pytest.Config) -> None:
    """Start one warm interpreter for a run; its processes and those of tests are forked from it."""
    if getattr(config.option, 'numprocesses', None):
        os.environ[warm_python.FOLDER_VARIABLE] = warm_python.start()
        compile_tests(config)
        # Importing takes each process longer than collecting the tests.
        worker = f'popen//python={warm_python.loaded_python()}'
        config.option.tx = [worker] * len(config.option.tx)
    elif warm_python.FOLDER_VARIABLE in os.environ:
        multiprocessing.set_executable(warm_python.loaded_python())
    if hasattr(config, 'workerinput'):
        sys.executable = config.workerinput['executable']
        # The warm interpreter warns of nothing.
        sys.warnoptions.clear()
        warnings.filters[:] = [kept for kept in warnings.filters if kept != IGNORE_ALL]


def compile_tests(config: pytest.Config) -> None:
    """Compile new tests while the warm interpreter imports, or each process of the run would.

    pytest has no public name for it.
    """
    if sys.dont_write_bytecode:
        return
    for path in [*ROOT.glob('tests/**/test_*.py'), *ROOT.glob('tests/**/conftest.py')]:
        kept = rewrite.get_cache_dir(path) / f'{path.stem}{rewrite.PYC_TAIL}'
        if rewrite._read_pyc(path, kept) is None and rewrite.try_makedirs(kept.parent):
            source, code = rewrite._rewrite_test(path, config)
            rewrite._write_pyc(config.stash[rewrite.assertstate_key], code, source, kept)


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Tell a process of the run which Python is an ordinary one."""
    node.workerinput['executable'] = sys.executable


def pytest_sessionstart() -> None:
    """Collect no garbage while modules are imported: there is none."""
    gc.disable()


def pytest_collection_finish() -> None:
    """Leave what was imported out of every later collection; it took a tenth of the tests' time."""
    gc.enable()
    gc.set_threshold(20_000, 20, 20)
    gc.freeze()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say loudly which tests had nothing to read."""
    # Reports come from every process; what a worker remembers does not.
    skipped = terminalreporter.getreports('skipped')
    count = sum(NO_VIDEOS in report.longreprtext for report in skipped)
    if count:
        terminalreporter.section('REAL VIDEOS ARE MISSING', red=True, bold=True)
        terminalreporter.line(
            f'{count} tests did not run. Set {VIDEOS_VARIABLE} to the folder of videos.', red=True
        )


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put files with slow tests first; skip what needs a GPU where there is none.

    ``FAIL_WITHOUT_CUDA=1`` forbids skipping.
    """
    # Files are dealt out in order: a slow one at the end would keep one process waiting. Those of
    # pages in a browser, of whole programs and of fresh interpreters are long too.
    slow = {item.path for item in items if item.get_closest_marker('slow')}
    items.sort(key=lambda item: (item.path not in slow, not LONG & {*item.path.parts[-2:]}))
    marked = [item for item in items if item.get_closest_marker('needs_cuda')]
    if not marked or os.environ.get('FAIL_WITHOUT_CUDA') == '1':
        return
    import torch

    if not torch.cuda.is_available():
        for item in marked:
            item.add_marker(pytest.mark.skip(reason='no CUDA device here'))
