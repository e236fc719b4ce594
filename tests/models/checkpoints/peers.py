"""Models of the libraries that weights come from, and this project's models of the same sizes.

Every parameter is random, so that none can be lost or swapped without a difference in the output.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import mmaction.models  # noqa: F401  (registers mmaction2's models)
import torch
from mmaction.registry import MODELS
from mmengine.registry import init_default_scope
from torch import Tensor, nn
from transformers import (
    TimesformerConfig,
    TimesformerForVideoClassification,
    ViTConfig,
    ViTForImageClassification,
    ViTModel,
)

SHARED_SCHEMES = ('divided_space_time', 'joint_space_time', 'space_only')


@dataclass(frozen=True)
class Size:
    """Of a model, small enough for tests."""

    num_frames: int = 4
    img_size: int | tuple[int, int] = 32
    patch_size: int = 8
    embed_dims: int = 32
    num_heads: int = 4
    num_layers: int = 2
    num_classes: int = 5


SIZES = (
    Size(),
    Size(num_frames=3, img_size=48, patch_size=16, embed_dims=48, num_heads=3, num_layers=3),
    Size(num_frames=2, img_size=64, patch_size=16, num_heads=2, num_layers=1, num_classes=7),
)


def randomise(model: nn.Module, seed: int = 0) -> Any:
    """Add noise to every parameter, those that start at zero or one too; in evaluation mode."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn(parameter.shape, generator=generator), alpha=0.1)
    return model.eval()


def own_model(
    size: Size = SIZES[0],
    scheme: str | dict = 'divided_space_time',
    preprocessor: dict | None = None,
    head: dict | None = None,
    **backbone: Any,
) -> Any:
    """A recognizer of this project in evaluation mode."""
    init_default_scope('mmaction')
    config = dict(
        type='Recognizer3D',
        backbone=own_backbone_config(size, scheme, **backbone),
        cls_head=dict(
            type='TimeSformerClsHead',
            num_classes=size.num_classes,
            in_channels=size.embed_dims,
            **(head or {}),
        ),
        data_preprocessor=dict(
            type='ActionDataPreprocessor',
            format_shape='NCTHW',
            **(preprocessor or dict(mean=[114.75] * 3, std=[57.375] * 3)),
        ),
    )
    return MODELS.build(config).eval()


def own_backbone_config(
    size: Size = SIZES[0], scheme: str | dict = 'divided_space_time', **changes: Any
) -> dict[str, Any]:
    """The config of a backbone of this project."""
    return {
        'type': 'TimeSformerBackbone',
        'num_frames': size.num_frames,
        'img_size': size.img_size,
        'patch_size': size.patch_size,
        'embed_dims': size.embed_dims,
        'num_heads': size.num_heads,
        'num_transformer_layers': size.num_layers,
        'attention_type': scheme,
        **changes,
    }


def own_backbone(*args: Any, **kwargs: Any) -> Any:
    """A backbone of this project in evaluation mode."""
    init_default_scope('mmaction')
    return MODELS.build(own_backbone_config(*args, **kwargs)).eval()


def mmaction2_model(size: Size, scheme: str) -> Any:
    """mmaction2's recognizer with its TimeSformer."""
    init_default_scope('mmaction')
    backbone = {**own_backbone_config(size, scheme), 'type': 'TimeSformer'}
    head = dict(type='TimeSformerHead', num_classes=size.num_classes, in_channels=size.embed_dims)
    return randomise(MODELS.build(dict(type='Recognizer3D', backbone=backbone, cls_head=head)))


def huggingface_model(size: Size, scheme: str) -> TimesformerForVideoClassification:
    """Hugging Face's TimeSformer with its classifier."""
    config = TimesformerConfig(
        image_size=size.img_size,
        patch_size=size.patch_size,
        num_frames=size.num_frames,
        hidden_size=size.embed_dims,
        num_hidden_layers=size.num_layers,
        num_attention_heads=size.num_heads,
        intermediate_size=4 * size.embed_dims,
        attention_type=scheme,
        num_labels=size.num_classes,
    )
    return randomise(TimesformerForVideoClassification(config))


def vit_model(size: Size, classifier: bool = False, **changes: Any) -> Any:
    """Hugging Face's image ViT, with the epsilon that every TimeSformer has."""
    config = ViTConfig(
        image_size=size.img_size,
        patch_size=size.patch_size,
        hidden_size=size.embed_dims,
        num_hidden_layers=size.num_layers,
        num_attention_heads=size.num_heads,
        intermediate_size=4 * size.embed_dims,
        layer_norm_eps=1e-6,
        **changes,
    )
    return randomise((ViTForImageClassification if classifier else ViTModel)(config))


def clips(size: Size, batch_size: int = 2, seed: int = 1) -> Tensor:
    """Random inputs (B, 3, T, H, W)."""
    height, width = (size.img_size,) * 2 if isinstance(size.img_size, int) else size.img_size
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(batch_size, 3, size.num_frames, height, width, generator=generator)


@torch.no_grad()
def logits(recognizer: Any, inputs: Tensor) -> Tensor:
    """Scores (B, K) of mmaction2's or this project's recognizer."""
    return recognizer.cls_head(recognizer.backbone(inputs))


@torch.no_grad()
def huggingface_logits(model: TimesformerForVideoClassification, inputs: Tensor) -> Tensor:
    """Scores (B, K); with space only, of the mean of the frames' class tokens.

    Hugging Face's own forward gives a row of scores for every frame there; the paper's
    implementation, and mmaction2's, average the class tokens before the last LayerNorm.
    """
    frames = inputs.transpose(1, 2)
    if model.config.attention_type != 'space_only':
        return model(frames).logits
    tokens = model.timesformer.encoder(model.timesformer.embeddings(frames))[0]
    cls = tokens[:, 0].unflatten(0, (len(inputs), -1)).mean(dim=1)
    return model.classifier(model.timesformer.layernorm(cls))
