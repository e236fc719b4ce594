"""Sharpness-aware minimisation (SAM, arXiv 2010.01412): weights whose neighbours are good too."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from mmaction_timesformer.engine.optimizers.auto_amp import AutoAmpOptimWrapper
from mmaction_timesformer.registry import OPTIM_WRAPPERS


@contextmanager
def uphill(parameters: Iterable[Tensor], radius: float) -> Iterator[None]:
    """Parameters moved along their gradients, by ``radius`` altogether, where the loss is highest.

    Gradients are emptied on entry; those of the loss inside are for the step after it (Eq. 2 and
    Algorithm 1). Where the gradient is zero or not finite nothing moves.
    """
    moved = [parameter for parameter in parameters if parameter.grad is not None]
    gradients = [parameter.grad for parameter in moved if parameter.grad is not None]
    before = [parameter.detach().clone() for parameter in moved]
    norm = torch.stack([gradient.norm() for gradient in gradients]).norm() if gradients else 0.0
    share = radius / norm if 0 < norm < math.inf else 0.0
    with torch.no_grad():
        for parameter, gradient in zip(moved, gradients, strict=True):
            parameter += share * gradient
            parameter.grad = None
    try:
        yield
    finally:
        with torch.no_grad():
            for parameter, value in zip(moved, before, strict=True):
                parameter.copy_(value)


@OPTIM_WRAPPERS.register_module()
class SharpnessAwareOptimWrapper(AutoAmpOptimWrapper):
    """Step by the gradient at the worst place nearby, which costs a second pass for each batch.

    In a config::

        optim_wrapper = dict(type='SharpnessAwareOptimWrapper', radius=0.05, optimizer=...)

    The second pass has the same batch, after the data preprocessor, and draws dropout anew. Layers
    that keep running statistics, such as batch normalisation in training mode, see it twice.

    Args:
        optimizer: The optimizer.
        radius: How far away the worst place is looked for; the paper's rho.
        **kwargs: Of ``AutoAmpOptimWrapper``.

    Raises:
        ValueError: ``radius`` is not positive, or gradients are to be accumulated.
    """

    def __init__(
        self, optimizer: torch.optim.Optimizer, radius: float = 0.05, **kwargs: Any
    ) -> None:
        super().__init__(optimizer, **kwargs)
        if radius <= 0:
            raise ValueError(f'radius={radius} must be above 0')
        if self._accumulative_counts != 1:
            raise ValueError(
                f'accumulative_counts={self._accumulative_counts}: sharpness-aware minimisation '
                'steps after each batch; leave it at 1'
            )
        self.radius = radius
        self._last: tuple[nn.Module, tuple, dict[str, Any]] | None = None

    @contextmanager
    def optim_context(self, model: nn.Module) -> Iterator[None]:
        """Run the forward pass, and keep its batch for the second."""
        hook = model.register_forward_pre_hook(self._keep, with_kwargs=True)
        try:
            with super().optim_context(model):
                yield
        finally:
            hook.remove()

    def _keep(self, model: nn.Module, args: tuple, kwargs: dict[str, Any]) -> None:
        self._last = model, args, kwargs

    def update_params(
        self, loss: Tensor, step_kwargs: dict | None = None, zero_kwargs: dict | None = None
    ) -> None:
        """Go uphill by the gradients of ``loss``, take those there, and step from here."""
        if self._last is None:
            raise RuntimeError('update_params without a forward pass in optim_context')
        self.backward(loss)
        parameters = [part for group in self.param_groups for part in group['params']]
        with uphill(parameters, self.radius):
            self.backward(self._loss_again(*self._last))
        self._last = None
        self.step(**step_kwargs or {})
        self.zero_grad(**zero_kwargs or {})

    def _loss_again(self, model: nn.Module, args: tuple, kwargs: dict[str, Any]) -> Tensor:
        with super().optim_context(model):
            losses = model(*args, **kwargs)
        whole: Any = getattr(model, 'module', model)
        return whole.parse_losses(losses)[0]
