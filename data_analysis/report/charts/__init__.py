"""The figures of a report: each is drawn from `summary.json` alone and comes with its sentence."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from matplotlib.figure import Figure

from data_analysis.report.charts import classes, leakage, lengths, picture, sampling
from data_analysis.report.charts.fonts import chart_png
from data_analysis.report.charts.style import Summary
from video_clips.whole_files import written_beside


@dataclass(frozen=True)
class FigureKind:
    """A figure and its meaning.

    Attributes:
        name: File name without suffix, and anchor in the report.
        section: Section of the report it belongs to.
        title: Headline.
        draw: Draws it; None where the summary has nothing to draw.
        explain: The sentence on what it means for training.
    """

    name: str
    section: str
    title: str
    draw: Callable[[Summary], Figure | None]
    explain: Callable[[Summary], str]


FIGURES = (
    FigureKind(
        'class_counts',
        'classes',
        'Clips per class',
        classes.draw_class_counts,
        classes.explain_class_counts,
    ),
    FigureKind(
        'split_table',
        'classes',
        'Classes in each split',
        classes.draw_split_table,
        classes.explain_split_table,
    ),
    FigureKind(
        'duration_histogram',
        'lengths',
        'Durations',
        lengths.draw_duration_histogram,
        lengths.explain_duration_histogram,
    ),
    FigureKind(
        'duration_violins',
        'lengths',
        'Durations by class',
        lengths.draw_duration_violins,
        lengths.explain_duration_violins,
    ),
    FigureKind(
        'frame_histogram',
        'lengths',
        'Frames per clip',
        lengths.draw_frame_histogram,
        lengths.explain_frame_histogram,
    ),
    FigureKind(
        'frame_violins',
        'lengths',
        'Frames per clip by class',
        lengths.draw_frame_violins,
        lengths.explain_frame_violins,
    ),
    FigureKind(
        'rates_and_sizes',
        'picture',
        'Frame rates and picture sizes',
        picture.draw_rates_and_sizes,
        picture.explain_rates_and_sizes,
    ),
    FigureKind(
        'sampler_coverage',
        'sampler',
        'Which intervals fit',
        sampling.draw_sampler_coverage,
        sampling.explain_sampler_coverage,
    ),
    FigureKind(
        'sampler_indices',
        'sampler',
        'What happens to a short clip',
        sampling.draw_sampler_indices,
        sampling.explain_sampler_indices,
    ),
    FigureKind(
        'leakage',
        'leakage',
        'A nearest neighbour on thumbnails',
        leakage.draw_leakage,
        leakage.explain_leakage,
    ),
)


@dataclass(frozen=True)
class DrawnFigure:
    """A figure that was written.

    Attributes:
        kind: What it shows.
        file: The PNG.
        sentence: What it means for training.
    """

    kind: FigureKind
    file: Path
    sentence: str


def draw_figures(summary: Summary, folder: Path) -> list[DrawnFigure]:
    """Writes every figure that the summary has data for as PNG, and removes those it has not."""
    folder.mkdir(parents=True, exist_ok=True)
    drawn = []
    for kind in FIGURES:
        file = folder / f'{kind.name}.png'
        try:
            figure = kind.draw(summary)
            sentence = '' if figure is None else kind.explain(summary)
        except Exception as error:  # no file is worth the report of all others
            reason = f'{type(error).__name__}: {error}'
            warnings.warn(f'the chart {kind.name} could not be drawn: {reason}', stacklevel=2)
            figure = None
        if figure is None:
            file.unlink(missing_ok=True)
            continue
        with written_beside(file) as partial:
            partial.write_bytes(chart_png(figure))
        drawn.append(DrawnFigure(kind, file, sentence))
    return drawn
