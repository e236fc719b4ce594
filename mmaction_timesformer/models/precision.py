"""The floating-point type to compute in, by device."""

from __future__ import annotations

import torch

DTYPES = ('auto', 'float32', 'bfloat16', 'float16')


def best_amp_dtype(device_type: str) -> torch.dtype | None:
    """Return the type to autocast to on this machine.

    Args:
        device_type: ``'cuda'``, ``'cpu'`` or another of torch's.

    Returns:
        bfloat16 on GPUs that compute in it (NVIDIA from Ampere on; AMD) and on CPUs with bfloat16
        instructions, float16 on older GPUs, ``None`` (stay in float32) elsewhere.
    """
    if device_type == 'cuda':
        # is_bf16_supported() says yes to GPUs that emulate it, more slowly than float32.
        is_native = torch.version.hip is not None or torch.cuda.get_device_capability() >= (8, 0)
        return torch.bfloat16 if is_native else torch.float16
    if device_type == 'cpu' and _cpu_has_bfloat16_instructions():
        return torch.bfloat16
    return None


def choose_dtype(name: str, device: str) -> torch.dtype:
    """Return the type of a name in `DTYPES`; ``auto`` is the fastest that the device supports."""
    if name == 'auto':
        return best_amp_dtype(torch.device(device).type) or torch.float32
    dtype = getattr(torch, name)
    assert isinstance(dtype, torch.dtype)
    return dtype


def _cpu_has_bfloat16_instructions() -> bool:
    # Both names came after torch 2.4; without them, float32 is the safe answer.
    for instructions in ('_is_avx512_bf16_supported', '_is_amx_tile_supported'):
        is_supported = getattr(torch.cpu, instructions, None)
        if is_supported is not None and is_supported():
            return True
    return False
