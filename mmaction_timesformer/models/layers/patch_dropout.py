"""Leaving out patches of a clip in training, those in which least changes.

PatchDropout (arXiv 2208.07220) leaves out patches at random and saves their share of the time and
memory. Before a fixed camera, most patches say the same all the time; left out here are those,
as run-length tokenization does (arXiv 2411.05222), and the same number in each clip of a batch.

Legend: B batch, T frames, h/w patch rows and columns, D channels, k patches of a frame that stay.
"""

from __future__ import annotations

from dataclasses import replace

from torch import Tensor

from mmaction_timesformer.models.layers.token_grid import TokenGrid


def changing_patches(patches: Tensor, rate: float) -> Tensor | None:
    """Places (B, k) of the patches that change most from frame to frame; ``None`` for all.

    Args:
        patches: Embedded patches without positions, (B, T, h, w, D). In one frame nothing changes,
            and all stay.
        rate: Share of the places to leave out; one place stays at least.
    """
    if not rate or patches.shape[1] == 1:
        return None
    change = patches.detach().diff(dim=1).square().mean(dim=(1, 4)).flatten(1)
    num_kept = max(1, round((1 - rate) * change.shape[1]))
    return change.topk(num_kept, dim=1, sorted=False).indices


def keep_patches(
    patches: Tensor, grid: TokenGrid, places: Tensor | None
) -> tuple[Tensor, TokenGrid]:
    """The patches at some places of every frame, as one row.

    Args:
        patches: (B, T, h, w, D).
        grid: Their layout.
        places: (B, k), or ``None`` for all.

    Returns:
        Patches (B, T, 1, k, D) and their layout, or both as they were.
    """
    if places is None:
        return patches, grid
    rows = patches.flatten(2, 3)
    index = places[:, None, :, None].expand(-1, rows.shape[1], -1, rows.shape[3])
    return rows.gather(2, index).unsqueeze(2), replace(grid, height=1, width=places.shape[1])
