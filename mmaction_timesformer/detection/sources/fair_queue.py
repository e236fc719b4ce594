"""Bounded queues of several sources for one model, emptied in turn."""

from __future__ import annotations

import threading
import time
from collections import deque
from typing import Generic, TypeVar

from mmaction_timesformer.detection.windows import Window

Item = TypeVar('Item')


class FairQueue(Generic[Item]):
    """One queue a source, of windows and of records about the source, in order.

    Windows are what fills memory and takes time, so they alone are counted and dropped.

    Args:
        capacity: Windows that wait for one source.

    Attributes:
        num_dropped: For each source, how many windows were dropped.
    """

    def __init__(self, capacity: int) -> None:
        if capacity < 1:
            raise ValueError(f'capacity={capacity} must be at least 1')
        self.capacity = capacity
        self.num_dropped: dict[str, int] = {}
        self._queues: dict[str, deque[Item | Window]] = {}
        self._changed = threading.Condition()
        self._is_closed = False

    def put(self, source: str, item: Item | Window, drop_oldest: bool) -> bool:
        """Add what a source has.

        Args:
            source: Whose queue.
            item: What it has.
            drop_oldest: What to do while the queue is full: drop its oldest window, or wait.

        Returns:
            Whether the queue still takes anything; a source ends when it does not.
        """
        with self._changed:
            queue = self._queues.setdefault(source, deque())
            if isinstance(item, Window) and not self._make_room(source, queue, drop_oldest):
                return False
            queue.append(item)
            self._changed.notify_all()
            return not self._is_closed

    def _make_room(self, source: str, queue: deque[Item | Window], drop_oldest: bool) -> bool:
        while _num_windows(queue) >= self.capacity and not self._is_closed:
            if drop_oldest:
                queue.remove(next(item for item in queue if isinstance(item, Window)))
                self.num_dropped[source] = self.num_dropped.get(source, 0) + 1
            else:
                self._changed.wait()
        return not self._is_closed

    def take(
        self, max_windows: int, min_windows: int, timeout_seconds: float
    ) -> list[tuple[str, Item | Window]]:
        """Take one thing of each source in turn until there are enough windows.

        Args:
            max_windows: How many windows to take at most.
            min_windows: How many to wait for, unless a record comes.
            timeout_seconds: Longest wait; what there is is given then.

        Returns:
            Sources and what they had, in each source's order.
        """
        deadline = time.monotonic() + timeout_seconds
        with self._changed:
            while not self._has_enough(min_windows):
                remaining = deadline - time.monotonic()
                if remaining <= 0 or self._is_closed:
                    break
                self._changed.wait(remaining)
            taken: list[tuple[str, Item | Window]] = []
            num_windows = 0
            while num_windows < max_windows and any(self._queues.values()):
                for source, queue in self._queues.items():
                    if queue and num_windows < max_windows:
                        item = queue.popleft()
                        taken.append((source, item))
                        num_windows += isinstance(item, Window)
            # The source that was first this time is last the next time.
            if self._queues:
                first = next(iter(self._queues))
                self._queues[first] = self._queues.pop(first)
            self._changed.notify_all()
            return taken

    def _has_enough(self, min_windows: int) -> bool:
        num_windows = 0
        for queue in self._queues.values():
            in_queue = _num_windows(queue)
            if in_queue < len(queue):
                return True
            num_windows += in_queue
        return num_windows >= min_windows

    def close(self) -> None:
        """Take nothing more; a source that waits for room goes on at once."""
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()


def _num_windows(queue: deque) -> int:
    return sum(isinstance(item, Window) for item in queue)
