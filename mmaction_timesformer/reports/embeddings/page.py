"""``index.html`` of clip features: a plane of clips to touch, and maps of the learned positions."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from data_analysis.measuring.tables import harmless_cells
from data_analysis.report.charts.style import CLASS_COLORS, SPLIT_COLORS
from data_analysis.report.html import figure_png, picture_url, png_url, render_page
from mmaction_timesformer.engine.data_root import merge_options
from mmaction_timesformer.engine.inputs import read_config
from mmaction_timesformer.explanation.position_similarity import (
    draw_space,
    draw_time,
    neighbours_are_alike,
    position_similarity,
)
from mmaction_timesformer.inference.clip_features import SPLITS, ClipFeatures, collect_features
from mmaction_timesformer.inference.trained_model import TrainedModel
from mmaction_timesformer.models import TimeSformerBackbone
from mmaction_timesformer.reports.embeddings.embedding import neighbour_agreement, project
from video_clips.whole_files import check_writable, staged_folder

PAGE = 'index.html'
STRIP_QUALITY = 60


@dataclass(frozen=True)
class PositionChart:
    """A chart of learned positions."""

    name: str
    title: str
    sentence: str
    figure: Figure


@dataclass(frozen=True)
class EmbeddingOptions:
    """Clips to show, and how their features are computed and placed."""

    splits: Sequence[str] = SPLITS
    """Of ``train``, ``val`` and ``test``."""
    max_clips: int = 1000
    """Clips at most, taken evenly."""
    device: str = 'cpu'
    """Device that the model runs on."""
    seed: int = 0
    """Of t-SNE."""
    num_workers: int = 0
    """Processes that decode."""
    cfg_options: Mapping[str, Any] | None = None
    """Values that replace the config's."""


def visualize_embeddings(
    config: str | Path,
    checkpoint: str | Path,
    out: str | Path,
    options: EmbeddingOptions | None = None,
) -> Path:
    """Show the clips of a data set as a model's features see them.

    Args:
        config: The model's config.
        checkpoint: Its weights.
        out: The folder to write.
        options: Clips to show, and how.

    Returns:
        The page; beside it lie ``features.npy``, ``clips.csv`` and the charts.

    Raises:
        FileNotFoundError: One of the files is missing.
        ValueError: The checkpoint is damaged or does not fit, a split is missing or has too few
            clips, or a video cannot be decoded.
    """
    if not Path(config).is_file():
        raise FileNotFoundError(f'{config}: no such config')
    cfg = read_config(str(config))
    check_writable(out)
    options = options or EmbeddingOptions()
    merge_options(cfg, dict(options.cfg_options or {}))
    trained = TrainedModel.load(cfg, checkpoint, options.device)
    collected = collect_features(
        trained, options.splits, options.max_clips, num_workers=options.num_workers
    )
    places, variance = project(collected.features, options.seed)
    table = clip_table(collected, trained.classes)
    charts = position_charts(trained)
    with staged_folder(out) as folder:
        np.save(folder / 'features.npy', collected.features)
        harmless_cells(table).assign(
            **{
                f'{name} {axis}': at[:, k]
                for name, at in places.items()
                for k, axis in enumerate('xy')
            }
        ).to_csv(folder / 'clips.csv', index=False)
        for chart in charts:
            chart.figure.savefig(folder / f'{chart.name}.png')
        page = render(table, collected, places, variance, charts, Path(checkpoint).name)
        (folder / PAGE).write_text(page, encoding='utf-8')
    return Path(out) / PAGE


def clip_table(collected: ClipFeatures, classes: Sequence[str]) -> pd.DataFrame:
    """Facts of each clip: split, file, recording, true and predicted class, confidence."""
    said = collected.scores.argmax(axis=1)
    rows = []
    for clip, label, scores in zip(collected.clips, said, collected.scores, strict=True):
        names = [classes[k] for k in clip['labels']]
        rows.append(
            {
                'split': clip['split'],
                'file': clip['file'],
                'recording': clip['recording'],
                'class': ' and '.join(names) or 'unknown',
                'said': classes[label],
                'probability': float(scores[label]),
                'right': ('right' if label in clip['labels'] else 'wrong') if names else 'unknown',
            }
        )
    return pd.DataFrame(rows)


def position_charts(trained: TrainedModel) -> list[PositionChart]:
    """Similarity maps of the model's positions, as far as it has any."""
    charts = []
    for module in trained.model.modules():
        if not isinstance(module, TimeSformerBackbone):
            continue
        similarity = position_similarity(module)
        if similarity.space is not None:
            alike = neighbours_are_alike(similarity.space)
            found = 'have found' if alike > 0.1 else 'hardly show'
            charts.append(
                PositionChart(
                    'positions_space',
                    'Places',
                    'A tile for each place of the grid: red where another place is alike to it. '
                    f'Places side by side are more alike than others by {alike:.2f}: the positions '
                    f'{found} the geometry of the picture.',
                    draw_space(similarity.space),
                )
            )
        if similarity.time is not None:
            charts.append(
                PositionChart(
                    'positions_time',
                    'Times',
                    'Each frame with each. Frames near in time that are alike show as a red band '
                    'along the diagonal.',
                    draw_time(similarity.time),
                )
            )
    return charts


def render(
    table: pd.DataFrame,
    collected: ClipFeatures,
    places: Mapping[str, np.ndarray],
    variance: float,
    charts: Sequence[PositionChart],
    name: str,
) -> str:
    """The page."""
    # None, which pandas would turn into NaN in a column of names.
    recordings = [clip['recording'] for clip in collected.clips]
    unseen = (table['split'] != 'train').to_numpy()
    asked = unseen if unseen.any() else np.ones(len(table), bool)
    same_class, same_recording = neighbour_agreement(
        collected.features, table['class'].tolist(), recordings, asked
    )
    whose = 'the clips that it was not trained on' if unseen.any() else 'the training clips'
    data = {
        'places': {method: at.round(4).tolist() for method, at in places.items()},
        'clips': [
            {
                **{key: row[key] for key in ('split', 'class', 'said', 'right')},
                'recording': recording or 'unknown',
                'file': '/'.join(Path(row['file']).parts[-2:]),
                'probability': round(row['probability'], 3),
                'strip': picture_url(strip, STRIP_QUALITY),
            }
            for row, recording, strip in zip(
                table.to_dict('records'), recordings, collected.strips, strict=True
            )
        ],
        'colors': {'class': CLASS_COLORS, 'split': SPLIT_COLORS},
    }
    return render_page(
        Path(__file__).parents[1] / 'templates' / 'embeddings.html.j2',
        title=name,
        verdict=_verdict(same_class, same_recording, whose),
        variance=f'{variance:.0%}',
        methods=list(places),
        charts=[
            {
                'name': chart.name,
                'title': chart.title,
                'sentence': chart.sentence,
                'data': png_url(figure_png(chart.figure)),
            }
            for chart in charts
        ],
        # "</script>" inside a name would end the data.
        data=json.dumps(data).replace('<', '\\u003c'),
    )


def _verdict(same_class: float, same_recording: float | None, whose: str) -> str:
    if same_recording is None:
        return f'The nearest neighbour has the same class for {same_class:.0%} of {whose}.'
    return (
        f'The nearest neighbour from another recording has the same class for {same_class:.0%} of '
        f'{whose}; the nearest of all is from their own recording for {same_recording:.0%}. Where '
        'the second share is large and the first small, the features know places, not events.'
    )
