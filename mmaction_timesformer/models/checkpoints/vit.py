"""Image ViTs in the layouts of timm, Hugging Face and OpenMMLab, to start a TimeSformer from.

An image ViT is the space-only scheme. Its classifier is one of images, so it stays unused.

Legend: N patches, D channels.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

import torch
from torch import Tensor

from mmaction_timesformer.models.checkpoints.names import NameTable, StateDict

# facebookresearch's DeiT, MAE and DINO have these names too.
TIMM = NameTable(
    model={
        'backbone.cls_token': 'cls_token',
        'backbone.pos_embed': 'pos_embed',
        'backbone.patch_embed.projection.{p}': 'patch_embed.proj.{p}',
        'backbone.norm.{p}': 'norm.{p}',
    },
    block={
        'steps.space.norm.{p}': 'norm1.{p}',
        'steps.space.qkv.{p}': 'attn.qkv.{p}',
        'steps.space.proj.{p}': 'attn.proj.{p}',
        'steps.space.scale': 'ls1.gamma',
        'mlp.norm.{p}': 'norm2.{p}',
        'mlp.fc1.{p}': 'mlp.fc1.{p}',
        'mlp.fc2.{p}': 'mlp.fc2.{p}',
        'mlp.scale': 'ls2.gamma',
    },
    theirs='blocks.{i}.',
)
OPENMMLAB = NameTable(
    model={
        'backbone.cls_token': 'backbone.cls_token',
        'backbone.pos_embed': 'backbone.pos_embed',
        'backbone.patch_embed.projection.{p}': 'backbone.patch_embed.projection.{p}',
        'backbone.norm.{p}': 'backbone.ln1.{p}',
    },
    block={
        'steps.space.norm.{p}': 'ln1.{p}',
        'steps.space.qkv.{p}': 'attn.qkv.{p}',
        'steps.space.proj.{p}': 'attn.proj.{p}',
        'steps.space.scale': 'attn.gamma1.weight',
        'mlp.norm.{p}': 'ln2.{p}',
        'mlp.fc1.{p}': 'ffn.layers.0.0.{p}',
        'mlp.fc2.{p}': 'ffn.layers.1.{p}',
        'mlp.scale': 'ffn.gamma2.weight',
    },
    theirs='backbone.layers.{i}.',
    prefixes=('backbone.',),
)
_HUGGINGFACE = {
    'backbone.cls_token': 'vit.embeddings.cls_token',
    'backbone.pos_embed': 'vit.embeddings.position_embeddings',
    'backbone.patch_embed.projection.{p}': 'vit.embeddings.patch_embeddings.projection.{p}',
    'backbone.norm.{p}': 'vit.layernorm.{p}',
}
HUGGINGFACE_FILE = NameTable(
    model=_HUGGINGFACE,
    block={
        'steps.space.norm.{p}': 'layernorm_before.{p}',
        'steps.space.q.{p}': 'attention.attention.query.{p}',
        'steps.space.k.{p}': 'attention.attention.key.{p}',
        'steps.space.v.{p}': 'attention.attention.value.{p}',
        'steps.space.proj.{p}': 'attention.output.dense.{p}',
        'mlp.norm.{p}': 'layernorm_after.{p}',
        'mlp.fc1.{p}': 'intermediate.dense.{p}',
        'mlp.fc2.{p}': 'output.dense.{p}',
    },
    theirs='vit.encoder.layer.{i}.',
    prefixes=('vit.', 'deit.'),
)
# Since version 5 the modules have other names than the files, which keep theirs.
HUGGINGFACE_MODULE = NameTable(
    model=_HUGGINGFACE,
    block={
        'steps.space.norm.{p}': 'layernorm_before.{p}',
        'steps.space.q.{p}': 'attention.q_proj.{p}',
        'steps.space.k.{p}': 'attention.k_proj.{p}',
        'steps.space.v.{p}': 'attention.v_proj.{p}',
        'steps.space.proj.{p}': 'attention.o_proj.{p}',
        'mlp.norm.{p}': 'layernorm_after.{p}',
        'mlp.fc1.{p}': 'mlp.fc1.{p}',
        'mlp.fc2.{p}': 'mlp.fc2.{p}',
    },
    theirs='vit.layers.{i}.',
    prefixes=('vit.', 'deit.'),
)


def is_timm(names: frozenset[str]) -> bool:
    """Whether parameters of these names have timm's layout."""
    return 'blocks.0.attn.qkv.weight' in names


