"""Runs a function on many items in child processes that may hang or die.

A broken video can send a decoder into an endless loop or into a segmentation fault. Neither may end
the run, so each worker is a process of its own that is watched: one that overruns its time limit is
killed, one that dies is replaced, and the item that did it comes back as a failure. The pools of
the standard library end the whole pool instead.
"""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from typing import Any


@dataclass(frozen=True)
class Outcome:
    """What became of one item.

    Attributes:
        item: The item as it was handed in.
        value: What the function returned; None after a failure.
        failure: None, `raised`, `timed_out` or `crashed`.
        reason: The failure in words.
    """

    item: Any
    value: Any = None
    failure: str | None = None
    reason: str = ''


def _serve(function: Callable[[Any], Any], connection: Connection) -> None:
    """A worker's life: receive an item, send its result, until the parent closes the pipe."""
    while True:
        try:
            item = connection.recv()
        except (EOFError, KeyboardInterrupt):
            return
        try:
            connection.send((None, function(item)))
        except KeyboardInterrupt:
            return
        except Exception as error:  # the parent decides what a failure means
            connection.send(('raised', f'{type(error).__name__}: {error}'))


class _Worker:
    """One child process with the item it works on."""

    def __init__(self, function: Callable[[Any], Any], context: Any) -> None:
        self._function = function
        self._context = context
        self.item: Any = None
        self.deadline = 0.0
        self._start()

    def _start(self) -> None:
        self.connection, child = self._context.Pipe()
        self.process = self._context.Process(
            target=_serve, args=(self._function, child), daemon=True
        )
        self.process.start()
        child.close()

    def give(self, item: Any, deadline: float) -> None:
        self.item, self.deadline = item, deadline
        self.connection.send(item)

    def restart(self) -> None:
        self.stop()
        self._start()

    def stop(self) -> None:
        self.connection.close()
        self.process.kill()
        self.process.join()

    def collect(self) -> Outcome:
        """Takes the result that lies in the pipe; replaces the process if there is none."""
        try:
            failure, value = self.connection.recv()
        except (EOFError, ConnectionError):
            self.process.join()
            exit_code = self.process.exitcode
            self.restart()
            return Outcome(
                self.item, failure='crashed', reason=f'the process ended with exit code {exit_code}'
            )
        if failure:
            return Outcome(self.item, failure=failure, reason=value)
        return Outcome(self.item, value)


def run_in_processes(
    function: Callable[[Any], Any],
    items: Iterable[Any],
    *,
    num_workers: int,
    timeout_seconds: float,
) -> Iterator[Outcome]:
    """Applies `function` to each item and yields the outcomes as they come, in no fixed order.

    Items are drawn from the iterable one at a time, so memory does not grow with their number.

    Args:
        function: A function of a module, which a new process can import.
        items: What to work on; anything that can be pickled.
        num_workers: Child processes. 0 works in this process, without protection or time limit.
        timeout_seconds: Time that one item may take before its process is killed.

    Raises:
        ValueError: for a negative number of workers or a time limit that is not positive.
    """
    if num_workers < 0 or timeout_seconds <= 0:
        raise ValueError(
            f'num_workers must be at least 0 and timeout_seconds positive, '
            f'got {num_workers} and {timeout_seconds}'
        )
    if num_workers == 0:
        yield from _run_here(function, items)
        return
    # spawn: a forked copy of a process with threads (matplotlib, BLAS) may deadlock.
    context = multiprocessing.get_context('spawn')
    remaining = iter(items)
    idle = [_Worker(function, context) for _ in range(num_workers)]
    busy: list[_Worker] = []
    try:
        while True:
            while idle:
                try:
                    item = next(remaining)
                except StopIteration:
                    break
                worker = idle.pop()
                busy.append(worker)
                worker.give(item, time.monotonic() + timeout_seconds)
            if not busy:
                return
            for worker, outcome in _next_outcomes(busy, timeout_seconds):
                busy.remove(worker)
                idle.append(worker)
                yield outcome
    finally:
        for worker in idle + busy:
            worker.stop()


def _next_outcomes(
    busy: list[_Worker], timeout_seconds: float
) -> Iterator[tuple[_Worker, Outcome]]:
    """Waits for the first worker that is done, has died or has overrun its time."""
    patience = max(0.0, min(worker.deadline for worker in busy) - time.monotonic())
    ready = wait([worker.connection for worker in busy], patience)
    for worker in list(busy):
        if worker.connection in ready:
            yield worker, worker.collect()
        elif time.monotonic() >= worker.deadline:
            worker.restart()
            yield (
                worker,
                Outcome(
                    worker.item,
                    failure='timed_out',
                    reason=f'not done after {timeout_seconds:g} seconds',
                ),
            )


def _run_here(function: Callable[[Any], Any], items: Iterable[Any]) -> Iterator[Outcome]:
    for item in items:
        try:
            yield Outcome(item, function(item))
        except Exception as error:  # as in a worker
            yield Outcome(item, failure='raised', reason=f'{type(error).__name__}: {error}')
