"""Dense attention under boolean masks, written from the paper alone: the oracle of every scheme.

Nothing of the schemes' own regrouping is used. A mask has a row for each query; a class token that
is copied into several groups has a row for each copy, and the copies' outputs are averaged.
"""

from __future__ import annotations

from itertools import product

import torch
from torch import Tensor

SHAPES = [(4, 4, 4), (3, 5, 4), (2, 6, 3), (1, 3, 5), (5, 1, 2)]


def places(num_frames: int, height: int, width: int) -> list[tuple[int, int, int]]:
    """(t, row, column) of every patch in (t h w) order."""
    return list(product(range(num_frames), range(height), range(width)))


def _window_start(position: int, length: int) -> int:
    size = -(-length // 2)
    return min(max(position - size // 2, 0), length - size)


def _in_window(query: int, key: int, length: int) -> bool:
    start = _window_start(query, length)
    return start <= key < start + -(-length // 2)


def sees(step: str, query: tuple, key: tuple, shape: tuple) -> bool:
    """Whether a patch sees another in a step, by the definition of the step."""
    (qt, qr, qc), (kt, kr, kc) = query, key
    _, height, width = shape
    return {
        'space': qt == kt,
        'time': (qr, qc) == (kr, kc),
        'joint': True,
        'width': (qt, qr) == (kt, kr),
        'height': (qt, qc) == (kt, kc),
        'window': _in_window(qr, kr, height) and _in_window(qc, kc, width),
        'quadrant': (qr < -(-height // 2)) == (kr < -(-height // 2))
        and (qc < -(-width // 2)) == (kc < -(-width // 2)),
        'residue': (qt - kt) % 2 == 0 and (qr - kr) % 2 == 0 and (qc - kc) % 2 == 0,
        'fixed': kt % 2 == 0 and kr % 2 == 0 and kc % 2 == 0,
    }[step]


def patch_mask(step: str, shape: tuple[int, int, int]) -> Tensor:
    """(N, N): which patches (columns) a patch (row) sees."""
    grid = places(*shape)
    return torch.tensor([[sees(step, query, key, shape) for key in grid] for query in grid])


def masked_attention(q: Tensor, k: Tensor, v: Tensor, mask: Tensor, num_heads: int) -> Tensor:
    """(n, D), (m, D), (m, D) and a mask (n, m) to (n, D): softmax over the keys allowed."""
    dims = q.shape[-1] // num_heads
    outputs = []
    for head in range(num_heads):
        part = slice(head * dims, (head + 1) * dims)
        scores = q[:, part] @ k[:, part].T / dims**0.5
        outputs.append(scores.masked_fill(~mask, -torch.inf).softmax(dim=-1) @ v[:, part])
    return torch.cat(outputs, dim=-1)


def dense_step(module, tokens: Tensor, step: str, shape: tuple, cls_rule: str) -> Tensor:
    """The update that an attention step makes to one clip's tokens (C + N, D).

    ``cls_rule``: ``absent``; ``copies``, one for each group of patches that see each other;
    ``whole``, a key for everybody that itself sees everything; ``per_frame``, one for each frame.
    """
    num_patches = len(places(*shape))
    num_cls = len(tokens) - num_patches
    q, k, v = module.qkv(module.norm(tokens)).chunk(3, dim=-1)
    patches = patch_mask(step, shape)
    if cls_rule == 'absent':
        rows, keys = patches, slice(num_cls, None)
        attended = masked_attention(q[keys], k[keys], v[keys], rows, module.num_heads)
        update = torch.zeros_like(tokens)
        update[keys] = _project(module, attended)
        return update
    if cls_rule == 'per_frame':
        frame_of = torch.tensor([t for t, _, _ in places(*shape)])
        owner = torch.arange(num_cls)[:, None] == frame_of
        mask = torch.cat(
            (
                torch.cat((torch.eye(num_cls, dtype=torch.bool), owner), dim=1),
                torch.cat((owner.T, patches), dim=1),
            )
        )
        return _project(module, masked_attention(q, k, v, mask, module.num_heads))
    seen_by_cls = (
        patches.unique(dim=0) if cls_rule == 'copies' else patches.new_ones(1, num_patches)
    )
    rows = torch.cat((seen_by_cls, patches))
    mask = torch.cat((rows.new_ones(len(rows), 1), rows), dim=1)
    queries = torch.cat((q[:1].expand(len(seen_by_cls), -1), q[1:]))
    attended = masked_attention(queries, k, v, mask, module.num_heads)
    cls = attended[: len(seen_by_cls)].mean(dim=0, keepdim=True)
    return _project(module, torch.cat((cls, attended[len(seen_by_cls) :])))


def _project(module, attended: Tensor) -> Tensor:
    projected = attended @ module.proj.weight.T + module.proj.bias
    return projected if module.fc is None else projected @ module.fc.weight.T + module.fc.bias
