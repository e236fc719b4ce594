"""The layout of lucidrains/TimeSformer-pytorch 0.4.1.

The scheme ``whole_clip_class`` with ``like='lucidrains'`` gives its outputs and says what is odd
about them.
"""

from __future__ import annotations

import math

from torch import Tensor

from mmaction_timesformer.models.checkpoints.names import NameTable, StateDict

LUCIDRAINS = NameTable(
    model={
        'backbone.cls_token': 'cls_token',
        'backbone.pos_embed': 'pos_emb.weight',
        'backbone.patch_embed.projection.{p}': 'to_patch_embedding.{p}',
        'backbone.norm.{p}': 'to_out.0.{p}',
        'cls_head.fc_cls.{p}': 'to_out.1.{p}',
    },
    block={
        'steps.time.norm.{p}': '0.norm.{p}',
        'steps.time.qkv.{p}': '0.fn.to_qkv.{p}',
        'steps.time.proj.{p}': '0.fn.to_out.0.{p}',
        'steps.space.norm.{p}': '1.norm.{p}',
        'steps.space.qkv.{p}': '1.fn.to_qkv.{p}',
        'steps.space.proj.{p}': '1.fn.to_out.0.{p}',
        'mlp.norm.{p}': '2.norm.{p}',
        'mlp.fc1.{p}': '2.fn.net.0.{p}',
        'mlp.fc2.{p}': '2.fn.net.3.{p}',
    },
    theirs='layers.{i}.',
)
# Made of the sizes alone; nothing is learned in them.
_TABLES = ('frame_rot_emb.inv_freqs', 'image_rot_emb.scales')


def is_lucidrains(names: frozenset[str]) -> bool:
    """Whether parameters of these names have that library's layout."""
    return bool({'layers.0.0.fn.to_qkv.weight', 'layers.0.0.fn.fn.to_qkv.weight'} & names)


def from_lucidrains(state_dict: StateDict) -> dict[str, Tensor]:
    """Parameters of that library under own names and in own shapes."""
    # Token shift puts a module more around every branch.
    bare = {
        name.replace('.fn.fn.', '.fn.'): value
        for name, value in state_dict.items()
        if name not in _TABLES
    }
    ours = LUCIDRAINS.to_ours(bare)
    name = 'backbone.patch_embed.projection.weight'
    if name in ours:
        pixels = ours[name].shape[1]
        channels = 1 if math.isqrt(pixels) ** 2 == pixels else 3
        side = math.isqrt(pixels // channels)
        ours[name] = ours[name].unflatten(1, (side, side, channels)).permute(0, 3, 1, 2)
    for name in ('backbone.cls_token', 'backbone.pos_embed'):
        if name in ours:
            ours[name] = ours[name][None]
    return ours
