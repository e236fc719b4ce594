"""One look for all figures: legible on a telephone, calm enough to be compared."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from data_analysis.report.charts.fonts import DPI
from data_analysis.summary.summary import Summary

CLASS_COLORS = (
    '#3a6ea5',
    '#e0893a',
    '#4d9a6a',
    '#b3527c',
    '#7868ab',
    '#bfa13a',
    '#45a0a6',
    '#8a6b58',
)
SPLIT_COLORS = ('#2f5d8c', '#7fb0d8', '#f0b95b', '#b9c4cf', '#8fbf9f', '#cf8fa9')
INK, MUTED, GRID, ALARM = '#1f2933', '#5f6b76', '#e4e8ec', '#c0392b'

WIDTH_INCHES = 5.0
MOST_CLASSES = 24


def new_figure(height_inches: float) -> Figure:
    """An empty figure of the common width."""
    return Figure(
        figsize=(WIDTH_INCHES, height_inches), layout='constrained', facecolor='white', dpi=DPI
    )


def add_axes(figure: Figure, *args: int, grid: Literal['x', 'y'] = 'x') -> Axes:
    """Adds a plain pair of axes with grid lines across one direction."""
    axes = figure.add_subplot(*args)
    axes.spines[['top', 'right']].set_visible(False)
    axes.spines[['left', 'bottom']].set_color(GRID)
    axes.tick_params(colors=MUTED, labelcolor=INK, labelsize=11, length=0)
    axes.grid(axis=grid, color=GRID, linewidth=0.8)
    axes.set_axisbelow(True)
    return axes


def name_axes(axes: Axes, x: str = '', y: str = '') -> None:
    """Labels the axes."""
    axes.set_xlabel(x, fontsize=11, color=MUTED)
    axes.set_ylabel(y, fontsize=11, color=MUTED)


def whole_numbers(axes: Axes, direction: str) -> None:
    """Keeps ticks of a count on whole numbers."""
    axis = axes.xaxis if direction == 'x' else axes.yaxis
    axis.set_major_locator(MaxNLocator(nbins=6, integer=True))


def add_legend(axes: Axes, columns: int) -> None:
    """Puts the legend above the axes, where it hides nothing."""
    axes.legend(
        loc='lower left',
        bbox_to_anchor=(0, 1.01),
        ncols=columns,
        frameon=False,
        fontsize=10,
        handlelength=1.0,
        columnspacing=1.2,
        labelcolor=INK,
        borderaxespad=0,
    )


def color_of(index: int) -> str:
    """A class's colour, the same in every figure."""
    return CLASS_COLORS[index % len(CLASS_COLORS)]


def shown_classes(summary: Summary, counts: dict[str, int]) -> list[str]:
    """All classes in their order; of very many, the largest and the smallest by count."""
    classes = [name for name in summary['classes'] if counts.get(name)]
    if len(classes) <= MOST_CLASSES:
        return classes
    ranked = sorted(classes, key=lambda name: -counts[name])
    return ranked[: MOST_CLASSES // 2] + ranked[-MOST_CLASSES // 2 :]


def shorten(name: str, limit: int = 18) -> str:
    """Cuts a long class name."""
    return name if len(name) <= limit else f'{name[: limit - 1]}…'


def listed(names: Sequence[str], most: int = 3) -> str:
    """Names as part of a sentence."""
    names = list(names)
    if len(names) > most:
        return f'{", ".join(names[:most])} and {len(names) - most} more'
    return names[0] if len(names) == 1 else f'{", ".join(names[:-1])} and {names[-1]}'
