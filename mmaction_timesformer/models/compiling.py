"""Preparing ``torch.compile`` for models that are written with einops."""

import einops


def keep_einops_whole() -> None:
    """Let ``torch.compile`` take each einops operation as one node.

    Otherwise it traces how einops reads a pattern, in every layer anew: five times as long.
    """
    # Imports a second's worth of torch, which few runs need.
    from torch.compiler import allow_in_graph

    for operation in (einops.rearrange, einops.reduce, einops.repeat):
        allow_in_graph(operation)
