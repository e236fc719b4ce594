"""Bounded queues that share one model."""

import threading
import time

import torch

from mmaction_timesformer.detection.sources.fair_queue import FairQueue
from mmaction_timesformer.detection.windows import Window


def window(number):
    return Window(number, float(number), float(number), 0.0, (torch.zeros(1, 3, 1, 1),))


def numbers(taken):
    return [(s, item.index if isinstance(item, Window) else item) for s, item in taken]


def test_takes_from_each_source_in_turn():
    queue = FairQueue(capacity=10)
    for number in range(6):
        queue.put('busy', window(number), drop_oldest=True)
    queue.put('calm', window(0), drop_oldest=True)
    taken = numbers(queue.take(4, 1, 60.0))
    assert taken == [('busy', 0), ('calm', 0), ('busy', 1), ('busy', 2)]


def test_no_source_is_always_first():
    queue = FairQueue(capacity=10)
    for number in range(3):
        for source in 'abc':
            queue.put(source, window(number), drop_oldest=True)
    first = [numbers(queue.take(1, 1, 1.0))[0][0] for _ in range(9)]
    assert sorted(first) == sorted('abc' * 3)
    assert first[:3] == ['a', 'b', 'c']


def test_a_full_queue_drops_its_oldest_window_and_counts_it():
    queue = FairQueue(capacity=2)
    queue.put('a', 'note', drop_oldest=True)
    for number in range(5):
        queue.put('a', window(number), drop_oldest=True)
    assert queue.num_dropped == {'a': 3}
    assert numbers(queue.take(9, 1, 1.0)) == [('a', 'note'), ('a', 3), ('a', 4)]


def test_a_full_queue_lets_a_file_wait():
    queue = FairQueue(capacity=1)
    queue.put('a', window(0), drop_oldest=False)
    feeder = threading.Thread(target=queue.put, args=('a', window(1), False), daemon=True)
    feeder.start()
    feeder.join(0.1)
    assert feeder.is_alive()
    assert numbers(queue.take(9, 1, 1.0)) == [('a', 0)]
    feeder.join(60)
    assert not feeder.is_alive()
    assert queue.num_dropped == {}


def test_waits_for_a_batch_but_not_past_a_note_or_the_time_limit():
    queue = FairQueue(capacity=10)
    queue.put('a', window(0), drop_oldest=False)
    started = time.monotonic()
    assert len(queue.take(4, 4, 0.1)) == 1
    assert time.monotonic() - started >= 0.1
    queue.put('a', window(1), drop_oldest=False)
    queue.put('a', 'note', drop_oldest=False)
    assert len(queue.take(4, 4, 60.0)) == 2


def test_a_closed_queue_sends_its_sources_home():
    queue = FairQueue(capacity=1)
    queue.put('a', window(0), drop_oldest=False)
    answers = []
    feeder = threading.Thread(
        target=lambda: answers.append(queue.put('a', window(1), drop_oldest=False)), daemon=True
    )
    feeder.start()
    queue.close()
    feeder.join(60)
    assert answers == [False]
