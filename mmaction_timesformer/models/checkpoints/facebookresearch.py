"""The layout of facebookresearch/TimeSformer: names of its checkpoints' ``model_state``.

Written down as facts; nothing of that repository's code is used.
"""

from __future__ import annotations

from torch import Tensor

from .names import NameTable, StateDict, name_joint_step, rename_step

NAMES = NameTable(
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


def matches(names: frozenset[str]) -> bool:
    """Whether parameters of these names have this layout, which is timm's and more."""
    bare = {name.removeprefix('model.') for name in names}
    video = 'time_embed' in bare or 'model.blocks.0.attn.qkv.weight' in names
    return video and 'blocks.0.attn.qkv.weight' in bare


def to_ours(state_dict: StateDict) -> dict[str, Tensor]:
    """Their parameters under own names."""
    return name_joint_step(NAMES.to_ours(state_dict))


def from_ours(state_dict: StateDict) -> dict[str, Tensor]:
    """Own parameters under their names."""
    return NAMES.from_ours(rename_step(state_dict, 'joint', 'space'))
