"""Runs a function on many items in child processes that may hang or die.

A broken video can send a decoder into an endless loop or into a segmentation fault. Neither may
end the run, so each worker is a process of its own that is watched: one that overruns its time
limit is killed, one that dies is replaced, and the item that did it comes back as a failure. The
pools of the standard library end as a whole instead.
"""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from typing import Any

_STARTING_SECONDS = 300.0
"""A busy machine may take long to import what a worker needs; an item's time begins after that."""


@dataclass(frozen=True)
class Outcome:
    """Outcome of one item.

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


@dataclass(frozen=True)
class Workers:
    """Child processes.

    Attributes:
        number: 0 works in this process, without protection or time limit.
        timeout_seconds: Time that one item may take before its process is killed.
    """

    number: int = 0
    timeout_seconds: float = 3600.0

    def __post_init__(self) -> None:
        if self.number < 0 or self.timeout_seconds <= 0:
            raise ValueError(
                f'num_workers must be at least 0 and timeout_seconds positive, '
                f'got {self.number} and {self.timeout_seconds}'
            )


def run_in_processes(
    function: Callable[[Any], Any], items: Iterable[Any], workers: Workers
) -> Iterator[Outcome]:
    """Applies `function` to each item and yields the outcomes as they come, in no fixed order.

    Items are drawn from the iterable as they are needed, so memory does not grow with their number.

    Args:
        function: A function of a module, which a new process can import.
        items: What to work on; anything that can be pickled.
        workers: Processes to work in.

    Raises:
        RuntimeError: if a worker cannot even start.
    """
    if workers.number == 0:
        yield from _run_here(function, items)
        return
    pool = [_Worker(function, workers.timeout_seconds) for _ in range(workers.number)]
    remaining = iter(items)
    try:
        while pool:
            patience = max(0.0, min(worker.deadline for worker in pool) - time.monotonic())
            ready = wait([worker.connection for worker in pool], patience)
            for worker in list(pool):
                outcome = worker.look(worker.connection in ready)
                if outcome is not None:
                    yield outcome
                if worker.is_idle and not worker.take(remaining):
                    worker.stop()
                    pool.remove(worker)
    finally:
        for worker in pool:
            worker.stop()


def _run_here(function: Callable[[Any], Any], items: Iterable[Any]) -> Iterator[Outcome]:
    for item in items:
        try:
            yield Outcome(item, function(item))
        except Exception as error:  # as in a worker
            yield Outcome(item, failure='raised', reason=f'{type(error).__name__}: {error}')


def _serve(function: Callable[[Any], Any], connection: Connection) -> None:
    """A worker's life: say that it is ready, then receive items and send their results."""
    try:
        connection.send(None)
        while True:
            item = connection.recv()
            result: tuple[str | None, Any]
            try:
                result = None, function(item)
            except Exception as error:  # the parent decides what a failure means
                result = 'raised', f'{type(error).__name__}: {error}'
            connection.send(result)
    except (EOFError, BrokenPipeError, KeyboardInterrupt):
        return


class _Worker:
    """One child process, and what it is doing: starting, idle, or working on an item."""

    def __init__(self, function: Callable[[Any], Any], timeout_seconds: float) -> None:
        self._function = function
        self._timeout_seconds = timeout_seconds
        self._start()

    def _start(self) -> None:
        # spawn: a forked copy of a process with threads (matplotlib, BLAS) may deadlock.
        context = multiprocessing.get_context('spawn')
        self.connection, child = context.Pipe()
        self._process = context.Process(target=_serve, args=(self._function, child), daemon=True)
        self._process.start()
        child.close()
        self._state = 'starting'
        self._item: Any = None
        self.deadline = time.monotonic() + _STARTING_SECONDS

    def stop(self) -> None:
        """Ends the process, whatever it is doing."""
        self.connection.close()
        self._process.kill()
        self._process.join()

    @property
    def is_idle(self) -> bool:
        """Whether it waits for an item."""
        return self._state == 'idle'

    def take(self, items: Iterator[Any]) -> bool:
        """Begins the next item; False if there is none."""
        try:
            self._item = next(items)
        except StopIteration:
            return False
        self._state = 'working'
        self.deadline = time.monotonic() + self._timeout_seconds
        self.connection.send(self._item)
        return True

    def look(self, has_message: bool) -> Outcome | None:
        """Notes what happened since the last look; the outcome if an item was finished or lost."""
        if not has_message:
            if time.monotonic() < self.deadline:
                return None
            reason = f'not done after {self._timeout_seconds:g} seconds'
            return self._lose('timed_out', reason)
        try:
            message = self.connection.recv()
        except (EOFError, ConnectionError):
            self._process.join()
            return self._lose('crashed', f'its process ended with {self._process.exitcode}')
        was_starting = self._state == 'starting'
        self._state = 'idle'
        if was_starting:
            return None
        failure, value = message
        if failure:
            return Outcome(self._item, failure=failure, reason=value)
        return Outcome(self._item, value)

    def _lose(self, failure: str, reason: str) -> Outcome:
        if self._state == 'starting':
            raise RuntimeError(f'a worker process did not start: {reason}')
        outcome = Outcome(self._item, failure=failure, reason=reason)
        self.stop()
        self._start()
        return outcome
