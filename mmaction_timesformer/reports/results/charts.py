"""Charts of the results page, each drawn from the facts alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure

from data_analysis.report.charts.style import (
    GRID,
    INK,
    MUTED,
    add_axes,
    add_legend,
    color_of,
    name_axes,
    new_figure,
    shorten,
)
from data_analysis.report.html import figure_png

Facts = Mapping[str, Any]

SHADES = LinearSegmentedColormap.from_list('shades', ['#ffffff', '#2f5d8c'])
TRAIN_COLOR, VAL_COLOR, LOSS_COLOR = '#7fb0d8', '#2f5d8c', '#e0893a'
MOST_CURVES = 8
MOST_CELLS = 30
MOST_RECORDINGS = 24


@dataclass(frozen=True)
class Chart:
    """A chart and what it shows.

    Attributes:
        name: Anchor.
        section: Section of the page.
        title: Headline.
        sentence: How to read it.
        figure: The drawing.
    """

    name: str
    section: str
    title: str
    sentence: str
    figure: Figure

    @cached_property
    def png(self) -> bytes:
        """The drawing as a file."""
        return figure_png(self.figure)


@dataclass(frozen=True)
class ChartKind:
    """How one kind of chart is made; ``draw`` gives None where a run has nothing to draw."""

    name: str
    section: str
    title: str
    sentence: str
    draw: Callable[[Facts, Facts], Figure | None]


def draw_charts(facts: Facts) -> list[Chart]:
    """Every chart that the first run has data for, and for each further run its curves."""
    charts = []
    for kind in CHARTS:
        for number, run in enumerate(facts['runs']):
            if number and kind.name != 'curves':
                continue
            figure = kind.draw(facts, run)
            if figure is not None:
                title = kind.title if len(facts['runs']) == 1 else f'{kind.title} · {run["name"]}'
                name = f'{kind.name}-{number + 1}' if number else kind.name
                charts.append(Chart(name, kind.section, title, kind.sentence, figure))
    return charts


def draw_curves(facts: Facts, run: Facts) -> Figure | None:
    """Training and validation in one chart: accuracy on the left axis, loss on the right."""
    train, val = run['curves']['train'], run['curves']['val']
    if not train and not val:
        return None
    figure = new_figure(2.9)
    axes = add_axes(figure, grid='y')
    places = _train_epochs(train)
    if accuracy := run['curves'].get('train_accuracy'):
        axes.plot(*zip(*accuracy, strict=True), color=TRAIN_COLOR, linewidth=1.6,
                  label='training')  # fmt: skip
    if val and (shown := _val_accuracy(val)):
        name, epochs, values = shown
        axes.plot(epochs, values, color=VAL_COLOR, linewidth=2, marker='o', markersize=3.5,
                  label='validation')  # fmt: skip
        low, high = (np.array([entry.get(f'{name}_{end}', np.nan) for entry in val], dtype=float)
                     for end in ('low', 'high'))  # fmt: skip
        axes.fill_between(epochs, low, high, color=VAL_COLOR, alpha=0.12, linewidth=0)
    axes.set_ylim(0, 1.02)
    name_axes(axes, 'epoch', 'accuracy')
    if train:
        right = axes.twinx()
        right.spines[['top', 'left', 'bottom']].set_visible(False)
        right.spines['right'].set_color(GRID)
        right.tick_params(colors=MUTED, labelsize=10, length=0)
        losses = _smooth([entry['loss'] for entry in train])
        right.plot(places, losses, color=LOSS_COLOR, linewidth=1.4)
        right.set_ylim(bottom=0)
        right.set_ylabel('training loss', fontsize=10, color=LOSS_COLOR)
        axes.plot([], [], color=LOSS_COLOR, linewidth=1.4, label='loss')
    add_legend(axes, columns=3)
    return figure


def _train_epochs(train: list[dict[str, Any]]) -> np.ndarray:
    """Where each entry of the training log lies, in epochs."""
    steps = np.array([entry['step'] for entry in train], dtype=float)
    last = max((entry.get('epoch', 0) for entry in train), default=0)
    return steps / steps.max() * last if last and len(steps) else steps


def _val_accuracy(val: list[dict[str, Any]]) -> tuple[str, list[float], list[float]] | None:
    """The name of the accuracy that was validated, where, and its values."""
    for name in ('cls/top1', 'acc/top1'):
        found = [(entry['step'], entry[name]) for entry in val if name in entry]
        if found:
            epochs, values = zip(*found, strict=True)
            return name, list(epochs), list(values)
    return None


def _smooth(values: list[float]) -> np.ndarray:
    """A running mean over a twentieth of the log, so that the trend is seen."""
    array = np.asarray(values, dtype=float)
    width = max(1, len(array) // 20)
    kernel = np.ones(width)
    return np.convolve(array, kernel, 'same') / np.convolve(np.ones(len(array)), kernel, 'same')


def draw_confusion(facts: Facts, run: Facts) -> Figure | None:
    """True classes in rows; shade is the share of the row, the number is clips."""
    counts = np.array(run['figures']['confusion'])
    if not counts.size or len(counts) > MOST_CELLS:
        return None
    names = [shorten(name, 16) for name in facts['classes']]
    size = len(names)
    figure = new_figure(1.5 + 3.4 * min(1, 0.45 + size / 12))
    axes = figure.add_subplot()
    totals = counts.sum(axis=1, keepdims=True)
    shares = counts / np.maximum(totals, 1)
    axes.imshow(shares, cmap=SHADES, vmin=0, vmax=1, aspect='auto')
    for row in range(size):
        for column in range(size):
            if counts[row, column]:
                color = 'white' if shares[row, column] > 0.55 else INK
                axes.text(column, row, counts[row, column], ha='center', va='center', color=color,
                          fontsize=10 if size <= 12 else 6)  # fmt: skip
    axes.set_xticks(range(size), names, rotation=30 if size <= 8 else 90, ha='right', fontsize=9)
    axes.set_yticks(range(size), names, fontsize=9)
    axes.tick_params(length=0, labelcolor=INK)
    axes.set_xticks(np.arange(0.5, size), minor=True)
    axes.set_yticks(np.arange(0.5, size), minor=True)
    axes.grid(which='minor', color='white', linewidth=2)
    axes.tick_params(which='minor', length=0)
    axes.spines[:].set_visible(False)
    name_axes(axes, 'predicted', 'true')
    return figure


def draw_precision_recall(facts: Facts, run: Facts) -> Figure | None:
    """A curve a class."""
    return _class_curves(facts, run['precision_recall'], 'recall', 'precision', diagonal=False)


def draw_roc(facts: Facts, run: Facts) -> Figure | None:
    """A curve a class."""
    return _class_curves(facts, run['roc'], 'false_alarm_rate', 'recall', diagonal=True)


def _class_curves(facts: Facts, curves: Facts, x: str, y: str, diagonal: bool) -> Figure | None:
    if not curves:
        return None
    figure = new_figure(3.3)
    axes = add_axes(figure, grid='y')
    if diagonal:
        axes.plot([0, 1], [0, 1], color=GRID, linewidth=1.2)
    for index, name in enumerate(facts['classes'][:MOST_CURVES]):
        if name in curves:
            axes.plot(curves[name][x], curves[name][y], color=color_of(index), linewidth=1.8,
                      label=shorten(name, 16))  # fmt: skip
    axes.set_xlim(-0.01, 1.01)
    axes.set_ylim(0, 1.03)
    name_axes(axes, x.replace('_', ' '), y)
    add_legend(axes, columns=2)
    return figure


def draw_reliability(facts: Facts, run: Facts) -> Figure | None:
    """Accuracy against confidence, with intervals; the diagonal is perfect calibration."""
    bins = run['reliability']
    figure = new_figure(3.3)
    axes = add_axes(figure, grid='y')
    axes.plot([0, 1], [0, 1], color=MUTED, linewidth=1, linestyle=(0, (4, 3)))
    confidence, accuracy, low, high, num_clips = (
        np.array([part[key] for part in bins])
        for key in ('confidence', 'accuracy', 'low', 'high', 'num_clips')
    )
    errors = np.abs(np.stack((accuracy - low, high - accuracy)))
    axes.errorbar(confidence, accuracy, errors, fmt='none', ecolor=TRAIN_COLOR, elinewidth=1.5)
    axes.scatter(confidence, accuracy, s=18 + 160 * num_clips / num_clips.max(), color=VAL_COLOR,
                 zorder=3)  # fmt: skip
    axes.set_xlim(0, 1.02)
    axes.set_ylim(0, 1.02)
    name_axes(axes, 'confidence', 'accuracy')
    return figure


def draw_by_recording(facts: Facts, run: Facts) -> Figure | None:
    """Accuracy of each recording with its interval, the worst first."""
    rows = run['by_recording'][:MOST_RECORDINGS]
    if not rows:
        return None
    figure = new_figure(0.9 + 0.24 * len(rows))
    axes = add_axes(figure)
    places = np.arange(len(rows))
    values = np.array([row['top1'] for row in rows])
    for place, row in zip(places, rows, strict=True):
        axes.plot([row['low'], row['high']], [place, place], color=TRAIN_COLOR, linewidth=1.6)
    axes.scatter(values, places, s=26, color=VAL_COLOR, zorder=3)
    axes.axvline(run['figures']['whole']['top1']['value'], color=MUTED, linewidth=1,
                 linestyle=(0, (4, 3)))  # fmt: skip
    axes.set_yticks(places, [f'{shorten(r["name"], 16)} ({r["clips"]})' for r in rows], fontsize=9)
    axes.invert_yaxis()
    axes.set_xlim(-0.02, 1.02)
    name_axes(axes, 'accuracy')
    return figure


def draw_faithfulness(facts: Facts, run: Facts) -> Figure | None:
    """Mean deletion and insertion over the examples, beside those of random maps."""
    curves = facts['faithfulness'] and facts['faithfulness']['curves']
    if not curves:
        return None
    figure = new_figure(2.7)
    percent = 100 * np.array(curves['fractions'])
    for number, name in enumerate(('deletion', 'insertion'), start=1):
        axes = add_axes(figure, 1, 2, number, grid='y')
        axes.plot(percent, curves[f'random_{name}'], color='#b9c4cf', linewidth=2, label='random')
        axes.plot(percent, curves[name], color=LOSS_COLOR, linewidth=2, label='relevance')
        axes.set_ylim(-0.02, 1.02)
        done = 'hidden' if name == 'deletion' else 'shown'
        name_axes(axes, f'patches {done}, %', 'probability' if number == 1 else '')
        if number == 1:
            add_legend(axes, columns=2)
    return figure


CHARTS = (
    ChartKind(
        'curves', 'training', 'Training and validation',
        'Training accuracy is that of an epoch’s batches, augmented and with the weights of the '
        'moment. The band is the 95 % interval of the validation accuracy.', draw_curves,
    ),
    ChartKind(
        'confusion', 'classes', 'Confusion matrix',
        'True classes in rows. The shade is the share of the row, the number is clips.',
        draw_confusion,
    ),
    ChartKind(
        'precision-recall', 'thresholds', 'Precision and recall',
        'Each point is a threshold; up and to the right is better.', draw_precision_recall,
    ),
    ChartKind(
        'roc', 'thresholds', 'Recall and false alarms',
        'Share of the clips of other classes that are reported by mistake, against the share of '
        'the class that is found.', draw_roc,
    ),
    ChartKind(
        'reliability', 'calibration', 'Reliability',
        'Points on the dashed line are calibrated, below it the model is too sure. A dot’s size '
        'is its number of clips, the bar its 95 % interval.', draw_reliability,
    ),
    ChartKind(
        'recordings', 'conditions', 'By recording',
        f'The worst first, {MOST_RECORDINGS} at most, with their number of clips and Wilson '
        'interval; the dashed line is the whole set.', draw_by_recording,
    ),
    ChartKind(
        'faithfulness', 'maps', 'Hiding and showing what the maps call relevant',
        'Left, patches are hidden, the most relevant first: the orange line should fall sooner '
        'than the grey one. Right, they are shown in that order: it should rise sooner.',
        draw_faithfulness,
    ),
)  # fmt: skip
