"""How alike the learned positions are: the maps of Dosovitskiy et al. (arXiv 2010.11929, Fig. 7).

Where training has found the geometry of the picture, each place is most alike to itself, then to
its row and column; where it has not, the maps are noise.

Legend: T times, h/w patch rows and columns, D channels.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure
from torch.nn.functional import normalize

from data_analysis.report.charts.style import INK, MUTED, name_axes, new_figure
from mmaction_timesformer.models.backbones import TimeSformerBackbone

MOST_TILES = 10
"""Places a side whose maps are drawn; of larger grids, evenly spread ones."""


@dataclass(frozen=True)
class PositionSimilarity:
    """Cosine similarities between learned positions.

    Attributes:
        space: (h, w, h, w), of each place with every place; None without such positions.
        time: (T, T); None without such positions.
    """

    space: np.ndarray | None
    time: np.ndarray | None


def position_similarity(backbone: TimeSformerBackbone) -> PositionSimilarity:
    """Compare the learned positions of a backbone."""
    space = time = None
    if backbone.pos_embed is not None:
        height, width = backbone.pos_grid
        patches = normalize(backbone.pos_embed.detach().float()[0, 1:], dim=-1)
        space = (patches @ patches.T).view(height, width, height, width).cpu().numpy()
    if backbone.time_embed is not None:
        times = normalize(backbone.time_embed.detach().float()[0], dim=-1)
        time = (times @ times.T).cpu().numpy()
    return PositionSimilarity(space, time)


def draw_space(similarity: np.ndarray) -> Figure:
    """A tile for each place: its similarity with every place."""
    height, width = similarity.shape[:2]
    rows, columns = (
        np.unique(np.linspace(0, side - 1, min(side, MOST_TILES)).round().astype(int))
        for side in (height, width)
    )
    figure = new_figure(0.5 + 4.2 * len(rows) / len(columns) * height / width)
    tiles = figure.subplots(len(rows), len(columns), squeeze=False)
    # Each place is wholly alike to itself, which would leave no shade for the others.
    others = similarity.copy()
    for row in range(height):
        for column in range(width):
            others[row, column, row, column] = np.nan
    limit = np.nanquantile(np.abs(others), 0.99) if others.size > 1 else 1.0
    for tile_row, row in zip(tiles, rows, strict=True):
        for axes, column in zip(tile_row, columns, strict=True):
            axes.imshow(similarity[row, column], cmap='RdBu_r', vmin=-limit, vmax=limit)
            axes.set_xticks([])
            axes.set_yticks([])
            axes.spines[:].set_visible(False)
    for axes, column in zip(tiles[-1], columns, strict=True):
        axes.set_xlabel(str(column), fontsize=8, color=MUTED)
    for axes, row in zip(tiles[:, 0], rows, strict=True):
        axes.set_ylabel(str(row), fontsize=8, color=MUTED, rotation=0, ha='right', va='center')
    return figure


def draw_time(similarity: np.ndarray) -> Figure:
    """Times against times."""
    figure = new_figure(3.6)
    axes = figure.add_subplot()
    off_diagonal = similarity[~np.eye(len(similarity), dtype=bool)]
    limit = float(np.abs(off_diagonal).max()) if len(off_diagonal) else 1.0
    image = axes.imshow(similarity, cmap='RdBu_r', vmin=-limit, vmax=limit)
    axes.tick_params(colors=MUTED, labelcolor=INK, length=0)
    axes.spines[:].set_visible(False)
    name_axes(axes, 'frame', 'frame')
    bar = figure.colorbar(image, ax=axes, shrink=0.8)
    bar.outline.set_visible(False)
    bar.ax.tick_params(colors=MUTED, labelcolor=INK, length=0)
    return figure


def neighbours_are_alike(similarity: np.ndarray) -> float:
    """Mean similarity of places side by side, less that of all pairs of places."""
    height, width = similarity.shape[:2]
    values = similarity.reshape(height * width, height * width)
    places = np.stack(np.meshgrid(np.arange(height), np.arange(width), indexing='ij'), -1)
    steps = np.abs(places.reshape(-1, 1, 2) - places.reshape(1, -1, 2)).sum(axis=-1)
    beside, apart = values[steps == 1], values[steps > 0]
    return float(beside.mean() - apart.mean()) if len(beside) else 0.0
