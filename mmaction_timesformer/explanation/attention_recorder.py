"""Recording what every attention step of a TimeSformer reads, while the model runs as always.

What is kept of a step is its input, and, where gradients flow, the gradient of its update: both
grow with the number of tokens. Attention maps, which grow with its square, are made from them
again, a piece at a time, when somebody looks (:mod:`.attention_maps`).

Legend: B batch, C class tokens, N patches, D channels.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any

from torch import Tensor, nn

from mmaction_timesformer.models.backbones import TimeSformerBackbone
from mmaction_timesformer.models.layers import AttentionStep, TokenGrid


@dataclass
class RecordedStep:
    """One attention step of one forward pass.

    Attributes:
        layer: Number of the block, from 0.
        name: Of the step in its scheme, e.g. ``time``.
        module: The step itself.
        grid: How the tokens are laid out.
        tokens: What it read, (B, C + N, D).
        shares_input: Whether it read the very tokens that the step before it read: the two stand
            side by side, not in a row.
        update_gradient: Gradient of a score in the step's update, (B, C + N, D); None until a
            backward pass.
    """

    layer: int
    name: str
    module: AttentionStep
    grid: TokenGrid
    tokens: Tensor
    shares_input: bool
    update_gradient: Tensor | None = None


@dataclass
class Recording:
    """The attention steps of one forward pass, in the order in which they ran.

    Attributes:
        out_type: What the backbone made of the last tokens: ``cls``, ``avg`` or ``tokens``.
        steps: The steps.
    """

    out_type: str
    steps: list[RecordedStep] = field(default_factory=list)

    @property
    def grid(self) -> TokenGrid:
        """How the tokens are laid out."""
        return self.steps[0].grid


class AttentionRecorder:
    """Context manager that records the attention steps of a model's TimeSformer backbone.

    The model runs its own code on its own inputs; its output does not change by one bit. The
    hooks are gone when the block ends, also by an error::

        with AttentionRecorder(model) as recorder:
            score = model(...)[0, target]
            score.backward()          # only where class_relevance is wanted
        relevance = class_relevance(recorder.recordings[0])

    Activation checkpointing may run a step a second time in the backward pass; only the first run
    is recorded.

    Args:
        model: A TimeSformerBackbone or a model that contains one.

    Attributes:
        recordings: One for every forward pass of the backbone, or more where ``frame_mask``
            makes it group clips by length.

    Raises:
        ValueError: The model has no TimeSformerBackbone, or more than one.
    """

    def __init__(self, model: nn.Module) -> None:
        self.backbone = find_backbone(model)
        self.recordings: list[Recording] = []
        self._handles: list[Any] = []
        self._running = False
        self._last_input: Tensor | None = None

    def __enter__(self) -> AttentionRecorder:
        assert not self._handles, 'a recorder records one block at a time'
        self.recordings = []
        add = self._handles.append
        add(self.backbone.register_forward_pre_hook(self._start))
        add(self.backbone.patch_embed.register_forward_pre_hook(self._begin_pass))
        add(self.backbone.register_forward_hook(self._stop, always_call=True))
        for layer, block in enumerate(self.backbone.blocks):
            for name, step in block.named_modules():
                if isinstance(step, AttentionStep):
                    hook = self._recorder_of(layer, name.rpartition('.')[2])
                    add(step.register_forward_hook(hook, with_kwargs=True))
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for handle in self._handles:
            handle.remove()
        self._handles.clear()
        self._running = False
        self._last_input = None

    def _start(self, module: nn.Module, args: tuple) -> None:
        self._running = True

    def _begin_pass(self, module: nn.Module, args: tuple) -> None:
        if self._running:
            self.recordings.append(Recording(self.backbone.out_type))

    def _stop(self, module: nn.Module, args: tuple, output: object) -> None:
        self._running = False
        self._last_input = None

    def _recorder_of(self, layer: int, name: str) -> Callable[..., None]:
        def record(step: AttentionStep, args: tuple, kwargs: dict, update: Tensor) -> None:
            if not self._running:
                return
            tokens, grid = _arguments(*args, **kwargs)
            shares_input = tokens is self._last_input
            self._last_input = tokens
            recorded = RecordedStep(layer, name, step, grid, tokens.detach(), shares_input)
            self.recordings[-1].steps.append(recorded)
            if update.requires_grad:
                update.register_hook(lambda grad: _keep_gradient(recorded, grad))

        return record


def find_backbone(model: nn.Module) -> TimeSformerBackbone:
    """The one TimeSformerBackbone in a model.

    Raises:
        ValueError: There is none, or more than one.
    """
    found = [module for module in model.modules() if isinstance(module, TimeSformerBackbone)]
    if len(found) != 1:
        raise ValueError(
            f'{type(model).__name__} has {len(found)} TimeSformerBackbone modules; attention is '
            'recorded of exactly one'
        )
    return found[0]


def _arguments(tokens: Tensor, grid: TokenGrid) -> tuple[Tensor, TokenGrid]:
    return tokens, grid


def _keep_gradient(recorded: RecordedStep, gradient: Tensor) -> None:
    recorded.update_gradient = gradient.detach()
