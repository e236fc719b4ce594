"""How far a nearest neighbour gets that knows nothing of actions."""

from __future__ import annotations

from matplotlib.figure import Figure

from data_analysis.report.charts.style import ALARM, INK, Summary, add_axes, name_axes, new_figure


def draw_leakage(summary: Summary) -> Figure | None:
    """Bars of macro-F1: guessing, the neighbour with scenes kept apart, and on the split."""
    bars: list[tuple[str, float, str]] = []
    for score in summary['leakage']:
        bars.append((f'{score["split"]}: guessing', score['guessing_macro_f1'], '#b9c4cf'))
        if score['separated_macro_f1'] is not None:
            bars.append(('scenes kept apart', score['separated_macro_f1'], '#7fb0d8'))
        color = ALARM if score['alarm'] else '#3a6ea5'
        bars.append((f'neighbour on {score["split"]}', score['macro_f1'], color))
    if not bars:
        return None
    figure = new_figure(0.8 + 0.36 * len(bars))
    axes = add_axes(figure)
    axes.barh(range(len(bars)), [bar[1] for bar in bars], height=0.68, color=[b[2] for b in bars])
    for row, (_, value, _) in enumerate(bars):
        axes.text(value, row, f' {value:.2f}', va='center', fontsize=11, color=INK)
    axes.set_yticks(range(len(bars)), [bar[0] for bar in bars])
    axes.invert_yaxis()
    axes.set_xlim(0, 1.08)
    name_axes(axes, 'macro-F1')
    return figure


def explain_leakage(summary: Summary) -> str:
    """Meaning of the neighbour's score for the split."""
    worst = max(summary['leakage'], key=lambda score: (score['alarm'], score['macro_f1']))
    text = (
        f'{worst["twin_share"]:.0%} of the {worst["split"]} clips have a look-alike in train, and '
        f'copying its label scores {worst["macro_f1"]:.2f}'
    )
    if worst['alarm']:
        return text + (
            f': a score of {worst["macro_f1"]:.2f} on this split needs no understanding at all. '
            f'Split by recording before comparing models.'
        )
    return text + ': no leak that a thumbnail could show. A model has to beat this score clearly.'
