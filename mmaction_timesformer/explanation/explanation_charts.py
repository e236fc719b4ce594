"""Charts that belong to an explanation: what each frame counts, and whether the map is true."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from data_analysis.report.charts.style import add_axes, name_axes, new_figure
from mmaction_timesformer.explanation.explained_video import ExplainedVideo
from mmaction_timesformer.explanation.faithfulness import FaithfulnessCurves

MAP_COLOR, RANDOM_COLOR, MEAN_COLOR = '#e0893a', '#b9c4cf', '#5f6b76'


def draw_frame_importance(explained: ExplainedVideo) -> Figure:
    """Bars of each frame's share, over time."""
    frames, importance = explained.clip.frame_numbers, explained.frame_importance
    seconds = explained.seconds(frames)
    width = 0.7 * float(np.min(np.diff(seconds))) if len(frames) > 1 else 0.5
    figure = new_figure(2.4)
    axes = add_axes(figure, grid='y')
    axes.bar(seconds, 100 * importance, width=width, color=MAP_COLOR)
    axes.axhline(100 / len(frames), color=MEAN_COLOR, linewidth=1, linestyle=(0, (4, 3)))
    unit = 'second of the video' if explained.clip.frames_per_second else 'frame'
    name_axes(axes, unit, f'share of {explained.shown}, %')
    return figure


def draw_faithfulness(curves: FaithfulnessCurves) -> Figure:
    """Deletion and insertion beside those of random maps."""
    figure = new_figure(2.6)
    for number, name in enumerate(('deletion', 'insertion'), start=1):
        axes = add_axes(figure, 1, 2, number, grid='y')
        for curve in getattr(curves, f'random_{name}'):
            axes.plot(100 * curves.fractions, curve, color=RANDOM_COLOR, linewidth=1)
        axes.plot(100 * curves.fractions, getattr(curves, name), color=MAP_COLOR, linewidth=2)
        axes.set_ylim(-0.02, 1.02)
        axes.set_title(name, fontsize=10)
        done = 'hidden' if name == 'deletion' else 'shown'
        name_axes(axes, f'patches {done}, %', 'probability' if number == 1 else '')
    return figure
