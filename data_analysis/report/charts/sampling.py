"""Charts of the clip sampler against the clips' lengths."""

from __future__ import annotations

from matplotlib.figure import Figure

from data_analysis.measuring.tables import ALL
from data_analysis.report.charts.style import (
    ALARM,
    CLASS_COLORS,
    INK,
    MUTED,
    Summary,
    add_axes,
    add_legend,
    color_of,
    name_axes,
    new_figure,
    shorten,
    whole_numbers,
)


def draw_sampler_coverage(summary: Summary) -> Figure | None:
    """Share of clips that are long enough, against the frame interval."""
    coverage = summary['sampler']['coverage']
    intervals = coverage['intervals']
    if ALL not in coverage['shares']:
        return None
    figure = new_figure(3.1)
    axes = add_axes(figure, grid='y')
    classes = [name for name in summary['classes'] if name in coverage['shares']]
    if len(classes) <= len(CLASS_COLORS):
        for name in classes:
            color = color_of(summary['classes'].index(name))
            axes.plot(
                intervals, coverage['shares'][name], color=color, linewidth=1.6, label=shorten(name)
            )
    axes.plot(intervals, coverage['shares'][ALL], color=INK, linewidth=2.4, label='all clips')
    add_legend(axes, 2)
    chosen = summary['sampler']['interval']
    axes.axvline(chosen, color=ALARM, linewidth=1.2)
    axes.axhline(0.95, color=MUTED, linewidth=1.0, linestyle=(0, (2, 2)))
    axes.set_xscale('log', base=2)
    ticks = [tick for tick in (1, 2, 4, 8, 16, 32, 64, 128) if tick <= intervals[-1]]
    axes.set_xticks(ticks, [str(tick) for tick in ticks])
    axes.set_xlim(0.95, intervals[-1])
    axes.set_ylim(0, 1.03)
    axes.yaxis.set_major_formatter(lambda value, _: f'{value:.0%}')
    clip_len = summary['sampler']['settings']['clip_len']
    name_axes(axes, f'frame interval (red: chosen), {clip_len} frames a clip', 'clips that fit')
    return figure


def explain_sampler_coverage(summary: Summary) -> str:
    """How large the interval may be."""
    sampler = summary['sampler']
    settings = sampler['settings']
    chosen, best = sampler['interval'], sampler['largest_interval_for_95_percent']
    if settings['frame_interval'] is None and settings['span_seconds'] is None:
        return (
            f'Frames are spread over the whole clip, so any length fits. With a fixed interval, '
            f'{best or "none"} is the largest that 95% of the clips fit.'
        )
    text = (
        f'At {settings["clip_len"]}×{chosen}, {1 - sampler["short_share"]:.1%} of the clips are '
        f'long enough. '
    )
    if best is None:
        return text + 'No interval fits 95% of them; use fewer frames.'
    if best >= chosen:
        return text + f'95% would still fit an interval of {best}, so the choice is safe.'
    return text + (
        f'An interval of {best} is the largest that 95% fit; above it, use a sampler that does not '
        f'wrap (SampleClip with shrink_interval or repeat_last).'
    )


def draw_sampler_indices(summary: Summary) -> Figure | None:
    """The frames of a short clip under each rule, in the order in which the model gets them."""
    example = summary['sampler']['short_example']
    if example is None:
        return None
    figure = new_figure(3.1)
    axes = add_axes(figure, grid='y')
    for index, rule in enumerate(example['rules']):
        color = CLASS_COLORS[index] if rule['in_order'] else ALARM
        axes.plot(
            range(1, len(rule['indices']) + 1),
            rule['indices'],
            '-' if rule['in_order'] else '--',
            marker='o',
            markersize=5,
            linewidth=1.6,
            color=color,
            label=rule['name'],
        )
    axes.axhline(example['num_frames'] - 1, color=MUTED, linewidth=1.0, linestyle=(0, (2, 2)))
    whole_numbers(axes, 'x')
    add_legend(axes, 2)
    name_axes(axes, 'place in what the model gets', 'frame of the clip')
    return figure


def explain_sampler_indices(summary: Summary) -> str:
    """Effect of wrapping."""
    example = summary['sampler']['short_example']
    settings = summary['sampler']['settings']
    looped = next(rule for rule in example['rules'] if rule['name'] == 'loop')
    shown = ', '.join(map(str, looped['indices'][:8]))
    used = (
        'The setting that was analysed does this.'
        if settings['short_clip'] == 'loop'
        else f'The setting that was analysed uses {settings["short_clip"]} instead.'
    )
    return (
        f"For {example['path']} with {example['num_frames']} frames, looping, which is mmaction2's "
        f'default, gives frames {shown}: the film runs in circles, and a class that is told by the '
        f'order of events cannot be learned from it. {used}'
    )
