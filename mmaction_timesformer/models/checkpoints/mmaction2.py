"""The layout of mmaction2's TimeSformer, with or without ``backbone.`` in front.

Divided attention nests its LayerNorms in its steps; the other two schemes keep them in the block.
The image ViT that mmaction2 starts from, ``vit_base_patch16_224.pth``, has the latter layout.
"""

from __future__ import annotations

from torch import Tensor

from .names import NameTable, StateDict, name_joint_step, rename_step

_MODEL = {
    'backbone.cls_token': 'backbone.cls_token',
    'backbone.pos_embed': 'backbone.pos_embed',
    'backbone.time_embed': 'backbone.time_embed',
    'backbone.patch_embed.projection.{p}': 'backbone.patch_embed.projection.{p}',
    'backbone.norm.{p}': 'backbone.norm.{p}',
    'cls_head.fc_cls.{p}': 'cls_head.fc_cls.{p}',
}
_LAYER = 'backbone.transformer_layers.layers.{i}.'

DIVIDED = NameTable(
    model=_MODEL,
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
    theirs=_LAYER,
    prefixes=('backbone.',),
)
UNDIVIDED = NameTable(
    model=_MODEL,
    block={
        'steps.space.norm.{p}': 'norms.0.{p}',
        'steps.space.qkv.{p}': 'attentions.0.attn.in_proj_{p}',
        'steps.space.proj.{p}': 'attentions.0.attn.out_proj.{p}',
        'mlp.norm.{p}': 'norms.1.{p}',
        'mlp.fc1.{p}': 'ffns.0.layers.0.0.{p}',
        'mlp.fc2.{p}': 'ffns.0.layers.1.{p}',
    },
    theirs=_LAYER,
    prefixes=('backbone.',),
)


def matches(names: frozenset[str]) -> bool:
    """Whether parameters of these names have this layout."""
    return any('transformer_layers.layers.0.attentions.' in name for name in names)


def to_ours(state_dict: StateDict) -> dict[str, Tensor]:
    """Their parameters under own names."""
    divided = any('.attentions.1.' in name for name in state_dict)
    return name_joint_step((DIVIDED if divided else UNDIVIDED).to_ours(state_dict))


def from_ours(state_dict: StateDict) -> dict[str, Tensor]:
    """Own parameters under their names."""
    if any('.steps.time.' in name for name in state_dict):
        return DIVIDED.from_ours(state_dict)
    return UNDIVIDED.from_ours(rename_step(state_dict, 'joint', 'space'))
