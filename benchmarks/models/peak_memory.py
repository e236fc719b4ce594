"""The most memory that a function holds at once, counted where PyTorch hands it out.

On a CPU the allocator's own events, as the profiler sees them, are added up: exact to the byte,
the same in every run, and free of what Python, the libraries and a fragmented heap add to a
process's size. What oneDNN takes for itself during a product is not among them. On a CUDA device
the allocator keeps the count.
"""

from __future__ import annotations

import gc
import multiprocessing
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn
from torch.profiler import ProfilerActivity, profile

_ALLOCATION = '[memory]'


def peak_bytes(run: Callable[[], object], device: str | torch.device = 'cpu') -> int:
    """Bytes held at most while a function runs, beyond those that were held before."""
    if torch.device(device).type == 'cuda':
        torch.cuda.synchronize(device)
        before = torch.cuda.memory_allocated(device)
        torch.cuda.reset_peak_memory_stats(device)
        run()
        torch.cuda.synchronize(device)
        return torch.cuda.max_memory_allocated(device) - before
    with no_garbage(), profile(activities=[ProfilerActivity.CPU], profile_memory=True) as profiler:
        run()
    assert profiler.profiler is not None
    assert profiler.profiler.kineto_results is not None
    events = profiler.profiler.kineto_results.events()
    changes = sorted(
        (event.start_ns(), event.nbytes()) for event in events if event.name() == _ALLOCATION
    )
    held = peak = 0
    for _, change in changes:
        held += change
        peak = max(peak, held)
    return peak


@contextmanager
def no_garbage() -> Iterator[None]:
    """Keep Python from collecting, inside, tensors that others have left behind."""
    was_enabled = gc.isenabled()
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def drop_gradients(model: nn.Module) -> None:
    """From now on each gradient dies as soon as it is whole, as in training that uses it at once.

    Weights and gradients take the same memory in every implementation: without them, a peak is
    that of the activations.
    """

    def drop(parameter: torch.Tensor) -> None:
        parameter.grad = None

    for parameter in model.parameters():
        parameter.register_post_accumulate_grad_hook(drop)


def in_own_process(function: Callable[..., Any], *arguments: Any) -> Any:
    """Result of a function of this package in a fresh process, where nothing has run before."""
    context = multiprocessing.get_context('spawn')
    with ProcessPoolExecutor(1, mp_context=context) as pool:
        return pool.submit(function, *arguments).result()
