"""This project's TimeSformer and its peers, as functions of clips (B, 3, T, H, W).

The three TimeSformers get the same weights, random ones in every layer, and must give the same
features. The 3-D CNNs that the paper compares with have weights of their own.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import mmaction
import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope
from torch import Tensor, nn

from mmaction_timesformer.models import TimeSformerBackbone
from mmaction_timesformer.models.checkpoints import export
from mmaction_timesformer.registry import MODELS

TIMESFORMERS = ('ours', 'mmaction2', 'huggingface')
CNNS = {'slowfast': 'slowfast_r50.py', 'i3d': 'i3d_r50.py'}
CNN_FRAMES = 32
"""Values that the configs of both read."""
_CONFIGS = Path(mmaction.__file__).parent / '.mim' / 'configs' / '_base_' / 'models'


@dataclass(frozen=True)
class Setup:
    """Sizes of a TimeSformer and its clips; the base model at 8x224x224."""

    num_frames: int = 8
    img_size: int = 224
    batch_size: int = 1
    attention_type: str = 'divided_space_time'
    embed_dims: int = 768
    num_heads: int = 12
    num_layers: int = 12

    def with_frames(self, num_frames: int) -> Setup:
        """The same for clips of another length."""
        return replace(self, num_frames=num_frames)

    def clips(self, device: str | torch.device = 'cpu') -> Tensor:
        """Random clips (B, 3, T, H, W), the same at every call."""
        shape = (self.batch_size, 3, self.num_frames, self.img_size, self.img_size)
        if torch.device(device).type == 'meta':
            return torch.empty(shape, device=device)
        return torch.randn(shape, generator=torch.Generator().manual_seed(0)).to(device)


class HuggingFace(nn.Module):
    """Hugging Face's model, called as the others are; the class token's feature."""

    def __init__(self, setup: Setup) -> None:
        super().__init__()
        from transformers import TimesformerConfig, TimesformerModel

        self.timesformer = TimesformerModel(
            TimesformerConfig(
                num_frames=setup.num_frames,
                image_size=setup.img_size,
                attention_type=setup.attention_type,
                hidden_size=setup.embed_dims,
                num_attention_heads=setup.num_heads,
                num_hidden_layers=setup.num_layers,
                intermediate_size=4 * setup.embed_dims,
            )
        )

    def forward(self, clips: Tensor) -> Tensor:
        """(B, 3, T, H, W) to (B, D)."""
        return self.timesformer(clips.transpose(1, 2)).last_hidden_state[:, 0]


def build(name: str, setup: Setup, with_cp: bool = False, trains: bool = False) -> nn.Module:
    """A model by name, without weights to speak of.

    Args:
        name: Of ``TIMESFORMERS`` or ``CNNS``.
        setup: Sizes; the CNNs have theirs.
        with_cp: Checkpointing of this project's model.
        trains: Whether it is in training mode.
    """
    model = _build(name, setup, with_cp)
    model.train(trains)  # mmaction2's CNNs return nothing from train() and eval().
    return model


def _build(name: str, setup: Setup, with_cp: bool) -> nn.Module:
    init_default_scope('mmaction')
    if name in CNNS:
        config = Config.fromfile(_CONFIGS / CNNS[name]).model.backbone
        config.pretrained = None
        return MODELS.build(config)
    if name == 'huggingface':
        return HuggingFace(setup)
    sizes: dict[str, Any] = dict(
        num_frames=setup.num_frames,
        img_size=setup.img_size,
        embed_dims=setup.embed_dims,
        num_heads=setup.num_heads,
        num_transformer_layers=setup.num_layers,
        attention_type=setup.attention_type,
    )
    if name == 'ours':
        return TimeSformerBackbone(**sizes, with_cp=with_cp)
    return MODELS.build(dict(type='TimeSformer', patch_size=16, **sizes))


def build_alike(setup: Setup, names: tuple[str, ...] = TIMESFORMERS) -> dict[str, nn.Module]:
    """TimeSformers with the same weights, in evaluation mode."""
    models = {name: build(name, setup) for name in names}
    ours = build('ours', setup)
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in ours.parameters():
            parameter.add_(torch.randn(parameter.shape, generator=generator), alpha=0.02)
    weights = {f'backbone.{key}': value for key, value in ours.state_dict().items()}
    for name, model in models.items():
        if name == 'ours':
            model.load_state_dict(ours.state_dict())
            continue
        theirs = export(weights, name)
        if name == 'mmaction2':
            theirs = {key.removeprefix('backbone.'): value for key, value in theirs.items()}
        model.load_state_dict(theirs)
    return models


@torch.no_grad()
def largest_difference(models: dict[str, nn.Module], clips: Tensor) -> float:
    """Between the features of this project's model and those of its peers, in the worst case.

    Raises:
        ValueError: It is above 1e-4, far more than rounding: they are not the same function.
    """
    expected = models['ours'](clips)
    worst = max((model(clips) - expected).abs().max().item() for model in models.values())
    if worst > 1e-4:
        raise ValueError(f'the models compute different functions: features differ by {worst:.1e}')
    return worst


def forward(model: nn.Module, clips: Tensor, autocast: bool = False) -> Callable[[], object]:
    """A forward pass, to be timed; its features die with it."""

    @torch.inference_mode()
    def run() -> None:
        with _precision(clips, autocast):
            model(clips)

    return run


def training_step(model: nn.Module, clips: Tensor, autocast: bool = False) -> Callable[[], object]:
    """Forward and backward pass, to be timed or watched; the gradients are dropped."""
    model.train()

    def run() -> None:
        with _precision(clips, autocast):
            loss = model(clips).float().square().mean()
        loss.backward()
        model.zero_grad()

    return run


def _precision(clips: Tensor, autocast: bool) -> AbstractContextManager[Any]:
    return torch.autocast(clips.device.type, torch.bfloat16) if autocast else nullcontext()
