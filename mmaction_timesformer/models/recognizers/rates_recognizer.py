"""One model for several frame rates and numbers of frames.

The pipeline decodes one dense clip; a view of it is some of its frames, evenly apart. Training
draws a view for every batch and lets the richest one teach it (FFN, arXiv 2303.14817). Testing
averages the log-odds of several views, say windows of 2, 4 and 8 seconds of the same eight decoded
seconds, with weights that validation fits.

Legend: B videos, S samples of a video (clips and crops), C channels, T frames of the dense clip,
n frames of a view, V views, H/W pixels, D channels of a feature, K classes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from mmaction.models.recognizers import Recognizer3D
from mmaction.utils import OptSampleList, SampleList
from torch import Tensor

from mmaction_timesformer.registry import MODELS


@dataclass(frozen=True)
class View:
    """Some frames of a dense clip.

    Attributes:
        num_frames: n.
        every: Distance of frames, in frames of the dense clip.
    """

    num_frames: int
    every: int = 1

    def __post_init__(self) -> None:
        if min(self.num_frames, self.every) < 1:
            raise ValueError(f'a view needs frames a whole distance apart, got {self}')

    @property
    def span(self) -> int:
        """Frames of the dense clip that the view stands for."""
        return self.num_frames * self.every

    def frames(self, num_dense: int, start: int | None = None) -> slice:
        """Its frames in a dense clip; in the middle where no start is given.

        Raises:
            ValueError: The dense clip is too short.
        """
        if self.span > num_dense:
            raise ValueError(
                f'{self.num_frames} frames, {self.every} apart, do not fit a clip of {num_dense}'
            )
        start = (num_dense - self.span) // 2 if start is None else start
        return slice(start, start + self.span, self.every)


@MODELS.register_module()
class RatesRecognizer(Recognizer3D):
    """A recognizer that sees views of the clips that it is given.

    Args:
        train_views: Views as (n, every) that training draws from, one a batch; by default the
            whole clip.
        test_views: Views as (n, every) whose log-odds are averaged; by default the whole clip.
            Inputs shorter than a view's span are refused.
        distillation: How much the richest training view teaches the drawn one beside its labels;
            0 computes the drawn view alone, in about half the time.
        **kwargs: As in mmaction2's ``Recognizer3D``; the backbone must take ``seconds``.

    Attributes:
        view_weights: (V,) of the test views, summing to 1; equal until ``tools/calibrate.py`` fits
            them.
        train_shape: Every how many frames and what share of the size training sees at present;
            ``VaryingShapesHook`` sets it.
    """

    view_weights: Tensor

    def __init__(
        self,
        train_views: Sequence[Sequence[int]] | None = None,
        test_views: Sequence[Sequence[int]] | None = None,
        distillation: float = 1.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.train_views = tuple(View(*view) for view in train_views or ())
        self.test_views = tuple(View(*view) for view in test_views or ())
        self.distillation = distillation
        self.train_shape = (1, 1.0)
        num_views = max(len(self.test_views), 1)
        self.register_buffer('view_weights', torch.full((num_views,), 1 / num_views))

    def loss(self, inputs: Tensor, data_samples: SampleList, **_: Any) -> dict[str, Tensor]:
        """The head's loss of a drawn view, and what the richest view teaches it.

        Args:
            inputs: (B, S, C, T, H, W).
            data_samples: B, with ``clip_seconds`` if the sampler knows times.
        """
        clips, seconds = self._shrink(*self._clips(inputs, data_samples))
        num_frames = clips.shape[2]
        views = [v for v in self.train_views if v.span <= num_frames] or [View(num_frames)]
        richest = max(views, key=lambda view: (view.num_frames, view.span))
        drawn = views[int(torch.randint(len(views), ()))]
        if not self.distillation or drawn == richest:
            return self.cls_head.loss(self._features(clips, seconds, drawn), data_samples)
        features = self._features(clips, seconds, richest)
        losses = self.cls_head.loss(features, data_samples)
        taught = self.cls_head(self._features(clips, seconds, drawn))
        losses['loss_taught'] = self.distillation * self._taught(taught, self.cls_head(features))
        return losses

    def extract_feat(
        self,
        inputs: Tensor,
        stage: str = 'neck',
        data_samples: OptSampleList = None,
        test_mode: bool = False,
    ) -> tuple[Tensor, dict]:
        """Features (B S, D) of the richest test view, or at stage ``head`` the averaged logits.

        Args:
            inputs: (B, S, C, T, H, W).
            stage: ``backbone``, ``neck`` or ``head``.
            data_samples: B, with ``clip_seconds`` if times are known.
            test_mode: As in mmaction2; changes nothing here.
        """
        if stage == 'head' and not test_mode:
            logits = self.view_logits(inputs, data_samples)
            return torch.einsum('v,bvk->bk', self.view_weights.to(logits.dtype), logits), {}
        views = self.test_views or (View(inputs.shape[3]),)
        richest = max(views, key=lambda view: (view.num_frames, view.span))
        return self._features(*self._clips(inputs, data_samples), richest), {}

    def view_logits(self, inputs: Tensor, data_samples: OptSampleList = None) -> Tensor:
        """Logits of every test view, (B S, V, K)."""
        clips, seconds = self._clips(inputs, data_samples)
        views = self.test_views or (View(clips.shape[2]),)
        return torch.stack(
            [self.cls_head(self._features(clips, seconds, view)) for view in views], dim=1
        )

    def predict(self, inputs: Tensor, data_samples: SampleList, **kwargs: Any) -> SampleList:
        """Write the averaged, calibrated scores into the samples."""
        logits, _ = self.extract_feat(inputs, stage='head', data_samples=data_samples)
        return self.cls_head.predict_by_feat(logits, data_samples)

    def _clips(self, inputs: Tensor, data_samples: OptSampleList) -> tuple[Tensor, Tensor]:
        """Clips (B S, C, T, H, W) and the times (B S, T) of their frames.

        A video's samples are crops of clips, and its times those of its clips.
        """
        batch_size, num_samples, _, num_frames = inputs.shape[:4]
        clips = inputs.flatten(0, 1)
        times = [sample.get('clip_seconds') for sample in data_samples or ()]
        if not times or any(time is None for time in times):
            seconds = torch.arange(num_frames) * self.backbone.frame_seconds
            return clips, seconds.expand(clips.shape[0], -1)
        of_clips = torch.stack([torch.as_tensor(time) for time in times])
        of_clips = of_clips.view(batch_size, -1, num_frames)
        return clips, of_clips.repeat(1, num_samples // of_clips.shape[1], 1).flatten(0, 1)

    def _features(self, clips: Tensor, seconds: Tensor, view: View) -> Tensor:
        """Features (B S, D) of a view: anywhere in training, in the middle otherwise."""
        num_frames = clips.shape[2]
        start = None
        if self.training and view.span < num_frames:
            start = int(torch.randint(num_frames - view.span + 1, ()))
        frames = view.frames(num_frames, start)
        return self.backbone(clips[:, :, frames], seconds=seconds[:, frames])

    def _shrink(self, clips: Tensor, seconds: Tensor) -> tuple[Tensor, Tensor]:
        """Fewer frames and pixels, where a schedule of varying shapes says so."""
        every, share = self.train_shape
        clips, seconds = clips[:, :, ::every], seconds[:, ::every]
        if share == 1:
            return clips, seconds
        sides = zip(clips.shape[3:], self.backbone.patch_size, strict=True)
        size = [max(round(side * share / patch), 1) * patch for side, patch in sides]
        frames = F.interpolate(clips.transpose(1, 2).flatten(0, 1).float(), size, mode='area')
        return frames.unflatten(0, (len(clips), -1)).transpose(1, 2).to(clips), seconds

    def _taught(self, logits: Tensor, teacher: Tensor) -> Tensor:
        """How far a view's answers are from those of the richest, which learns nothing by it."""
        if self.cls_head.multi_class:
            answers = teacher.detach().sigmoid()
            return F.binary_cross_entropy_with_logits(logits, answers)
        answers = teacher.detach().log_softmax(dim=1)
        return F.kl_div(logits.log_softmax(dim=1), answers, reduction='batchmean', log_target=True)


def fit_view_weights(logits: Tensor, labels: Tensor) -> Tensor:
    """Weights that explain validation labels best.

    Args:
        logits: (N, V, K) of N clips.
        labels: (N,) classes, or (N, K) of clips with any number of them.

    Returns:
        (V,), not negative, summing to 1. A common factor is left to the temperature.
    """
    logits = logits.detach().double()
    shares = torch.zeros(logits.shape[1], dtype=torch.double, requires_grad=True)
    factor = torch.zeros((), dtype=torch.double, requires_grad=True)
    optimizer = torch.optim.LBFGS([shares, factor], max_iter=200, line_search_fn='strong_wolfe')

    def closure() -> Tensor:
        optimizer.zero_grad()
        mixed = factor.exp() * torch.einsum('v,nvk->nk', shares.softmax(dim=0), logits)
        if labels.dim() == 1:
            loss = F.cross_entropy(mixed, labels)
        else:
            loss = F.binary_cross_entropy_with_logits(mixed, labels.double())
        # Views that say the same may share the weight in any way: stay near equal shares.
        loss = loss + 1e-4 * shares.square().sum()
        loss.backward()
        return loss

    with torch.enable_grad():
        optimizer.step(closure)
    return shares.detach().softmax(dim=0).float()
