"""FLOPs and peak memory of a model, counted on tensors without content: no size is too large."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import torch
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.distributed._tools.mem_tracker import MemTracker
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.models import peers
from benchmarks.models.peak_memory import drop_gradients, peak_bytes
from benchmarks.models.peers import Setup

# Its hundreds of regions take longer to count than to run.
MEASURED = ('sparse_local_global',)


def count_flops(setup: Setup) -> int:
    """Of a forward pass, as torch counts them; a multiply-add is two."""
    one, two = (_count_flops(replace(setup, num_layers=number)) for number in (1, 2))
    return one + (setup.num_layers - 1) * (two - one)


def _count_flops(setup: Setup) -> int:
    with torch.device('meta'):
        model, clips = peers.build('ours', setup), setup.clips('meta')
    with FlopCounterMode(display=False) as counter:
        model(clips)
    return counter.get_total_flops()


class Activations(NamedTuple):
    """Peak bytes of a training step beyond weights, gradients and clips.

    Attributes:
        plain: As the model is.
        with_cp: With every block computed again in the backward pass.
    """

    plain: int
    with_cp: int


def count_activations(library: str, setup: Setup) -> Activations:
    """Count a training step; from one and two blocks to all, because each adds the same."""
    once = measure_once if setup.attention_type in MEASURED else count_once
    one, two = (once(library, replace(setup, num_layers=number)) for number in (1, 2))
    more_blocks = setup.num_layers - 1
    # Of each block but the one that is at work its input is left.
    tokens = setup.num_frames * (setup.img_size // 16) ** 2 + 1
    of_an_input = 4 * setup.batch_size * tokens * setup.embed_dims
    return Activations(one + more_blocks * (two - one), one + more_blocks * of_an_input)


def count_once(library: str, setup: Setup, with_cp: bool = False) -> int:
    """Peak bytes of a training step's activations, with as many blocks as the setup has."""
    with torch.device('meta'):
        model = peers.build(library, setup, with_cp, trains=True)
    with FakeTensorMode(allow_non_fake_inputs=True):
        model.to_empty(device='cpu')
        clips = setup.clips()
        drop_gradients(model)
        step = peers.training_step(model, clips)
        tracker = MemTracker()
        tracker.track_external(model, clips)
        with tracker:
            step()
    (found,) = tracker.get_tracker_snapshot('peak').values()
    held_before = sum(tensor.nbytes for tensor in (*model.parameters(), *model.buffers(), clips))
    return found['Total'] - held_before


def measure_once(library: str, setup: Setup, with_cp: bool = False) -> int:
    """As :func:`count_once`, but run, and seen by PyTorch's allocator."""
    model = peers.build(library, setup, with_cp, trains=True)
    drop_gradients(model)
    return peak_bytes(peers.training_step(model, setup.clips()))


def num_parameters(library: str, setup: Setup) -> int:
    """Trained numbers of a model."""
    with torch.device('meta'):
        return sum(p.numel() for p in peers.build(library, setup).parameters())
