"""Memory that is held inside a block, whatever was held before it."""

import numpy as np
import pytest
import torch

from mmaction_timesformer.reports.results.held_memory import CLEAR, HeldMemory

MIB = 2**20


@pytest.mark.skipif(not CLEAR.exists(), reason='only Linux puts the high-water mark back')
@pytest.mark.parametrize('piece', [80 * MIB, MIB // 16], ids=['mapped', 'on the heap'])
def test_what_was_given_back_before_does_not_count(piece):
    earlier = [np.ones(piece, np.uint8) for _ in range(80 * MIB // piece + 1)]
    del earlier[:-1]  # The last one keeps the heap from shrinking.
    with HeldMemory('cpu') as memory:
        held = np.ones(40 * MIB, np.uint8)
        del held
    assert memory.peak_bytes == pytest.approx(40 * MIB, abs=4 * MIB)


@pytest.mark.needs_cuda
def test_tensors_of_a_cuda_device():
    kept = torch.ones(10 * MIB, dtype=torch.uint8, device='cuda')
    with HeldMemory('cuda') as memory:
        held = torch.ones(40 * MIB, dtype=torch.uint8, device='cuda')
        del held
    assert memory.peak_bytes == 40 * MIB
    assert kept.numel()
