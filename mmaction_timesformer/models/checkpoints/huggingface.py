"""The layout of Hugging Face's ``TimesformerForVideoClassification`` and ``TimesformerModel``."""

from __future__ import annotations

from torch import Tensor

from .names import NameTable, StateDict, name_joint_step, rename_step

NAMES = NameTable(
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


def matches(names: frozenset[str]) -> bool:
    """Whether parameters of these names have this layout."""
    return any(name.endswith('encoder.layer.0.attention.attention.qkv.weight') for name in names)


def to_ours(state_dict: StateDict) -> dict[str, Tensor]:
    """Their parameters under own names."""
    return name_joint_step(NAMES.to_ours(state_dict))


def from_ours(state_dict: StateDict) -> dict[str, Tensor]:
    """Own parameters under their names."""
    return NAMES.from_ours(rename_step(state_dict, 'joint', 'space'))
