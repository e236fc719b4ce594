"""The classifier on top of a TimeSformer's CLS token (arXiv 2102.05095, Sec. 3).

Shape letters: B clips in the batch, V views of a clip (temporal clips x spatial crops), D channels,
K classes.
"""

from collections.abc import Sequence

import torch
from mmaction.evaluation import top_k_accuracy
from mmaction.models.heads import BaseHead
from mmaction.models.losses import CrossEntropyLoss
from mmaction.utils import ConfigType, SampleList
from torch import Tensor, nn
from torch.nn.functional import one_hot

from mmaction_timesformer.models.heads.temperature import Temperature
from mmaction_timesformer.models.losses import (
    ClassBalancedFocalLoss,
    ClassBalancedLoss,
    WeightedCrossEntropyLoss,
)
from mmaction_timesformer.registry import MODELS


@MODELS.register_module()
class TimeSformerClsHead(BaseHead):
    """A linear or one-hidden-layer classifier for one label a clip or several.

    The paper has a hidden layer; the published weights have none, which is the default. The hidden
    layer's activation, which the paper does not name, is ViT's tanh.

    Args:
        num_classes: K.
        in_channels: D.
        loss_cls: The loss. ``None`` is cross entropy, or binary cross entropy with ``multi_class``.
            The losses of this project get ``num_classes`` and ``use_sigmoid`` from here.
        multi_class: Whether a clip has any number of labels: a sigmoid instead of a softmax.
        hidden_dims: Width of the hidden layer; ``None`` for a linear classifier.
        dropout_ratio: Dropout before the last layer.
        label_smooth_eps: Share of the label spread over all classes, or with ``multi_class`` over
            yes and no.
        topk: Top-k accuracies to log in training. ``None`` is 1, and 5 with more than 5 classes.
        average_clips: How a test clip's views are averaged: ``'prob'`` as the paper does,
            ``'score'`` before the softmax, ``None`` not at all (raw scores of each view).
        agreement: Weight of the Jensen-Shannon divergence of a training clip's views (AugMix,
            arXiv 1912.02781), where the pipeline gives several, as ``CameraAugment(views=2)``.
        init_std: Standard deviation of the initial weights.
        init_cfg: Initialisation in place of the truncated normal one.

    Raises:
        ValueError: If arguments do not fit each other or the number of classes.
    """

    def __init__(
        self,
        num_classes: int,
        in_channels: int,
        loss_cls: ConfigType | None = None,
        multi_class: bool = False,
        hidden_dims: int | None = None,
        dropout_ratio: float = 0.0,
        label_smooth_eps: float = 0.0,
        topk: int | Sequence[int] | None = None,
        average_clips: str | None = 'prob',
        agreement: float = 0.0,
        init_std: float = 0.02,
        init_cfg: dict | list[dict] | None = None,
    ) -> None:
        if num_classes < 2 and not multi_class:
            raise ValueError(f'num_classes is {num_classes}: one choice needs at least 2 classes')
        if not 0 <= label_smooth_eps < 1:
            raise ValueError(f'label_smooth_eps is {label_smooth_eps}, not in [0, 1)')
        if average_clips not in ('prob', 'score', None):
            raise ValueError(f"average_clips is {average_clips!r}, not 'prob', 'score' or None")
        super().__init__(
            num_classes,
            in_channels,
            _complete_loss(loss_cls, num_classes, multi_class),
            multi_class=multi_class,
            label_smooth_eps=label_smooth_eps,
            topk=_check_topk(topk, num_classes),
            average_clips=average_clips,
            init_cfg=init_cfg or dict(type='TruncNormal', layer='Linear', std=init_std),
        )
        if multi_class and isinstance(self.loss_cls, CrossEntropyLoss | WeightedCrossEntropyLoss):
            raise ValueError(
                f'{type(self.loss_cls).__name__} expects one label a clip; with multi_class=True '
                'use BCELossWithLogits, or ClassBalancedFocalLoss (gamma=0: class-weighted BCE)'
            )
        if agreement < 0 or (agreement and multi_class):
            raise ValueError(f'agreement={agreement} must be at least 0, and 0 with multi_class')
        self.agreement = agreement
        self.hidden = None
        if hidden_dims is not None:
            self.hidden = nn.Sequential(nn.Linear(in_channels, hidden_dims), nn.Tanh())
        self.dropout = nn.Dropout(dropout_ratio)
        self.fc_cls = nn.Linear(hidden_dims or in_channels, num_classes)
        self.temperature = Temperature()

    def forward(self, x: Tensor, loss_aux: dict | None = None, fcn_test: bool = False) -> Tensor:
        """Classify.

        Args:
            x: Features (B * V, D).
            loss_aux: Losses of a neck; recognizers pass it to every head.
            fcn_test: Fully convolutional test mode; recognizers pass it to every head.

        Returns:
            Logits (B * V, K).

        Raises:
            ValueError: If the features are not one vector a view.
        """
        if fcn_test:
            raise ValueError('fcn_test is for convolutional heads; remove it from test_cfg')
        if x.dim() != 2:
            raise ValueError(
                f'the head got features of shape {tuple(x.shape)}; it needs (B, D), '
                "so set the backbone's out_type to 'cls' or 'avg'"
            )
        if self.hidden is not None:
            x = self.hidden(x)
        return self.fc_cls(self.dropout(x))

    def loss_by_feat(self, cls_scores: Tensor, data_samples: SampleList) -> dict[str, Tensor]:
        """Compute the loss, and the training accuracies where labels are hard.

        Args:
            cls_scores: Logits (B * V, K), V above 1 where the pipeline draws several clips a video.
            data_samples: B samples, their ``gt_label`` a class index (1,), K hot or cold entries,
                or K shares as mixup and cutmix leave them.
        """
        # One row a sample, also after mixup of a batch of 1, which leaves (1, K) labels.
        labels = torch.stack([sample.gt_label.reshape(-1) for sample in data_samples])
        labels = labels.to(cls_scores.device)
        labels = labels.repeat_interleave(len(cls_scores) // len(labels), dim=0)

        losses: dict[str, Tensor] = {}
        if not self.multi_class and labels.shape[1] == 1:
            labels = labels[:, 0]
            losses.update(self._accuracies(cls_scores, labels))
        loss = self.loss_cls(cls_scores, self._prepare_labels(labels, cls_scores.dtype))
        losses.update(loss if isinstance(loss, dict) else {'loss_cls': loss})
        if self.agreement and len(cls_scores) > len(data_samples):
            views = cls_scores.unflatten(0, (len(data_samples), -1))
            losses['loss_agreement'] = self.agreement * _divergence(views)
        return losses

    def _prepare_labels(self, labels: Tensor, dtype: torch.dtype) -> Tensor:
        """Smooth labels (B,) or (B, K) and give rows of labels the type of the logits."""
        if labels.dim() == 1:
            if not self.label_smooth_eps:
                return labels
            labels = one_hot(labels, self.num_classes)
        num_answers = 2 if self.multi_class else self.num_classes
        share = self.label_smooth_eps / num_answers
        return labels.to(dtype) * (1 - self.label_smooth_eps) + share

    def _accuracies(self, cls_scores: Tensor, labels: Tensor) -> dict[str, Tensor]:
        scores = cls_scores.detach().float().cpu().numpy()
        accuracies = top_k_accuracy(scores, labels.cpu().numpy(), self.topk)
        return {
            f'top{k}_acc': cls_scores.new_tensor(accuracy)
            for k, accuracy in zip(self.topk, accuracies, strict=True)
        }

    def predict_by_feat(self, cls_scores: Tensor, data_samples: SampleList) -> SampleList:
        """Write ``pred_score`` (K,), calibrated, and ``pred_label`` into the samples.

        ``pred_label`` is the class index (1,); with ``multi_class`` it has K entries, 1 where the
        probability is at least 0.5, in the form of the ground truth.
        """
        num_views = len(cls_scores) // len(data_samples)
        scores = self.average_clip(self.temperature(cls_scores), num_segs=num_views)
        if self.multi_class:
            threshold = 0.5 if self.average_clips == 'prob' else 0.0
            labels = (scores >= threshold).long()
        else:
            labels = scores.argmax(dim=-1, keepdim=True)
        for sample, score, label in zip(data_samples, scores, labels, strict=True):
            sample.set_pred_score(score)
            sample.set_pred_label(label)
        return data_samples

    def average_clip(self, cls_scores: Tensor, num_segs: int = 1) -> Tensor:
        """Average the scores of a clip's views.

        Departs from mmaction2's in one point: with ``multi_class`` a probability is a sigmoid.

        Args:
            cls_scores: Logits (B * V, K).
            num_segs: V.

        Returns:
            Probabilities or logits (B, K), or logits (B, V, K) if ``average_clips`` is ``None``.
        """
        if not (self.multi_class and self.average_clips == 'prob'):
            return super().average_clip(cls_scores, num_segs)
        return cls_scores.sigmoid().unflatten(0, (-1, num_segs)).mean(dim=1)


def _divergence(logits: Tensor) -> Tensor:
    """Jensen-Shannon divergence of the views (B, V, K) of a clip, in nats."""
    probabilities = logits.softmax(dim=-1)
    mean = probabilities.mean(dim=1, keepdim=True).log()
    return (probabilities * (logits.log_softmax(dim=-1) - mean)).sum(dim=-1).mean()


def _complete_loss(loss_cls: ConfigType | None, num_classes: int, multi_class: bool) -> ConfigType:
    """Fill in the default loss, and what this project's losses need to know of the head."""
    if loss_cls is None:
        return dict(type='BCELossWithLogits' if multi_class else 'CrossEntropyLoss')
    if isinstance(loss_cls.get('class_weight'), str) and loss_cls['type'] == 'CrossEntropyLoss':
        raise ValueError(
            f'CrossEntropyLoss takes class_weight as numbers, not {loss_cls["class_weight"]!r}; '
            "type='WeightedCrossEntropyLoss' computes them from the training annotations"
        )
    loss_type = loss_cls['type']
    if isinstance(loss_type, str):
        loss_type = MODELS.get(loss_type) or object  # an unknown name is mmengine's to report
    filled: dict[str, int | bool] = {}
    if issubclass(loss_type, ClassBalancedLoss):
        filled['num_classes'] = num_classes
    if issubclass(loss_type, ClassBalancedFocalLoss):
        filled['use_sigmoid'] = multi_class
    return {**filled, **loss_cls}


def _check_topk(topk: int | Sequence[int] | None, num_classes: int) -> tuple[int, ...]:
    if topk is None:
        return (1, 5) if num_classes > 5 else (1,)
    topk = (topk,) if isinstance(topk, int) else tuple(topk)
    for k in topk:
        if not 1 <= k < max(num_classes, 2):
            raise ValueError(
                f'topk holds {k}; with {num_classes} classes it can hold 1 to {num_classes - 1}'
            )
    return topk
