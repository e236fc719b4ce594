"""Why a recognizer decided as it did on one video: its maps for one class.

Legend: V views, T frames, h/w patch rows and columns, K classes.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from mmaction_timesformer.explanation.attention_maps import attention_of_token
from mmaction_timesformer.explanation.attention_recorder import AttentionRecorder, Recording
from mmaction_timesformer.explanation.rollout import attention_rollout, class_relevance
from mmaction_timesformer.inference.pixel_mapping import TracedClip


@dataclass(frozen=True)
class Explanation:
    """Maps of one video for one class, all on the CPU.

    Attributes:
        scores: (K,) the model's own result for the video, over all views.
        target: The class explained.
        relevance: (V, T, h, w), what raised the class (:func:`.rollout.class_relevance`).
        rollout: (V, T, h, w), what was attended to (:func:`.rollout.attention_rollout`).
        cls_attention: (V, heads, T, h, w), what the class token looks at in the last step in which
            it looks; None where the features are a mean over patches.
        cls_step: Which step that is, e.g. ``block 11, space``; empty without one.
    """

    scores: Tensor
    target: int
    relevance: Tensor
    rollout: Tensor
    cls_attention: Tensor | None
    cls_step: str


def explain(model: Any, clip: TracedClip, target: int | None = None) -> Explanation:
    """Explain a recognizer's decision on a video.

    What is differentiated is the log-odds of the class: unlike its logit, they do not change when
    all logits rise together, which a softmax does not see either.

    Args:
        model: A recognizer around a TimeSformerBackbone; left as it was.
        clip: See :func:`.pixel_mapping.trace`.
        target: Class; by default the one that the model chooses.

    Raises:
        ValueError: There is no such class, or the model has no TimeSformerBackbone.
    """
    with _prepared(model):
        batch = dict(inputs=[clip.inputs], data_samples=[clip.data_sample])
        batch = model.data_preprocessor(batch, False)
        with torch.no_grad():
            (sample,) = model(**batch, mode='predict')
        scores = sample.pred_score.detach().float().cpu()
        if target is None:
            target = int(scores.argmax())
        if not 0 <= target < len(scores):
            raise ValueError(f'class {target} is not among the {len(scores)} classes')
        parts = [_explain_view(model, view, target) for view in batch['inputs'][0].split(1)]
    relevance, rollout, cls_attention = zip(*(part[:3] for part in parts), strict=True)
    return Explanation(
        scores,
        target,
        torch.cat(relevance),
        torch.cat(rollout),
        None if cls_attention[0] is None else torch.cat(cls_attention),
        parts[0][3],
    )


def class_log_odds(model: Any, views: Tensor, target: int) -> Tensor:
    """Log-odds of a class in each of some views (B, channels, T, H, W): (B,)."""
    features, options = model.extract_feat(views.unsqueeze(1), test_mode=True)
    logits = model.cls_head(features, **options)
    if getattr(model.cls_head, 'multi_class', False):
        return logits[:, target]
    others = [k for k in range(logits.shape[1]) if k != target]
    return logits[:, target] - logits[:, others].logsumexp(dim=1)


def _explain_view(
    model: Any, view: Tensor, target: int
) -> tuple[Tensor, Tensor, Tensor | None, str]:
    """Maps of one view (1, channels, T, H, W)."""
    with torch.enable_grad(), AttentionRecorder(model) as recorder:
        class_log_odds(model, view.clone().requires_grad_(), target).sum().backward()
    (recording,) = recorder.recordings
    cls_attention, step = _last_cls_attention(recording)
    return (
        class_relevance(recording).cpu(),
        attention_rollout(recording).cpu(),
        cls_attention,
        step,
    )


def _last_cls_attention(recording: Recording) -> tuple[Tensor | None, str]:
    """(1, heads, T, h, w) and the step's name; a mean over class tokens where there are several."""
    if recording.out_type != 'cls':
        return None, ''
    step = next(s for s in reversed(recording.steps) if s.module.grouping.updates_cls)
    rows = torch.stack([attention_of_token(step, token) for token in range(step.grid.num_cls)])
    grid = (step.grid.num_frames, step.grid.height, step.grid.width)
    patches = rows.mean(dim=0)[..., step.grid.num_cls :].unflatten(-1, grid)
    return patches.cpu(), f'block {step.layer}, {step.name}'


@contextmanager
def _prepared(model: Any) -> Iterator[None]:
    """Evaluation mode without gradients of parameters; both are put back."""
    was_training = model.training
    wanted = [parameter for parameter in model.parameters() if parameter.requires_grad]
    model.eval()
    for parameter in wanted:
        parameter.requires_grad_(False)
    try:
        yield
    finally:
        for parameter in wanted:
            parameter.requires_grad_(True)
        model.train(was_training)
