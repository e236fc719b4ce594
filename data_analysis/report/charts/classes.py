"""How many clips each class has, and how the splits share them."""

from __future__ import annotations

import numpy as np
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure

from data_analysis.measuring.tables import ALL
from data_analysis.report.charts.style import (
    INK,
    MUTED,
    SPLIT_COLORS,
    Summary,
    add_axes,
    add_legend,
    listed,
    name_axes,
    new_figure,
    shorten,
    shown_classes,
    whole_numbers,
)


def _counts(summary: Summary) -> dict[tuple[str, str], int]:
    return {(row['label'], row['split']): row['clips'] for row in summary['class_table']}


def _class_totals(summary: Summary) -> dict[str, int]:
    counts = _counts(summary)
    return {
        name: sum(counts.get((name, split), 0) for split in summary['splits'])
        for name in summary['classes']
    }


def draw_class_counts(summary: Summary) -> Figure | None:
    """Bars of clips per class, stacked by split."""
    counts, total = _counts(summary), _class_totals(summary)
    classes = shown_classes(summary, total)
    if not classes:
        return None
    figure = new_figure(1.0 + 0.36 * len(classes))
    axes = add_axes(figure)
    rows = np.arange(len(classes))
    left = np.zeros(len(classes))
    for index, split in enumerate(summary['splits']):
        widths = np.array([counts.get((name, split), 0) for name in classes])
        color = SPLIT_COLORS[index % len(SPLIT_COLORS)]
        axes.barh(rows, widths, left=left, height=0.68, color=color, label=split or 'clips')
        left += widths
    for row, name in enumerate(classes):
        axes.text(total[name], row, f' {total[name]}', va='center', fontsize=11, color=INK)
    axes.set_yticks(rows, [shorten(name) for name in classes])
    axes.invert_yaxis()
    axes.margins(x=0.12)
    whole_numbers(axes, 'x')
    name_axes(axes, 'clips')
    if len(summary['splits']) > 1:
        add_legend(axes, 4)
    return figure


def explain_class_counts(summary: Summary) -> str:
    """Meaning of the balance of the classes."""
    balance = summary['balance']
    total = _class_totals(summary)
    largest = max(total, key=lambda name: total[name])
    smallest = min((name for name in total if total[name]), key=lambda name: total[name])
    share = total[largest] / sum(total.values())
    ratio = balance['imbalance_ratio']
    first = (
        f'Always answering {largest} would be right for {share:.1%} of the clips: an accuracy '
        f'means nothing below that. '
    )
    if ratio >= 3:
        return first + (
            f'It has {ratio:.1f} times the training clips of {smallest}, so train with the class '
            f'weights below or a class-balanced loss, and read the mean class accuracy.'
        )
    return first + (
        f'{largest} to {smallest} is {ratio:.1f} to 1 in training: mild enough for a plain '
        f'cross-entropy, but read the mean class accuracy beside the accuracy.'
    )


def draw_split_table(summary: Summary) -> Figure | None:
    """A table of each class's share in each split, with the counts."""
    splits, counts = summary['splits'], _counts(summary)
    classes = shown_classes(summary, _class_totals(summary))
    if len(splits) < 2 or not classes:
        return None
    sizes = np.array([max(1, counts.get((ALL, split), 0)) for split in splits])
    number = np.array([[counts.get((name, split), 0) for split in splits] for name in classes])
    shares = number / sizes
    figure = new_figure(0.8 + 0.38 * len(classes))
    axes = add_axes(figure)
    axes.grid(visible=False)
    blues = LinearSegmentedColormap.from_list('blues', ['#f5f8fb', '#3a6ea5'])
    axes.imshow(shares, cmap=blues, aspect='auto', vmin=0, vmax=max(0.5, shares.max()))
    for row in range(len(classes)):
        for column in range(len(splits)):
            dark = shares[row, column] > 0.6 * max(0.5, shares.max())
            axes.text(
                column,
                row,
                f'{shares[row, column]:.1%}  ({number[row, column]})',
                ha='center',
                va='center',
                fontsize=10 if len(splits) <= 3 else 8,
                color='white' if dark else INK,
            )
    axes.set_xticks(
        range(len(splits)),
        [f'{split} ({size})' for split, size in zip(splits, sizes, strict=True)],
    )
    axes.xaxis.tick_top()
    axes.set_yticks(range(len(classes)), [shorten(name) for name in classes])
    axes.tick_params(axis='x', labelcolor=MUTED)
    return figure


def explain_split_table(summary: Summary) -> str:
    """Whether the splits have the same mixture."""
    splits, counts = summary['splits'], _counts(summary)
    shares = {
        name: [counts.get((name, s), 0) / max(1, counts.get((ALL, s), 0)) for s in splits]
        for name in summary['classes']
    }
    widest = max(shares, key=lambda name: max(shares[name]) - min(shares[name]))
    spread = max(shares[widest]) - min(shares[widest])
    if absent := [name for name in shares if min(shares[name]) == 0]:
        return (
            f'{listed(absent)} {"is" if len(absent) == 1 else "are"} absent from a split, so '
            f'there it is either never learned or never measured.'
        )
    if spread > 0.1:
        return (
            f'{widest} makes up {min(shares[widest]):.0%} of one split and '
            f'{max(shares[widest]):.0%} '
            f'of another: accuracies of the two cannot be compared, mean class accuracies can.'
        )
    return (
        f'The mixtures differ by at most {100 * spread:.1f} percentage points ({widest}), so the '
        f'scores on the splits can be compared.'
    )
