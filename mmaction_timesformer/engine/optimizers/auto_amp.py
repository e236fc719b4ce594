"""Mixed precision where the device is made for it, and the same config everywhere else."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from mmengine.optim import OptimWrapper
from torch import Tensor, nn

from mmaction_timesformer.models.precision import best_amp_dtype
from mmaction_timesformer.registry import OPTIM_WRAPPERS


@OPTIM_WRAPPERS.register_module()
class AutoAmpOptimWrapper(OptimWrapper):
    """Autocast to bfloat16, float16 or not at all, whichever suits the device.

    mmengine's ``AmpOptimWrapper`` takes one type and refuses to run without a GPU. Here the loss is
    scaled for float16 alone, and a checkpoint goes from one kind of machine to another.

    Args:
        optimizer: The optimizer.
        accumulative_counts: Iterations whose gradients make one step.
        clip_grad: Arguments of gradient clipping.
        device_type: Where the model is; ``None`` is ``'cuda'`` if there is one, else ``'cpu'``.
    """

    def __init__(
        self,
        optimizer: torch.optim.Optimizer,
        accumulative_counts: int = 1,
        clip_grad: dict | None = None,
        device_type: str | None = None,
    ) -> None:
        super().__init__(optimizer, accumulative_counts, clip_grad)
        self.device_type = device_type or ('cuda' if torch.cuda.is_available() else 'cpu')
        self.cast_dtype = best_amp_dtype(self.device_type)
        # A disabled scaler passes everything through.
        needs_scaler = self.cast_dtype == torch.float16
        self.loss_scaler = torch.amp.GradScaler(self.device_type, enabled=needs_scaler)

    def backward(self, loss: Tensor, **kwargs: object) -> None:
        """Add the gradients of a loss; ``kwargs`` are those of ``Tensor.backward``."""
        self.loss_scaler.scale(loss).backward(**kwargs)
        self._inner_count += 1

    def step(self, **kwargs: object) -> None:
        """Update the parameters; ``kwargs`` are those of ``Optimizer.step``."""
        if self.clip_grad_kwargs:
            self.loss_scaler.unscale_(self.optimizer)
            self._clip_grad()
        self.loss_scaler.step(self.optimizer, **kwargs)
        self.loss_scaler.update()

    def state_dict(self) -> dict:
        """Return the optimizer's state, with the scaler's where there is one."""
        state_dict = super().state_dict()
        if self.loss_scaler.is_enabled():
            state_dict['loss_scaler'] = self.loss_scaler.state_dict()
        return state_dict

    def load_state_dict(self, state_dict: dict) -> None:
        """Load the state that this wrapper, ``OptimWrapper`` or ``AmpOptimWrapper`` has saved."""
        scaler_state = state_dict.pop('loss_scaler', None)
        if scaler_state and self.loss_scaler.is_enabled():
            self.loss_scaler.load_state_dict(scaler_state)
        super().load_state_dict(state_dict)

    @contextmanager
    def optim_context(self, model: nn.Module) -> Iterator[None]:
        """Run the forward pass in mixed precision, without gradient synchronisation in between."""
        with (
            super().optim_context(model),
            torch.autocast(
                self.device_type, dtype=self.cast_dtype, enabled=self.cast_dtype is not None
            ),
        ):
            yield
