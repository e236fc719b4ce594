"""Attention of one batch of groups, by whichever of torch's ways is fast there.

Legend: G groups, n/m queries and keys of a group, d channels of a head.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

AttentionKernel = Callable[[Tensor, Tensor, Tensor], Tensor]
"""Queries (G, heads, n, d) and keys, values (G, heads, m, d) to outputs (G, heads, n, d)."""

SMALL_GROUP = 2**19
"""Scores of a group, over all heads, up to which plain products are the faster way."""
_SCORES_AT_ONCE = 2**21


def attend(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """Softmax attention, (G, heads, n, d).

    Torch's fused kernel, but for bfloat16 on a CPU: on the small groups that most steps have it
    takes twice as long there as plain products. It stays where gradients are wanted, because it
    keeps no scores.
    """
    scores = q.shape[1] * q.shape[2] * k.shape[2]
    if (
        q.dtype == torch.bfloat16
        and q.device.type == 'cpu'
        and scores <= SMALL_GROUP
        and not torch.is_grad_enabled()
        and not torch.compiler.is_compiling()
    ):
        return _attend_plainly(q, k, v, _SCORES_AT_ONCE // scores)
    return F.scaled_dot_product_attention(q, k, v)


def _attend_plainly(q: Tensor, k: Tensor, v: Tensor, groups_at_once: int) -> Tensor:
    """Products and a softmax, for so many groups at once that their scores stay in the cache."""
    parts = (x.split(groups_at_once) for x in (q * q.shape[-1] ** -0.5, k, v))
    return torch.cat(
        [
            (some_q @ some_k.mT).softmax(dim=-1) @ some_v
            for some_q, some_k, some_v in zip(*parts, strict=True)
        ]
    )
