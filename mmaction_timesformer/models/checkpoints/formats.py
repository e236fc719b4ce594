"""The layouts of weights that load, each recognised from the names of its parameters.

Own names are those of a whole model, with ``backbone.`` or ``cls_head.`` in front. The tables of
facebookresearch/TimeSformer are written down as facts; nothing of that repository's code is used.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from torch import Tensor

from mmaction_timesformer.models.checkpoints import vit
from mmaction_timesformer.models.checkpoints.lucidrains import from_lucidrains, is_lucidrains
from mmaction_timesformer.models.checkpoints.names import (
    NameTable,
    StateDict,
    name_joint_step,
    rename_step,
)
from mmaction_timesformer.models.checkpoints.public_weights import HALF, TIMESFORMER, Preprocessing


@dataclass(frozen=True)
class WeightFormat:
    """A layout of weights.

    Args:
        name: Name for users.
        matches: Whether parameters of these names have it.
        to_ours: Names and values to own names and values; an unknown name stays as it is.
        from_ours: The way back, where that library has a TimeSformer.
        preprocessing: Preprocessing that all public weights of this layout expect.
    """

    name: str
    matches: Callable[[frozenset[str]], bool]
    to_ours: Callable[[StateDict], dict[str, Tensor]]
    from_ours: Callable[[StateDict], dict[str, Tensor]] | None = None
    preprocessing: Preprocessing | None = None


def _is_own(names: frozenset[str]) -> bool:
    return any(re.search(r'(^|\.)blocks\.0\.steps\.', name) for name in names)


def _own_to_ours(state_dict: StateDict) -> dict[str, Tensor]:
    """Name a bare backbone's parameters as those of a whole model."""
    whole = any('backbone.' in name for name in state_dict)
    return {name if whole else f'backbone.{name}': value for name, value in state_dict.items()}


# facebookresearch/TimeSformer: the ``model_state`` of its checkpoints.

FACEBOOKRESEARCH = NameTable(
    model={
        'backbone.cls_token': 'model.cls_token',
        'backbone.pos_embed': 'model.pos_embed',
        'backbone.time_embed': 'model.time_embed',
        'backbone.patch_embed.projection.{p}': 'model.patch_embed.proj.{p}',
        'backbone.norm.{p}': 'model.norm.{p}',
        'cls_head.fc_cls.{p}': 'model.head.{p}',
    },
    block={
        'steps.time.norm.{p}': 'temporal_norm1.{p}',
        'steps.time.qkv.{p}': 'temporal_attn.qkv.{p}',
        'steps.time.proj.{p}': 'temporal_attn.proj.{p}',
        'steps.time.fc.{p}': 'temporal_fc.{p}',
        'steps.space.norm.{p}': 'norm1.{p}',
        'steps.space.qkv.{p}': 'attn.qkv.{p}',
        'steps.space.proj.{p}': 'attn.proj.{p}',
        'mlp.norm.{p}': 'norm2.{p}',
        'mlp.fc1.{p}': 'mlp.fc1.{p}',
        'mlp.fc2.{p}': 'mlp.fc2.{p}',
    },
    theirs='model.blocks.{i}.',
    prefixes=('model.',),
)


def _is_facebookresearch(names: frozenset[str]) -> bool:
    """Its names are timm's and more."""
    bare = {name.removeprefix('model.') for name in names}
    video = 'time_embed' in bare or 'model.blocks.0.attn.qkv.weight' in names
    return video and 'blocks.0.attn.qkv.weight' in bare


# Hugging Face: TimesformerForVideoClassification and TimesformerModel.

HUGGINGFACE = NameTable(
    model={
        'backbone.cls_token': 'timesformer.embeddings.cls_token',
        'backbone.pos_embed': 'timesformer.embeddings.position_embeddings',
        'backbone.time_embed': 'timesformer.embeddings.time_embeddings',
        'backbone.patch_embed.projection.{p}': (
            'timesformer.embeddings.patch_embeddings.projection.{p}'
        ),
        'backbone.norm.{p}': 'timesformer.layernorm.{p}',
        'cls_head.fc_cls.{p}': 'classifier.{p}',
    },
    block={
        'steps.time.norm.{p}': 'temporal_layernorm.{p}',
        'steps.time.qkv.{p}': 'temporal_attention.attention.qkv.{p}',
        'steps.time.proj.{p}': 'temporal_attention.output.dense.{p}',
        'steps.time.fc.{p}': 'temporal_dense.{p}',
        'steps.space.norm.{p}': 'layernorm_before.{p}',
        'steps.space.qkv.{p}': 'attention.attention.qkv.{p}',
        'steps.space.proj.{p}': 'attention.output.dense.{p}',
        'mlp.norm.{p}': 'layernorm_after.{p}',
        'mlp.fc1.{p}': 'intermediate.dense.{p}',
        'mlp.fc2.{p}': 'output.dense.{p}',
    },
    theirs='timesformer.encoder.layer.{i}.',
    prefixes=('timesformer.',),
)


