"""Whether somebody listens to a module, so that what only a listener needs is made for no other."""

from __future__ import annotations

from torch import nn
from torch.nn.modules import module as of_all_modules

KINDS = ('forward_hooks', 'forward_pre_hooks', 'backward_hooks', 'backward_pre_hooks')


def is_watched(module: nn.Module) -> bool:
    """Whether a hook of the module, or one of all modules, sees what goes in or comes out."""
    return any(
        getattr(module, f'_{kind}') or getattr(of_all_modules, f'_global_{kind}') for kind in KINDS
    )
