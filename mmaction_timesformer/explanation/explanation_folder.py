"""The files that explain one video: overlay, strip, bars, arrays, and how they were made.

Legend: V views, T frames of a view, h/w patch rows and columns, F frames that the model saw.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import mmaction
import mmengine
import numpy as np
import torch

from mmaction_timesformer.explanation.explained_video import (
    MAPS,
    ExplainedVideo,
    check_faithfulness,
)
from mmaction_timesformer.explanation.explanation import explain
from mmaction_timesformer.explanation.explanation_charts import (
    draw_faithfulness,
    draw_frame_importance,
)
from mmaction_timesformer.explanation.faithfulness import FaithfulnessCurves
from mmaction_timesformer.explanation.pictures import label_frame, overlay, strip
from mmaction_timesformer.inference.trained_model import TrainedModel
from mmaction_timesformer.version import __version__
from video_clips.reading.video import open_video
from video_clips.writing import write_video


@dataclass(frozen=True)
class ExplanationOptions:
    """Options: which class is explained, and how it is shown.

    Attributes:
        target: Class to explain, by name or number; by default the one that the model chooses.
        shown: Which map is drawn, ``relevance`` or ``rollout``; both are saved.
        start_seconds: Where to start in each file.
        end_seconds: Where to end in each file.
        check: Whether to measure deletion and insertion against random maps.
    """

    target: str | None = None
    shown: str = 'relevance'
    start_seconds: float | None = None
    end_seconds: float | None = None
    check: bool = False

    def __post_init__(self) -> None:
        if self.shown not in MAPS:
            raise ValueError(f'shown={self.shown!r} is unknown; choose from {MAPS}')


def explain_video(
    trained: TrainedModel,
    video: str | Path,
    folder: Path,
    made_from: Mapping[str, Any],
    options: ExplanationOptions,
) -> dict[str, Any]:
    """Explain a model's decision on a video and write everything into a folder.

    Args:
        trained: The model.
        video: The video file, or a folder of frames.
        folder: The folder to fill, which is there already.
        made_from: What to tell in the manifest of the config and the checkpoint.
        options: What is explained.

    Returns:
        The manifest.

    Raises:
        FileNotFoundError: There is no such video.
        ValueError: An argument makes no sense, or pixels cannot be followed through the pipeline.
        VideoError: The video cannot be decoded.
    """
    target = None if options.target is None else trained.class_index(options.target)
    clip = trained.read(video, start_seconds=options.start_seconds, end_seconds=options.end_seconds)
    explained = ExplainedVideo(clip, explain(trained.model, clip, target), options.shown)
    curves = check_faithfulness(trained.model, explained) if options.check else None
    _write_pictures(folder, explained, trained.classes, video, curves)
    _write_arrays(folder, explained)
    manifest = _manifest(explained, trained.classes, curves, {**made_from, 'video': str(video)})
    text = json.dumps(manifest, indent=2, ensure_ascii=False)
    (folder / 'manifest.json').write_text(text + '\n', encoding='utf-8')
    return manifest


def _write_pictures(
    folder: Path,
    explained: ExplainedVideo,
    classes: tuple[str, ...],
    video: str | Path,
    curves: FaithfulnessCurves | None,
) -> None:
    explanation = explained.explanation
    title = f'{classes[explanation.target]} {explanation.scores[explanation.target]:.0%}'
    fps = explained.clip.frames_per_second or 5.0
    write_video(folder / 'overlay.mp4', _overlay_frames(explained, video, title), fps)
    strip(
        list(explained.clip.pictures),
        explained.overlays(),
        explained.captions(),
        explained.frame_importance.tolist(),
        title=f'{Path(video).name}: {title}',
    ).save(folder / 'strip.png')
    draw_frame_importance(explained).savefig(folder / 'frames.png')
    if curves is not None:
        draw_faithfulness(curves).savefig(folder / 'faithfulness.png')


def _write_arrays(folder: Path, explained: ExplainedVideo) -> None:
    explanation = explained.explanation
    arrays = {
        'relevance': explanation.relevance,
        'rollout': explanation.rollout,
        'cls_attention': explanation.cls_attention,
        'frame_numbers': np.stack([view.frames for view in explained.clip.views]),
        'frame_importance': explained.frame_importance,
    }
    for name, array in arrays.items():
        if array is not None:
            np.save(folder / f'{name}.npy', np.asarray(array))


def _overlay_frames(
    explained: ExplainedVideo, video: str | Path, title: str
) -> Iterator[np.ndarray]:
    """Every frame from the first to the last that the model saw, in order, with its map."""
    numbers = explained.clip.frame_numbers
    first, last = int(numbers[0]), int(numbers[-1])
    for number, picture in _pictures(explained, video, first, last):
        # H.264 wants even sides.
        picture = picture[: len(picture) // 2 * 2, : picture.shape[1] // 2 * 2]
        map_ = explained.pixel_maps.between(number, picture.shape[:2])
        drawn = overlay(picture, map_, explained.scale)
        yield label_frame(drawn, title, (number - first) / max(last - first, 1))


def _pictures(
    explained: ExplainedVideo, video: str | Path, first: int, last: int
) -> Iterator[tuple[int, np.ndarray]]:
    if Path(video).is_dir():
        yield from zip(explained.clip.frame_numbers.tolist(), explained.clip.pictures, strict=True)
        return
    with open_video(video) as opened:
        waiting: dict[int, np.ndarray] = {}
        due = first
        for number, picture in opened.pictures(range(first, last + 1)):
            waiting[number] = picture
            while due in waiting:
                yield due, waiting.pop(due)
                due += 1


def _manifest(
    explained: ExplainedVideo,
    classes: tuple[str, ...],
    curves: FaithfulnessCurves | None,
    made_from: Mapping[str, Any],
) -> dict[str, Any]:
    explanation = explained.explanation
    return {
        **made_from,
        'made': datetime.now(timezone.utc).isoformat(timespec='seconds'),
        'command': sys.argv,
        'versions': {
            'mmaction_timesformer': __version__,
            'mmaction2': mmaction.__version__,
            'mmengine': mmengine.__version__,
            'torch': torch.__version__,
        },
        'class': classes[explanation.target],
        'scores': dict(zip(classes, explanation.scores.tolist(), strict=True)),
        'shown': explained.shown,
        'maps': {
            'relevance': "gradient-weighted rollout of the class's log-odds (arXiv 2103.15679)",
            'rollout': 'attention rollout over space and time (arXiv 2005.00928)',
            'cls_attention': explanation.cls_step,
        },
        'scale_drawn': list(explained.scale),
        'frames_per_second': explained.clip.frames_per_second,
        'frames': explained.clip.frame_numbers.tolist(),
        'frame_importance': explained.frame_importance.tolist(),
        'views': [
            {**asdict(view), 'frames': view.frames.tolist()} for view in explained.clip.views
        ],
        'patch_grid': list(explained.map.shape[1:]),
        'faithfulness': None
        if curves is None
        else {
            'areas': curves.areas(),
            **{name: np.asarray(values).tolist() for name, values in asdict(curves).items()},
        },
    }
