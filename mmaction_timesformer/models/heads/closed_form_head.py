"""A classifier of frozen features that is fitted at once, on statistics of the clip.

Features of pictures carry over to a new camera better than most of what a few hundred clips can
teach a network; how their classifier is fitted decides (ridge regression against gradient descent:
docs/cameras.md). What a clip shows is in the mean of its frames, and what happens in it in how
they differ.

Legend: B clips in the batch, V views of a clip, T frames, h/w cells of a feature map, D channels,
F features of a clip, K classes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from mmaction.utils import SampleList
from torch import Tensor

from mmaction_timesformer.models.heads.logistic import solve_logistic
from mmaction_timesformer.models.heads.novelty import NoveltyScaling
from mmaction_timesformer.models.heads.ridge import ClassStatistics, RidgeStatistics
from mmaction_timesformer.models.heads.timesformer_cls_head import TimeSformerClsHead
from mmaction_timesformer.registry import MODELS


def _steps(x: Tensor) -> Tensor:
    """Mean absolute difference of a frame and the next."""
    if x.shape[1] < 2:
        return torch.zeros_like(x[:, 0])
    return (x[:, 1:] - x[:, :-1]).abs().mean(dim=1)


OVER_SPACE = {
    'mean': lambda x: x.mean(dim=2),
    'max': lambda x: x.amax(dim=2),
    'deviation': lambda x: x.std(dim=2, unbiased=False),
}
"""(B, T, cells, D) to (B, T, D)."""

OVER_TIME = {
    'mean': lambda x: x.mean(dim=1),
    'deviation': lambda x: x.std(dim=1, unbiased=False),
    'steps': _steps,
}
"""(B, T, D') to (B, D')."""


FITS = {'ridge': RidgeStatistics.solve_each, 'logistic': solve_logistic}
"""Statistics, strengths and balance to weights (K, F) and biases (K,)."""


@MODELS.register_module()
class ClosedFormHead(TimeSformerClsHead):
    """Ridge or logistic regression on how a clip's features vary over space and over time.

    A map's cells are summarised in each frame, then the frames over time; all pairs of the two are
    features. The head is fitted by ``ClosedFormTrainLoop``, or by :meth:`update` and :meth:`fit`;
    as a linear layer it can be fine-tuned afterwards like any other.

    Args:
        num_classes: K.
        in_channels: D.
        over_space: Summaries of a frame's cells: ``mean``, ``max``, ``deviation``.
        over_time: Summaries of a clip's frames: ``mean``, ``deviation`` (from the clip's mean),
            ``steps`` (mean absolute difference of neighbours).
        strength: Of ridge regression's penalty, in units of the number of features, unless
            training chooses it.
        balanced: Whether classes weigh the same, however many clips they have.
        fit: ``ridge``, or ``logistic``: L2-regularised logistic regression, for up to as many clips
            of a class as there are features; its strengths are larger.
        residual_channels: Channels of a second input, the class token of a transformer on the same
            features, from which a linear layer that starts at zero corrects the logits.
        options: Those of ``TimeSformerClsHead``.

    Raises:
        ValueError: An unknown summary or fit.
    """

    def __init__(
        self,
        num_classes: int,
        in_channels: int,
        over_space: Sequence[str] = ('mean', 'max', 'deviation'),
        over_time: Sequence[str] = ('mean', 'deviation', 'steps'),
        strength: float = 0.1,
        balanced: bool = True,
        fit: str = 'ridge',
        residual_channels: int | None = None,
        **options: Any,
    ) -> None:
        for name, chosen, known in (
            ('over_space', over_space, OVER_SPACE),
            ('over_time', over_time, OVER_TIME),
        ):
            if not chosen or set(chosen) - set(known):
                raise ValueError(f'{name}={tuple(chosen)}: choose from {list(known)}')
        if fit not in FITS:
            raise ValueError(f'fit={fit!r}: choose from {list(FITS)}')
        if not strength > 0:
            raise ValueError(f'strength={strength} must be above 0')
        num_features = in_channels * len(over_space) * len(over_time)
        super().__init__(num_classes, num_features, **options)
        self.over_space, self.over_time = tuple(over_space), tuple(over_time)
        self.strength, self.balanced, self.method = strength, balanced, fit
        self.statistics = RidgeStatistics(num_classes, num_features)
        self.recordings: dict[str, str] = {}
        self.novelty = NoveltyScaling(num_features)
        self.residual = None
        if residual_channels is not None:
            self.residual = torch.nn.Linear(residual_channels, num_classes)

    def init_weights(self) -> None:
        """Initialise as other heads; the residual starts at zero."""
        super().init_weights()
        if self.residual is not None:
            torch.nn.init.zeros_(self.residual.weight)
            torch.nn.init.zeros_(self.residual.bias)

    def pool(self, maps: Tensor) -> Tensor:
        """Maps (B, T, h, w, D) to features of the frames (B, T, D').

        Raises:
            ValueError: If the features are not maps.
        """
        if maps.dim() != 5:
            raise ValueError(
                f'the head got features of shape {tuple(maps.shape)}; it needs (B, T, h, w, D): '
                "a FrameEncoder, or a TimeSformerBackbone with out_type='tokens'"
            )
        cells = maps.flatten(2, 3)
        return torch.cat([OVER_SPACE[name](cells) for name in self.over_space], dim=-1)

    def summarise(self, frames: Tensor) -> Tensor:
        """Features of frames (B, T, D') to features of clips (B, F)."""
        return torch.cat([OVER_TIME[name](frames) for name in self.over_time], dim=-1)

    def features(self, maps: Tensor) -> Tensor:
        """Maps (B, T, h, w, D) to features of clips (B, F)."""
        return self.summarise(self.pool(maps))

    def forward(
        self,
        x: Tensor | tuple[Tensor, Tensor],
        loss_aux: dict | None = None,
        fcn_test: bool = False,
    ) -> Tensor:
        """Classify.

        Args:
            x: Maps (B * V, T, h, w, D); with ``residual_channels`` also class tokens (B * V, C).
            loss_aux: Losses of a neck; recognizers pass it to every head.
            fcn_test: Fully convolutional test mode; recognizers pass it to every head.

        Returns:
            Logits (B * V, K).
        """
        maps, tokens = x if isinstance(x, tuple) else (x, None)
        logits = self.classify(self.features(maps), loss_aux, fcn_test)
        if self.residual is None:
            return logits
        if tokens is None:
            raise ValueError('residual_channels needs a backbone with a transformer')
        return logits + self.residual(tokens)

    def classify(
        self, features: Tensor, loss_aux: dict | None = None, fcn_test: bool = False
    ) -> Tensor:
        """Features of clips (N, F) to logits (N, K), without the residual."""
        return self.novelty(super().forward(features, loss_aux, fcn_test), features)

    def loss_by_feat(self, cls_scores: Tensor, data_samples: SampleList) -> dict[str, Tensor]:
        """Compute the loss of calibrated logits, with which fine-tuning begins."""
        return super().loss_by_feat(self.temperature(cls_scores), data_samples)

    def update(
        self,
        features: np.ndarray,
        labels: Sequence[int],
        weights: np.ndarray | None = None,
        names: Sequence[str] | None = None,
    ) -> None:
        """Add clips to what the head is fitted on; :meth:`fit` takes them into account.

        Args:
            features: (N, F).
            labels: (N,) classes.
            weights: (N,) how much each row counts, 1 by default.
            names: Of the N clips, so that they can be forgotten.
        """
        self.statistics.add(features, labels, weights, names)

    def fit(self, strength: float | None = None, doubt: float | None = None) -> None:
        """Solve for the classifier that all clips added so far ask for.

        Args:
            strength: Of the penalty; by default as it is.
            doubt: How much less certain answers are for clips that are unlike those added
                (``NoveltyScaling``); by default as it is.
        """
        self.strength = self.strength if strength is None else strength
        solve = FITS[self.method]
        weight, bias = solve(self.statistics, (self.strength,), self.balanced)[0]
        with torch.no_grad():
            self.fc_cls.weight.copy_(torch.from_numpy(weight))
            self.fc_cls.bias.copy_(torch.from_numpy(bias))
        doubt = float(self.novelty.doubt) if doubt is None else doubt
        self.novelty.set(doubt, *self.statistics.moments(self.balanced))

    def statistics_state(self) -> dict[str, Any]:
        """State for a checkpoint that training can go on from; see `load_statistics`."""
        return dict(
            classes=[_class_state(part) for part in self.statistics.classes],
            strength=self.strength,
            recordings=dict(self.recordings),
        )

    def load_statistics(self, state: dict[str, Any] | list[dict[str, Any]]) -> None:
        """Take statistics from a checkpoint, which may be of fewer classes.

        Raises:
            ValueError: They are of other features, or of more classes.
        """
        if isinstance(state, list):  # as versions before 0.2 wrote it
            state = dict(classes=state)
        parts = state['classes']
        widths = sorted({len(part['total']) for part in parts})
        if len(parts) > self.num_classes or widths != [self.statistics.num_features]:
            raise ValueError(
                f'the checkpoint has statistics of {len(parts)} classes and {widths} features, '
                f'the head {self.num_classes} and {self.statistics.num_features}'
            )
        for number, part in enumerate(parts):
            self.statistics.classes[number] = _read_class(part)
        self.strength = state.get('strength', self.strength)
        self.recordings = dict(state.get('recordings', {}))


def _class_state(part: ClassStatistics) -> dict[str, Any]:
    """Rows stay in single precision where that loses nothing, as for features of a network."""
    rows = part.rows.astype(np.float32)
    state = dict(
        weight=part.weight,
        total=torch.from_numpy(part.total),
        rows=torch.from_numpy(rows if np.array_equal(rows, part.rows) else part.rows),
        weights=torch.from_numpy(part.weights),
        names=list(part.names),
    )
    return (
        state if part.products is None else state | dict(products=torch.from_numpy(part.products))
    )


def _read_class(state: dict[str, Any]) -> ClassStatistics:
    rows = state['rows' if 'rows' in state else 'factor'].double().numpy()
    products = state.get('products')
    return ClassStatistics(
        state['weight'],
        state['total'].numpy(),
        rows,
        state['weights'].numpy() if 'weights' in state else np.ones(len(rows)),
        state.get('names', [''] * len(rows)),
        None if products is None else products.numpy(),
    )
