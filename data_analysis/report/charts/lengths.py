"""How long the clips are, in seconds and in frames, over all and class by class."""

from __future__ import annotations

from typing import cast

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection
from matplotlib.figure import Figure

from data_analysis.measuring.tables import ALL
from data_analysis.report.charts.style import (
    ALARM,
    CLASS_COLORS,
    INK,
    Summary,
    add_axes,
    add_legend,
    color_of,
    name_axes,
    new_figure,
    shorten,
    shown_classes,
    whole_numbers,
)

_AXIS_NAMES = {'duration_seconds': 'seconds', 'num_frames': 'frames'}


def draw_duration_histogram(summary: Summary) -> Figure | None:
    """Clips by duration."""
    return _histogram(summary, 'duration_seconds')


def draw_frame_histogram(summary: Summary) -> Figure | None:
    """Clips by number of frames, with the length that the sampler wants."""
    return _histogram(summary, 'num_frames')


def draw_duration_violins(summary: Summary) -> Figure | None:
    """Durations class by class."""
    return _violins(summary, 'duration_seconds')


def draw_frame_violins(summary: Summary) -> Figure | None:
    """Numbers of frames class by class."""
    return _violins(summary, 'num_frames')


def _histogram(summary: Summary, measure: str) -> Figure | None:
    spread = summary['distributions'][measure]
    if ALL not in spread['classes']:
        return None
    edges = np.array(spread['histogram']['edges'])
    counts = spread['histogram']['counts']
    classes = [name for name in summary['classes'] if name in counts]
    figure = new_figure(2.9)
    axes = add_axes(figure, grid='y')
    if 1 < len(classes) <= len(CLASS_COLORS) and not summary['multi_label']:
        base = np.zeros(len(edges) - 1)
        for name in classes:
            color = color_of(summary['classes'].index(name))
            _bars(axes, edges, np.array(counts[name]), color, base, shorten(name))
            base += counts[name]
        add_legend(axes, 2)
    else:
        _bars(axes, edges, np.array(counts[ALL]), CLASS_COLORS[0])
    if measure == 'num_frames':
        _mark_needed_frames(axes, summary, edges)
    whole_numbers(axes, 'y')
    beyond = spread['histogram'].get('beyond', {}).get(ALL, 0)
    further = f'; {beyond} further clips are longer' if beyond else ''
    name_axes(axes, f'{_AXIS_NAMES[measure]}{further}', 'clips')
    return figure


def _bars(
    axes: Axes,
    edges: np.ndarray,
    counts: np.ndarray,
    color: str,
    base: np.ndarray | float = 0.0,
    label: str = '',
) -> None:
    axes.bar(
        edges[:-1],
        counts,
        np.diff(edges),
        bottom=base,
        align='edge',
        color=color,
        edgecolor='white',
        linewidth=0.4,
        label=label,
    )


def _mark_needed_frames(axes: Axes, summary: Summary, edges: np.ndarray) -> None:
    needed = summary['sampler']['frames_needed']
    if needed > edges[-1] * 1.5:
        return
    axes.axvline(needed, color=ALARM, linewidth=1.4)
    right = needed > 0.6 * edges[-1]
    axes.annotate(
        f'the sampler wants {needed}',
        (needed, 0.96),
        xycoords=('data', 'axes fraction'),
        xytext=(-4 if right else 4, 0),
        textcoords='offset points',
        ha='right' if right else 'left',
        va='top',
        fontsize=9,
        color=ALARM,
        bbox={'facecolor': 'white', 'edgecolor': 'none', 'alpha': 0.8, 'pad': 1.0},
    )


def _violins(summary: Summary, measure: str) -> Figure | None:
    spread = summary['distributions'][measure]['classes']
    classes = shown_classes(summary, {name: row['clips'] for name, row in spread.items()})
    if not classes:
        return None
    figure = new_figure(0.9 + 0.5 * len(classes))
    axes = add_axes(figure)
    for row, name in enumerate(classes):
        values = np.array(spread[name]['percentiles'])
        color = color_of(summary['classes'].index(name))
        if np.ptp(values) > 1e-6 * max(1.0, values.max()):
            violin = axes.violinplot(
                [values], [row], orientation='horizontal', widths=0.8, showextrema=False
            )
            for body in cast(list[PolyCollection], violin['bodies']):
                body.set(facecolor=color, alpha=0.45, edgecolor=color)
        axes.hlines(row, spread[name]['p25'], spread[name]['p75'], color=color, linewidth=4)
        axes.plot(
            spread[name]['median'], row, 'o', color='white', markeredgecolor=INK, markersize=6
        )
    axes.set_yticks(range(len(classes)), [shorten(name) for name in classes])
    axes.set_ylim(len(classes) - 0.5, -0.5)
    name_axes(axes, _AXIS_NAMES[measure])
    return figure


def explain_duration_histogram(summary: Summary) -> str:
    """How uniform the durations are."""
    row = summary['distributions']['duration_seconds']['classes'][ALL]
    return (
        f'Nine in ten clips last {row["p05"]:.1f} to {row["p95"]:.1f} s, the median is '
        f'{row["median"]:.1f} s. A model sees one window of each clip per epoch: whatever happens '
        f'outside it is missed, so long clips need several windows when they are tested.'
    )


def explain_frame_histogram(summary: Summary) -> str:
    """How many clips the sampler can serve."""
    sampler = summary['sampler']
    row = summary['distributions']['num_frames']['classes'][ALL]
    return (
        f'Sampling {sampler["name"]} wants {sampler["frames_needed"]} frames; '
        f'{sampler["short_share"]:.1%} of the clips have fewer (median {row["median"]:.0f}) and '
        f'are not sampled as the setting promises.'
    )


def explain_duration_violins(summary: Summary) -> str:
    """Whether length tells the class."""
    return _explain_violins(summary, 'duration_seconds', 's')


def explain_frame_violins(summary: Summary) -> str:
    """Whether the number of frames tells the class."""
    return _explain_violins(summary, 'num_frames', 'frames')


def _explain_violins(summary: Summary, measure: str, unit: str) -> str:
    rows = {
        name: row
        for name, row in summary['distributions'][measure]['classes'].items()
        if name != ALL
    }
    longest = max(rows, key=lambda name: rows[name]['median'])
    shortest = min(rows, key=lambda name: rows[name]['median'])
    high, low = rows[longest]['median'], rows[shortest]['median']
    skills = {skill['property']: skill for skill in summary['metadata']}
    told = skills.get('duration')
    if told and told['shortcut']:
        return (
            f'Medians run from {low:.4g} {unit} ({shortest}) to {high:.4g} {unit} ({longest}), and '
            f'length alone names the class with a mean class accuracy of '
            f'{told["balanced_accuracy"]:.0%}: a model can use that instead of the picture.'
        )
    return (
        f'Medians run from {low:.4g} {unit} ({shortest}) to {high:.4g} {unit} ({longest}); length '
        f'does not give the class away.'
    )
