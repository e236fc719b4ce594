"""Charts of the patches that a query sees in every step of every attention scheme.

The schemes themselves are asked: token numbers go through the groupings that attention goes
through.
"""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure

from mmaction_timesformer.models.layers import AttentionStep, TokenGrid
from mmaction_timesformer.registry import ATTENTION_SCHEMES

TITLES = {
    'space_only': 'Space (S)',
    'joint_space_time': 'Joint space-time (ST)',
    'divided_space_time': 'Divided space-time (T+S)',
    'sparse_local_global': 'Sparse local-global (L+G)',
    'axial': 'Axial (T+W+H)',
}
COLORS = ['#eceff1', '#9fb8cf', '#4f86b5', '#1f4e79', '#d1495b']
UNSEEN, QUERY = 0, 4


def visible_patches(
    step: AttentionStep, grid: TokenGrid, query: tuple[int, int, int]
) -> np.ndarray:
    """Which patches (T, h, w) the patch at (t, row, column) attends to in a step."""
    numbers = torch.arange(grid.num_cls + grid.num_patches)[None, :, None]
    frame, row, column = query
    token = grid.num_cls + (frame * grid.height + row) * grid.width + column
    visible = np.zeros(grid.num_cls + grid.num_patches, dtype=bool)
    grouping = step.grouping
    groups = zip(grouping.queries(numbers, grid), grouping.keys(numbers, grid), strict=True)
    for queries, keys in groups:
        visible[keys[(queries == token).any(dim=1).flatten()].flatten()] = True
    return visible[grid.num_cls :].reshape(grid.num_frames, grid.height, grid.width)


def draw_schemes(num_frames: int, size: int, query: tuple[int, int, int]) -> Figure:
    """A row for each scheme, a column for each frame; the shade is the step."""
    figure, axes = plt.subplots(
        len(TITLES), num_frames, figsize=(1.5 * num_frames + 2.6, 1.55 * len(TITLES))
    )
    for row, (name, title) in zip(axes, TITLES.items(), strict=True):
        scheme = ATTENTION_SCHEMES.build(
            dict(type=name, embed_dims=1, num_heads=1, drop_path_rate=0.0)
        )
        grid = TokenGrid(num_frames, size, size, num_frames if scheme.cls_per_frame else 1)
        steps = dict(scheme.named_children())
        shades = np.full((num_frames, size, size), UNSEEN)
        for shade, step in enumerate(steps.values(), start=1):
            shades[visible_patches(step, grid, query)] = shade
        shades[query] = QUERY
        for frame, axis in enumerate(row):
            axis.imshow(shades[frame], cmap=ListedColormap(COLORS), vmin=UNSEEN, vmax=QUERY)
            axis.set_xticks(np.arange(-0.5, size), [])
            axis.set_yticks(np.arange(-0.5, size), [])
            axis.grid(color='white', linewidth=1.2)
            axis.tick_params(length=0)
            axis.spines[:].set_visible(False)
        row[0].set_ylabel(
            f'{title}\n{", then ".join(steps)}',
            rotation=0, ha='right', va='center', labelpad=12, fontsize=9,
        )  # fmt: skip
    for frame, axis in enumerate(axes[0]):
        axis.set_title(f'frame {frame + 1}', fontsize=9)
    figure.tight_layout(h_pad=0.6, w_pad=0.6)
    return figure