def _is_huggingface(names: frozenset[str]) -> bool:
    return any(name.endswith('encoder.layer.0.attention.attention.qkv.weight') for name in names)


# mmaction2's TimeSformer, with or without ``backbone.`` in front. Divided attention nests its
# LayerNorms in its steps; the other two schemes keep them in the block, as does the image ViT that
# mmaction2 starts from, ``vit_base_patch16_224.pth``.

_MMACTION2_MODEL = {
    'backbone.cls_token': 'backbone.cls_token',
    'backbone.pos_embed': 'backbone.pos_embed',
    'backbone.time_embed': 'backbone.time_embed',
    'backbone.patch_embed.projection.{p}': 'backbone.patch_embed.projection.{p}',
    'backbone.norm.{p}': 'backbone.norm.{p}',
    'cls_head.fc_cls.{p}': 'cls_head.fc_cls.{p}',
}
_MMACTION2_LAYER = 'backbone.transformer_layers.layers.{i}.'

MMACTION2_DIVIDED = NameTable(
    model=_MMACTION2_MODEL,
    block={
        'steps.time.norm.{p}': 'attentions.0.norm.{p}',
        'steps.time.qkv.{p}': 'attentions.0.attn.in_proj_{p}',
        'steps.time.proj.{p}': 'attentions.0.attn.out_proj.{p}',
        'steps.time.fc.{p}': 'attentions.0.temporal_fc.{p}',
        'steps.space.norm.{p}': 'attentions.1.norm.{p}',
        'steps.space.qkv.{p}': 'attentions.1.attn.in_proj_{p}',
        'steps.space.proj.{p}': 'attentions.1.attn.out_proj.{p}',
        'mlp.norm.{p}': 'ffns.0.norm.{p}',
        'mlp.fc1.{p}': 'ffns.0.layers.0.0.{p}',
        'mlp.fc2.{p}': 'ffns.0.layers.1.{p}',
    },
    theirs=_MMACTION2_LAYER,
    prefixes=('backbone.',),
)
MMACTION2_UNDIVIDED = NameTable(
    model=_MMACTION2_MODEL,
    block={
        'steps.space.norm.{p}': 'norms.0.{p}',
        'steps.space.qkv.{p}': 'attentions.0.attn.in_proj_{p}',
        'steps.space.proj.{p}': 'attentions.0.attn.out_proj.{p}',
        'mlp.norm.{p}': 'norms.1.{p}',
        'mlp.fc1.{p}': 'ffns.0.layers.0.0.{p}',
        'mlp.fc2.{p}': 'ffns.0.layers.1.{p}',
    },
    theirs=_MMACTION2_LAYER,
    prefixes=('backbone.',),
)


def _is_mmaction2(names: frozenset[str]) -> bool:
    return any('transformer_layers.layers.0.attentions.' in name for name in names)


def _mmaction2_to_ours(state_dict: StateDict) -> dict[str, Tensor]:
    divided = any('.attentions.1.' in name for name in state_dict)
    table = MMACTION2_DIVIDED if divided else MMACTION2_UNDIVIDED
    return name_joint_step(table.to_ours(state_dict))


def _mmaction2_from_ours(state_dict: StateDict) -> dict[str, Tensor]:
    if any('.steps.time.' in name for name in state_dict):
        return MMACTION2_DIVIDED.from_ours(state_dict)
    return MMACTION2_UNDIVIDED.from_ours(rename_step(state_dict, 'joint', 'space'))


def _video_format(
    name: str, matches: Callable[[frozenset[str]], bool], table: NameTable
) -> WeightFormat:
    """A layout whose names one table translates both ways."""
    return WeightFormat(
        name,
        matches,
        to_ours=lambda theirs: name_joint_step(table.to_ours(theirs)),
        from_ours=lambda ours: table.from_ours(rename_step(ours, 'joint', 'space')),
        preprocessing=TIMESFORMER,
    )


OWN = WeightFormat('mmaction_timesformer', _is_own, _own_to_ours, dict)

# In the order they are tried: facebookresearch's names are timm's and more.
FORMATS = (
    OWN,
    WeightFormat('mmaction2', _is_mmaction2, _mmaction2_to_ours, _mmaction2_from_ours, HALF),
    _video_format('facebookresearch', _is_facebookresearch, FACEBOOKRESEARCH),
    _video_format('huggingface', _is_huggingface, HUGGINGFACE),
    WeightFormat('lucidrains', is_lucidrains, from_lucidrains),
    WeightFormat('huggingface ViT', vit.is_huggingface, vit.from_huggingface),
    WeightFormat('openmmlab ViT', vit.is_openmmlab, vit.from_openmmlab),
    WeightFormat('timm ViT', vit.is_timm, vit.from_timm),
)


def recognise(names: Iterable[str]) -> WeightFormat | None:
    """Find the layout that parameters of these names have, if it is a known one."""
    names = frozenset(names)
    return next((known for known in FORMATS if known.matches(names)), None)