def is_openmmlab(names: frozenset[str]) -> bool:
    """Whether parameters of these names have mmpretrain's layout."""
    return _any_ends(names, 'layers.0.attn.qkv.weight') and _any_ends(names, 'layers.0.ln1.weight')


def is_huggingface(names: frozenset[str]) -> bool:
    """Whether parameters of these names have either of Hugging Face's layouts."""
    return _any_ends(names, '.0.attention.attention.query.weight') or _any_ends(
        names, 'layers.0.attention.q_proj.weight'
    )


def from_timm(state_dict: StateDict) -> dict[str, Tensor]:
    """Parameters in timm's layout under own names."""
    return _complete(TIMM.to_ours(state_dict), 2 if 'dist_token' in state_dict else 1)


def from_openmmlab(state_dict: StateDict) -> dict[str, Tensor]:
    """Parameters in mmpretrain's layout under own names."""
    return _complete(OPENMMLAB.to_ours(state_dict), 1)


def from_huggingface(state_dict: StateDict) -> dict[str, Tensor]:
    """Parameters in Hugging Face's layouts under own names, query, key and value joined."""
    modules = _any_ends(state_dict, 'layers.0.attention.q_proj.weight')
    ours = (HUGGINGFACE_MODULE if modules else HUGGINGFACE_FILE).to_ours(state_dict)
    for name in [name for name in ours if '.steps.space.q.' in name]:
        parts = [ours.pop(name.replace('.space.q.', f'.space.{part}.')) for part in 'qkv']
        ours[name.replace('.space.q.', '.space.qkv.')] = torch.cat(parts)
    distilled = _any_ends(state_dict, 'embeddings.distillation_token')
    return _complete(ours, 2 if distilled else 1)


def _complete(ours: dict[str, Tensor], num_special: int) -> dict[str, Tensor]:
    """Express what other ViTs have or lack in the parameters that a TimeSformer has."""
    if (pos_embed := ours.get('backbone.pos_embed')) is not None:
        ours['backbone.pos_embed'] = _with_cls_position(pos_embed, num_special)
    for name in [name for name in ours if name.endswith('.steps.space.qkv.weight')]:
        bias = name.replace('.weight', '.bias')
        ours.setdefault(bias, ours[name].new_zeros(len(ours[name])))
    # A layer scale after a linear layer is that layer with its rows multiplied.
    for name in [name for name in ours if name.endswith('.scale')]:
        scale = ours.pop(name)
        linear = name.replace('.scale', '.proj' if '.steps.' in name else '.fc2')
        ours[f'{linear}.weight'] = ours[f'{linear}.weight'] * scale[:, None]
        ours[f'{linear}.bias'] = ours[f'{linear}.bias'] * scale
    return ours


def _with_cls_position(pos_embed: Tensor, num_special: int) -> Tensor:
    """Positions (1, S + N, D) of S special tokens and patches to (1, 1 + N, D), class token first.

    A distillation token's position is left out; where only patches have positions, the class
    token's is zero.
    """
    num_positions = pos_embed.shape[1]
    if num_special > 1 and _is_square(num_positions - num_special):
        return torch.cat((pos_embed[:, :1], pos_embed[:, num_special:]), dim=1)
    if _is_square(num_positions) and not _is_square(num_positions - 1):
        return torch.cat((torch.zeros_like(pos_embed[:, :1]), pos_embed), dim=1)
    return pos_embed


def _is_square(number: int) -> bool:
    return number > 0 and math.isqrt(number) ** 2 == number


def _any_ends(names: Iterable[str], ending: str) -> bool:
    return any(name.endswith(ending) for name in names)
