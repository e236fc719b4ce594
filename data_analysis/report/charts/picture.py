"""Frame rates and picture sizes of the files."""

from __future__ import annotations

from typing import Any

from matplotlib.figure import Figure

from data_analysis.report.charts.style import (
    CLASS_COLORS,
    INK,
    Summary,
    add_axes,
    name_axes,
    new_figure,
    whole_numbers,
)

_MOST_BARS = 8


def draw_rates_and_sizes(summary: Summary) -> Figure | None:
    """Clips by frame rate and by picture size, the most frequent first."""
    rates = [(f'{row["fps"]:g} fps', row['clips']) for row in summary['picture']['frame_rates']]
    sizes = [
        (f'{row["width"]:.0f}×{row["height"]:.0f}', row['clips'])
        for row in summary['picture']['sizes']
    ]
    if not rates and not sizes:
        return None
    bars = [_fold(rates), _fold(sizes)]
    figure = new_figure(1.0 + 0.34 * sum(map(len, bars)))
    heights = [max(1, len(part)) for part in bars]
    grid = figure.add_gridspec(2, 1, height_ratios=heights)
    for index, part in enumerate(bars):
        axes = add_axes(figure, grid[index])  # type: ignore[arg-type]
        values = [number for _, number in part]
        axes.barh(range(len(part)), values, height=0.66, color=CLASS_COLORS[index])
        for row, number in enumerate(values):
            axes.text(number, row, f' {number}', va='center', fontsize=11, color=INK)
        axes.set_yticks(range(len(part)), [name for name, _ in part])
        axes.set_ylim(len(part) - 0.4, -0.6)
        axes.margins(x=0.14)
        whole_numbers(axes, 'x')
        name_axes(axes, 'clips' if index else '')
    return figure


def _fold(bars: list[tuple[str, int]]) -> list[tuple[str, int]]:
    if len(bars) <= _MOST_BARS:
        return bars
    shown, others = bars[: _MOST_BARS - 1], bars[_MOST_BARS - 1 :]
    return [*shown, (f'{len(others)} others', sum(number for _, number in others))]


def explain_rates_and_sizes(summary: Summary) -> str:
    """Meaning of one frame interval across the files, and effect of resizing."""
    rates: list[dict[str, Any]] = summary['picture']['frame_rates']
    sizes: list[dict[str, Any]] = summary['picture']['sizes']
    settings = summary['sampler']['settings']
    if settings['span_seconds'] is None and settings['frame_interval'] is None:
        return 'Samples are spread over the whole clip, whatever its rate. ' + _about_sizes(sizes)
    if settings['span_seconds'] or settings['target_fps']:
        return 'Samples are taken by time, so that frame rates may differ. ' + _about_sizes(sizes)
    steps = settings['frame_interval'] * (settings['clip_len'] - 1)
    spans = sorted(steps / row['fps'] for row in rates if row['fps'])
    if not spans:
        return ''
    if spans[-1] / spans[0] < 1.02:
        text = f'One frame rate everywhere: a sample always spans {_seconds(spans[0])}. '
    else:
        usual = steps / rates[0]['fps'] if rates[0]['fps'] else spans[0]
        text = (
            f'A sample spans {_seconds(usual)} at the usual rate, but {_seconds(spans[0])} to '
            f'{_seconds(spans[-1])} over all files: the same movement has several speeds. Sample '
            f'by seconds. '
        )
    return text + _about_sizes(sizes)


def _about_sizes(sizes: list[dict[str, Any]]) -> str:
    sizes = [row for row in sizes if row['width'] and row['height']]
    if not sizes:
        return 'Picture sizes are not known.'
    shortest = min(min(row['width'], row['height']) for row in sizes)
    if len({row['width'] / row['height'] for row in sizes}) > 1:
        return 'Aspect ratios differ: resize the short side and crop; a fixed size would squash.'
    if shortest < 224:
        return f'The short side is {shortest:.0f} pixels, so 224 pixels are an enlargement.'
    return f'The short side is at least {shortest:.0f} pixels, enough for 224.'


def _seconds(value: float) -> str:
    return f'{value:.1f}\N{NO-BREAK SPACE}s'
