"""Runs a function on many items on a Ray cluster, with the same outcomes as the local pool.

Ray Data spreads the items over machines. On each, a task hands its few items to `run_in_processes`,
so one that hangs or crashes its decoder is lost alone, there as here.
"""

from __future__ import annotations

import functools
import json
import logging
import math
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from data_analysis.measuring.worker_pool import Outcome, Workers, run_in_processes

LOCAL = 'local'
"""The address that starts a Ray of its own on this machine."""

_ITEMS_OF_A_TASK = 32


@contextmanager
def connected(address: str, num_cpus: int | None = None) -> Iterator[Any]:
    """Joins a Ray cluster, or starts one on this machine, for as long as the block lasts.

    Args:
        address: `LOCAL`, ``auto`` for the cluster that this machine belongs to, or ``HOST:PORT``.
        num_cpus: Cores that a local one may use; by default all.

    Yields:
        The module `ray`, with Ray Data.

    Raises:
        ImportError: Ray is not installed.
    """
    os.environ.setdefault('RAY_USAGE_STATS_ENABLED', '0')  # it reports to its makers
    if address == LOCAL:
        # Read at Ray's import: its processes listen on the loopback alone, not on all interfaces.
        os.environ.setdefault('RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER', '0')
        # And want the token of this user; newest versions do by themselves, old ones cannot.
        os.environ.setdefault('RAY_AUTH_MODE', 'token')
    try:
        import ray
        import ray.data
    except ImportError as error:
        raise ImportError(
            f"--ray needs Ray ({error}): pip install 'mmaction_timesformer[ray]'"
        ) from error
    is_guest = ray.is_initialized()
    if not is_guest:
        options: dict[str, Any] = {}
        if address == LOCAL:
            options = {'num_cpus': num_cpus, 'include_dashboard': False}
        ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR, **options)
    ray.data.DataContext.get_current().enable_progress_bars = False
    try:
        yield ray
    finally:
        if not is_guest:
            ray.shutdown()


def run_on_ray(
    function: Callable[[Any], Any],
    items: Iterable[Any],
    *,
    address: str = LOCAL,
    num_cpus: int | None = None,
    timeout_seconds: float,
) -> Iterator[Outcome]:
    """Applies a function to each item and yields outcomes as they come, like `run_in_processes`.

    Args:
        function: From a module that every machine has.
        items: What JSON can hold; a tuple arrives as a list.
        address: As in `connected`.
        num_cpus: As in `connected`.
        timeout_seconds: Time that one item may take.
    """
    items = list(items)
    if not items:
        return
    work = functools.partial(_work, function=function, timeout_seconds=timeout_seconds)
    with connected(address, num_cpus) as ray:
        rows = [{'number': number, 'item': json.dumps(item)} for number, item in enumerate(items)]
        blocks = math.ceil(len(rows) / _ITEMS_OF_A_TASK)
        finished = ray.data.from_items(rows, override_num_blocks=blocks).map_batches(
            work, batch_size=None, batch_format='numpy'
        )
        for row in finished.iter_rows():
            yield Outcome(items[row['number']], **json.loads(row['outcome']))


def _work(
    batch: dict[str, np.ndarray], function: Callable[[Any], Any], timeout_seconds: float
) -> dict[str, np.ndarray]:
    """A task on some machine of the cluster."""
    numbered = list(zip(batch['number'].tolist(), batch['item'].tolist(), strict=True))
    outcomes = run_in_processes(
        functools.partial(_apply, function),
        numbered,
        Workers(1, timeout_seconds),
    )
    numbers, texts = [], []
    for outcome in outcomes:
        numbers.append(outcome.item[0])
        told = {name: getattr(outcome, name) for name in ('value', 'failure', 'reason')}
        texts.append(json.dumps(told))
    return {'number': np.array(numbers), 'outcome': np.array(texts)}


def _apply(function: Callable[[Any], Any], numbered: tuple[int, str]) -> Any:
    return function(json.loads(numbered[1]))
