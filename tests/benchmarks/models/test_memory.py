"""The schemes beside joint attention: keys counted, attention timed apart from the rest."""

import torch

from benchmarks.models import memory
from mmaction_timesformer.models.layers import attend


def test_keys_and_times_beside_joint(monkeypatch):
    monkeypatch.setattr(memory, 'KEYS_AT', (4, 64))
    rows = {row['scheme']: row for row in memory.against_joint(num_rounds=2)}
    keys = {scheme: row['keys'] for scheme, row in rows.items()}
    # 4 frames of 4x4 patches: everything; 4x2x2 near and 2x2x2 far; lines of 4. Class tokens too.
    assert keys == {'joint_space_time': 65, 'sparse_local_global': 16 + 8 + 2, 'axial': 15}
    assert rows['joint_space_time']['attention_of_joint'] == 1
    for row in rows.values():
        assert 0 <= row['attention_seconds'] <= row['block_seconds']
    assert rows['axial']['moving_of_joint'] > 0
    assert rows['sparse_local_global']['moving_of_joint'] is None


def test_a_clock_adds_up_a_run_and_changes_nothing():
    moments = iter([0.0, 1.0, 10.0, 12.0, 20.0, 24.0])
    q, k, v = torch.rand(3, 2, 4, 5, 8)
    clock = memory.KernelClock(clock=moments.__next__)
    for num_calls in (2, 1):
        clock.start_run()
        for _ in range(num_calls):
            assert torch.equal(clock(q, k, v), attend(q, k, v))
    assert clock.seconds == [3.0, 4.0]
