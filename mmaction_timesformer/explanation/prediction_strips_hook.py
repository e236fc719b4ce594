"""Show what the model says of some validation clips, and why, wherever a run's pictures go."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from mmengine.dist import is_main_process
from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper
from mmengine.runner import EpochBasedTrainLoop, Runner
from PIL import Image

from mmaction_timesformer.explanation.explanation import explain
from mmaction_timesformer.inference.pixel_mapping import TracedClip, View
from mmaction_timesformer.models import TimeSformerBackbone
from mmaction_timesformer.registry import HOOKS


@HOOKS.register_module()
class PredictionStripsHook(Hook):
    """Send strips of a few validation clips to the run's visualizer: frames, map, probabilities.

    They go to every back end of the config's ``visualizer``: local files, TensorBoard, Weights &
    Biases, MLflow and others, by ``Visualizer.add_image``. The clips are the same in every
    validation, so that one can see when a model begins to look at the right thing. The map is the
    relevance for the class that the model chooses (:mod:`mmaction_timesformer.explanation`); of
    models that are no TimeSformer, the frames are shown alone. In training on several devices the
    first shows clips of its own share.

    Args:
        num_clips: Clips to show, spread evenly over the validation set.
        interval: Show them in every so many validations.
        num_frames: Frames of a clip to show, at most.
    """

    priority = 'LOW'

    def __init__(self, num_clips: int = 4, interval: int = 1, num_frames: int = 8) -> None:
        for name, value in (('num_clips', num_clips), ('interval', interval)):
            if value < 1:
                raise ValueError(f'{name}={value} must be at least 1')
        self.num_clips = num_clips
        self.interval = interval
        self.num_frames = num_frames
        self._validations = 0
        self._shown: set[tuple[int, int]] = set()

    def before_val_epoch(self, runner: Runner) -> None:
        """Choose the clips."""
        self._shown = set()
        if is_main_process() and self._validations % self.interval == 0:
            loader = runner.val_dataloader
            batch_size = loader.batch_size or 1
            num_seen = len(loader.sampler)
            places = np.linspace(0, num_seen - 1, min(self.num_clips, num_seen)).astype(int)
            self._shown = {divmod(int(place), batch_size) for place in places}
        self._validations += 1

    def after_val_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: dict[str, Any] | None = None,
        outputs: Sequence[Any] | None = None,
    ) -> None:
        """Draw those of a batch."""
        for batch, row in sorted(self._shown):
            if batch == batch_idx and data_batch is not None and outputs:
                self._show(runner, data_batch['inputs'][row], outputs[row], batch, row)

    def _show(self, runner: Runner, views: torch.Tensor, sample: Any, batch: int, row: int) -> None:
        """Draw one clip, from its middle view (views, channels, T, H, W)."""
        # matplotlib is behind them, which most trainings do not need.
        from mmaction_timesformer.explanation.explained_video import ExplainedVideo
        from mmaction_timesformer.explanation.pictures import strip

        model = runner.model.module if is_model_wrapper(runner.model) else runner.model
        middle = len(views) // 2
        clip = _clip_of_view(views[middle : middle + 1], sample)
        kept = np.linspace(0, len(clip.pictures) - 1, self.num_frames).round().astype(int)
        kept = np.unique(kept)
        overlays = importance = None
        if any(isinstance(module, TimeSformerBackbone) for module in model.modules()):
            explained = ExplainedVideo(clip, explain(model, clip, int(sample.pred_score.argmax())))
            drawn = explained.overlays()
            overlays = [drawn[number] for number in kept]
            importance = explained.frame_importance[kept].tolist()
        by_epoch = isinstance(runner._train_loop, EpochBasedTrainLoop)
        picture = strip(
            [clip.pictures[number] for number in kept],
            overlays,
            [f'frame {number}' for number in kept],
            importance,
            title=_title(sample, runner.val_dataloader.dataset),
        )
        name = f'val_clip_{batch * (runner.val_dataloader.batch_size or 1) + row}'
        step = runner.epoch if by_epoch else runner.iter
        runner.visualizer.add_image(name, np.asarray(picture), step=step)


def _clip_of_view(view: torch.Tensor, sample: Any) -> TracedClip:
    """A view (1, channels, T, H, W) as a video of its own: what the model saw, as it saw it."""
    numbers = np.arange(view.shape[2])
    pictures = view[0].permute(1, 2, 3, 0).float().cpu().numpy()
    if view.is_floating_point():
        span = max(float(np.ptp(pictures)), np.finfo(np.float32).tiny)
        pictures = 255 * (pictures - pictures.min()) / span
    pictures = _legible(pictures.clip(0, 255).astype(np.uint8))
    whole = View(numbers, 0.0, 0.0, 1.0, 1.0)
    return TracedClip(view, sample, (whole,), numbers, pictures)


def _legible(pictures: np.ndarray, least_height: int = 112) -> np.ndarray:
    """Small pictures enlarged, so that a map over them is smooth."""
    height, width = pictures.shape[1:3]
    if height >= least_height:
        return pictures
    size = (round(width * least_height / height), least_height)
    return np.stack([np.asarray(Image.fromarray(picture).resize(size)) for picture in pictures])


def _title(sample: Any, dataset: Any) -> str:
    """The true class, and the probable ones."""
    scores = sample.pred_score.float().cpu()
    classes = (getattr(dataset, 'metainfo', None) or {}).get('classes')
    classes = classes or [str(label) for label in range(len(scores))]
    labels = sample.get('gt_label')
    truth = '?'
    if labels is not None:
        hot = labels.flatten() if labels.numel() == 1 else labels.flatten().nonzero().flatten()
        truth = ' and '.join(classes[int(label)] for label in hot) or 'none'
    best = scores.argsort(descending=True)[:2].tolist()
    said = ', '.join(f'{classes[label]} {scores[label]:.0%}' for label in best)
    return f'true: {truth}; said: {said}'
