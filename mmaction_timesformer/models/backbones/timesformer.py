"""TimeSformer, the video transformer of arXiv 2102.05095.

A clip is cut into patches, each frame by itself; patches become tokens with a position in space
and in time; blocks of attention steps and an MLP follow; the class token is the clip's feature.

Legend: B batch, C class tokens, T frames, H/W pixels, h/w patch rows and columns, N = T h w,
D channels.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import asdict

import numpy as np
import torch
from einops import rearrange
from mmcv.cnn import build_norm_layer
from mmengine.model import BaseModule
from torch import Tensor, nn
from torch.nn.init import trunc_normal_
from torch.nn.modules.utils import _pair
from torch.utils.checkpoint import checkpoint

from mmaction_timesformer.models.attention_schemes import AttentionScheme
from mmaction_timesformer.models.backbones.arguments import (
    check_choice,
    check_counts,
    patch_grid,
    scheme_config,
)
from mmaction_timesformer.models.backbones.frames import check_mask, run_without, times_of
from mmaction_timesformer.models.checkpoints import accept_any_weights
from mmaction_timesformer.models.layers import (
    MLP,
    ROTATIONS,
    RotaryPositions,
    StepOptions,
    TokenGrid,
    is_watched,
    resize_joint_embed,
    resize_pos_embed,
    resize_time_embed,
)
from mmaction_timesformer.registry import ATTENTION_SCHEMES, MODELS, PATCH_EMBEDS

ARCHITECTURES = {
    'tiny': dict(embed_dims=192, num_heads=3, num_transformer_layers=12),
    'small': dict(embed_dims=384, num_heads=6, num_transformer_layers=12),
    'base': dict(embed_dims=768, num_heads=12, num_transformer_layers=12),
    'large': dict(embed_dims=1024, num_heads=16, num_transformer_layers=24),
}
POSITIONS = ('none', 'space', 'space_time', 'joint', *ROTATIONS)
OUTPUTS = ('cls', 'avg', 'tokens')


class TransformerBlock(nn.Module):
    """The attention steps of a scheme, then the MLP; each with its residual connection."""

    def __init__(self, steps: AttentionScheme, mlp: MLP) -> None:
        super().__init__()
        self.steps = steps
        self.mlp = mlp

    def forward(self, tokens: Tensor, grid: TokenGrid) -> Tensor:
        """Tokens (B, C + N, D) to tokens of the same shape."""
        return self.mlp(self.steps(tokens, grid), grid)


def _make_block(scheme: dict, mlp: str, step: StepOptions) -> TransformerBlock:
    steps = ATTENTION_SCHEMES.build(dict(asdict(step), **scheme))
    return TransformerBlock(
        steps, MLP(step.embed_dims, mlp, step.drop_path_rate, norm_eps=step.norm_eps)
    )


@MODELS.register_module()
class TimeSformerBackbone(BaseModule):
    """TimeSformer with any registered attention scheme.

    The arguments of mmaction2's ``TimeSformer`` keep their names, meanings and defaults. At run
    time any number of frames and any size that divides into patches works: positions are resized
    on the way, the parameters are left alone.

    Args:
        num_frames: Frames that ``time_embed`` has entries for.
        img_size: Pixels, one number or (H, W), that ``pos_embed`` has entries for.
        patch_size: Pixels, one number or (rows, columns).
        pretrained: Checkpoint to start from; the short form of ``init_cfg``.
        embed_dims: D; by default the architecture's.
        num_heads: Attention heads; by default the architecture's.
        num_transformer_layers: Blocks; by default the architecture's.
        in_channels: Channels of a frame.
        dropout_ratio: Dropout after the positions are added.
        transformer_layers: mmaction2's blocks, which nobody but mmaction2 can build: ``None``.
        attention_type: Name of a scheme, or a dict of its ``type`` and own options.
        norm_cfg: The last LayerNorm, as in mmaction2; by default with ``norm_eps``.
        arch: ViT's sizes, ``tiny``, ``small``, ``base`` or ``large``, for those not given.
        pos_embed: ``none``, ``space`` or ``space_time`` (paper, Table 4). Space only has no time.
            ``joint`` has an entry for every patch of the clip. ``rotary`` has no entries: queries
            and keys are turned by their time in seconds and their place in the picture.
        pos_init_std: Spread of the positions' initial values. ``None`` is 0.02 in space and 0 in
            time, for pretrained weights; from scratch on few clips, positions as large as the
            patches' content, 1 to 2, are found far sooner.
        drop_path_rate: Stochastic depth of the last block; it rises linearly from 0.
        with_cp: Recompute a block's activations in the backward pass to save memory.
        frozen_stages: -1 trains everything, 0 freezes the embeddings, n also the first n blocks.
        out_type: ``cls`` (B, D), ``avg`` over patches (B, D), or ``tokens`` (B, T, h, w, D).
        mlp: ``gelu`` or ``geglu``.
        patch_embed: How pixels become tokens: a dict of a registered ``type`` and its options;
            ``PatchEmbed`` (linear) by default, or ``HybridPatchEmbed`` (a CNN's feature map).
        init_cfg: As in mmengine.
        head_dims: Channels of an attention head; by default ``embed_dims / num_heads``.
        qkv_bias: Whether queries, keys and values have a bias.
        norm_eps: Epsilon of the LayerNorms.
        token_shift: Behind every LayerNorm of the blocks, a third of a patch's channels comes from
            the next frame and a third from the previous one.
        frame_seconds: Distance of frames, for rotary positions, where no times are given.

    Raises:
        ValueError: An argument has no meaning; the message lists what would have one.
    """

    def __init__(
        self,
        num_frames: int = 8,
        img_size: int | tuple[int, int] = 224,
        patch_size: int | tuple[int, int] = 16,
        pretrained: str | None = None,
        embed_dims: int | None = None,
        num_heads: int | None = None,
        num_transformer_layers: int | None = None,
        in_channels: int = 3,
        dropout_ratio: float = 0.0,
        transformer_layers: None = None,
        attention_type: str | dict = 'divided_space_time',
        norm_cfg: dict | None = None,
        arch: str = 'base',
        pos_embed: str = 'space_time',
        pos_init_std: float | None = None,
        drop_path_rate: float = 0.1,
        with_cp: bool = False,
        frozen_stages: int = -1,
        out_type: str = 'cls',
        mlp: str = 'gelu',
        patch_embed: dict | None = None,
        init_cfg: dict | list[dict] | None = None,
        head_dims: int | None = None,
        qkv_bias: bool = True,
        norm_eps: float = 1e-6,
        token_shift: bool = False,
        frame_seconds: float = 1.0,
    ) -> None:
        if pretrained is not None:
            if init_cfg is not None:
                raise ValueError('give pretrained or init_cfg, not both')
            init_cfg = dict(type='Pretrained', checkpoint=pretrained)
        super().__init__(init_cfg)
        if transformer_layers is not None:
            raise ValueError(
                "transformer_layers describes mmaction2's own blocks and must be None; here "
                'attention_type, mlp and drop_path_rate say what a block is'
            )
        check_choice('arch', arch, tuple(ARCHITECTURES))
        sizes = ARCHITECTURES[arch]
        embed_dims = sizes['embed_dims'] if embed_dims is None else embed_dims
        num_heads = sizes['num_heads'] if num_heads is None else num_heads
        if num_transformer_layers is None:
            num_transformer_layers = sizes['num_transformer_layers']
        check_counts(
            num_frames=num_frames,
            img_size=_pair(img_size),
            patch_size=_pair(patch_size),
            embed_dims=embed_dims,
            num_heads=num_heads,
            num_transformer_layers=num_transformer_layers,
            in_channels=in_channels,
            head_dims=1 if head_dims is None else head_dims,
        )
        check_choice('pos_embed', pos_embed, POSITIONS)
        check_choice('out_type', out_type, OUTPUTS)
        scheme = scheme_config(attention_type)
        if embed_dims % num_heads and head_dims is None:
            raise ValueError(f'embed_dims={embed_dims} do not divide into num_heads={num_heads}')
        if not -1 <= frozen_stages <= num_transformer_layers:
            raise ValueError(
                f'frozen_stages={frozen_stages} is not among -1..{num_transformer_layers}'
            )

        self.num_frames = num_frames
        self.patch_size = _pair(patch_size)
        self.pos_grid = patch_grid(_pair(img_size), self.patch_size)
        self.in_channels = in_channels
        self.embed_dims = embed_dims
        self.attention_type = attention_type
        self.with_cp = with_cp
        self.frozen_stages = frozen_stages
        self.out_type = out_type
        self.token_shift = token_shift
        self.frame_seconds = frame_seconds
        self.rotation = pos_embed if pos_embed in ROTATIONS else None

        patch_embed = dict(patch_embed or dict(type='PatchEmbed'))
        check_choice('patch_embed', patch_embed.get('type'), tuple(PATCH_EMBEDS.module_dict))
        patch_embed |= dict(patch_size=self.patch_size, in_channels=in_channels)
        self.patch_embed = PATCH_EMBEDS.build(dict(patch_embed, embed_dims=embed_dims))
        self.blocks = nn.ModuleList(
            _make_block(
                scheme,
                mlp,
                StepOptions(embed_dims, num_heads, rate, head_dims, qkv_bias, norm_eps),
            )
            for rate in np.linspace(0, drop_path_rate, num_transformer_layers).tolist()
        )
        # What the last block reads, for tools that want feature maps, as Grad-CAM does. Behind the
        # last block a class token's feature no longer depends on the patches.
        self.token_grid = nn.Identity()
        self.norm = build_norm_layer(norm_cfg or dict(type='LN', eps=norm_eps), embed_dims)[1]
        self.drop_after_pos = nn.Dropout(dropout_ratio)
        self.drop_after_time = nn.Dropout(dropout_ratio)

        self.has_joint_pos = pos_embed == 'joint'
        num_positions = 1 + math.prod(self.pos_grid) * (num_frames if self.has_joint_pos else 1)
        self.cls_token = nn.Parameter(torch.zeros(1, 1, embed_dims))
        self.pos_embed = self.time_embed = None
        if pos_embed != 'none' and self.rotation is None:
            self.pos_embed = nn.Parameter(torch.zeros(1, num_positions, embed_dims))
        if pos_embed == 'space_time' and self.scheme.has_time_embed:
            self.time_embed = nn.Parameter(torch.zeros(1, num_frames, embed_dims))

        if token_shift and not self.scheme.looks_ahead:
            raise ValueError(
                f'token_shift takes channels of the next frame, which {scheme["type"]} may not see'
            )

        self._init_parameters(pos_init_std)
        self._freeze()
        accept_any_weights(self)

    @property
    def scheme(self) -> AttentionScheme:
        """The first block's attention scheme; all blocks have the same."""
        block = self.blocks[0]
        assert isinstance(block, TransformerBlock)
        return block.steps

    def forward(
        self, clips: Tensor, frame_mask: Tensor | None = None, seconds: Tensor | None = None
    ) -> Tensor:
        """Features of clips.

        Args:
            clips: (B, channels, T, H, W).
            frame_mask: (B, T), true for frames that count. The others take part in nothing: a
                clip's features are those it has without them.
            seconds: Times (B, T) or (T,) of the frames, for rotary positions; by default
                ``frame_seconds`` apart. Only their differences count.

        Returns:
            (B, D), or (B, T, h, w, D) for ``out_type='tokens'``, zero in frames left out.

        Raises:
            ValueError: Shapes that do not fit.
        """
        channels = self.in_channels
        if clips.dim() != 5 or clips.shape[1] != channels or clips.shape[2] < 1:
            raise ValueError(
                f'clips of shape {tuple(clips.shape)} are not (batch, {channels} channels, '
                'at least one frame, height, width)'
            )
        times = times_of(clips, seconds, self.frame_seconds)
        if frame_mask is None:
            return self._forward_clips(clips, times)
        frame_mask = check_mask(clips, frame_mask)
        by_frame = self.out_type == 'tokens'
        if not self.scheme.masks_frames:
            return run_without(self._forward_clips, clips, times, frame_mask, by_frame)
        features = self._forward_clips(clips, times, frame_mask)
        return features * frame_mask[:, :, None, None, None] if by_frame else features

    def _forward_clips(
        self, clips: Tensor, times: Tensor, frame_mask: Tensor | None = None
    ) -> Tensor:
        # Class tokens stand at the first frame, whenever it is.
        tokens, grid = self._embed(clips, times - times[:, :1], frame_mask)
        for block in self.blocks[:-1]:
            tokens = self._run(block, tokens, grid)
        tokens = self._show_grid(tokens, grid)
        tokens = self._run(self.blocks[-1], tokens, grid)
        return self._output(tokens, grid)

    def _run(self, block: nn.Module, tokens: Tensor, grid: TokenGrid) -> Tensor:
        if self.with_cp and torch.is_grad_enabled():
            return checkpoint(block, tokens, grid, use_reentrant=False)
        return block(tokens, grid)

    def _show_grid(self, tokens: Tensor, grid: TokenGrid) -> Tensor:
        """Show the patches to who listens to ``token_grid``, as (B, D, T, h, w)."""
        if not is_watched(self.token_grid):
            return tokens
        cls, patches = grid.split(tokens)
        patches = self.token_grid(rearrange(patches, 'b t h w d -> b d t h w'))
        return grid.join(cls, rearrange(patches, 'b d t h w -> b t h w d'))

    def _embed(
        self, clips: Tensor, times: Tensor, frame_mask: Tensor | None = None
    ) -> tuple[Tensor, TokenGrid]:
        """Clips (B, channels, T, H, W) at times (B, T) to tokens (B, C + N, D) (Eq. 1)."""
        patches = self.patch_embed(clips)
        batch_size, num_frames, height, width, _ = patches.shape
        num_cls = num_frames if self.scheme.cls_per_frame else 1
        grid = self._grid(times, (height, width), num_cls, frame_mask)
        cls = self.cls_token.to(patches.dtype)
        if self.pos_embed is not None:
            if self.has_joint_pos:
                made_for = (self.num_frames, *self.pos_grid)
                pos_embed = resize_joint_embed(self.pos_embed, made_for, grid.shape)
            else:
                pos_embed = resize_pos_embed(self.pos_embed, self.pos_grid, (height, width))
            cls = cls + pos_embed[:, :1]
            patches = patches + rearrange(
                pos_embed[:, 1:], '1 (t h w) d -> 1 t h w d', h=height, w=width
            )
        cls = self.drop_after_pos(cls.expand(batch_size, num_cls, -1))
        patches = self.drop_after_pos(patches)
        if self.time_embed is not None:
            time_embed = resize_time_embed(self.time_embed, num_frames)
            patches = patches + rearrange(time_embed, '1 t d -> 1 t 1 1 d')
            patches = self.drop_after_time(patches)
        return grid.join(cls, patches), grid

    def _grid(
        self, times: Tensor, space: tuple[int, int], num_cls: int, frame_mask: Tensor | None
    ) -> TokenGrid:
        """The layout of tokens, with all that attention steps need to know of their positions."""
        num_frames = times.shape[1]
        positions = shift_frames = None
        if self.rotation is not None:
            positions = RotaryPositions(times, space, num_cls, self.rotation)
        if self.token_shift:
            shift_frames = self.scheme.shift_frames or num_frames
        return TokenGrid(num_frames, *space, num_cls, frame_mask, positions, shift_frames)

    def _output(self, tokens: Tensor, grid: TokenGrid) -> Tensor:
        """Tokens (B, C + N, D) to features, as ``out_type`` has them (Eq. 10)."""
        cls, patches = grid.split(tokens)
        if self.out_type == 'cls':
            return self.norm(cls.mean(dim=1))
        patches = self.norm(patches)
        return patches if self.out_type == 'tokens' else patches.mean(dim=(1, 2, 3))

    def _init_parameters(self, pos_init_std: float | None) -> None:
        """ViT's initialisation; the extra linear layers start at zero (paper, Sec. 4)."""
        for module in self.blocks.modules():
            if isinstance(module, nn.Linear):
                nn.init.xavier_uniform_(module.weight)
                if module.bias is not None:
                    nn.init.zeros_(module.bias)
        for name, parameter in self.blocks.named_parameters():
            if name.endswith('.fc.weight'):
                nn.init.zeros_(parameter)
        for name, parameter in self.patch_embed.projection.named_parameters():
            if name.endswith('bias'):
                nn.init.zeros_(parameter)
            else:
                nn.init.kaiming_normal_(parameter, nonlinearity='linear')
        trunc_normal_(self.cls_token, std=0.02)
        if self.pos_embed is not None:
            nn.init.normal_(self.pos_embed, std=0.02 if pos_init_std is None else pos_init_std)
        if self.time_embed is not None and pos_init_std is not None:
            nn.init.normal_(self.time_embed, std=pos_init_std)

    def _frozen(self) -> Iterator[nn.Module | nn.Parameter]:
        if self.frozen_stages >= 0:
            yield self.patch_embed
            yield from (self.drop_after_pos, self.drop_after_time)
            embeddings = (self.cls_token, self.pos_embed, self.time_embed)
            yield from (embedding for embedding in embeddings if embedding is not None)
            yield from self.blocks[: self.frozen_stages]

    def _freeze(self) -> None:
        for part in self._frozen():
            part.requires_grad_(False)

    def train(self, mode: bool = True) -> TimeSformerBackbone:
        """Switch mode; frozen stages stay in evaluation mode."""
        super().train(mode)
        for part in self._frozen():
            if isinstance(part, nn.Module):
                part.eval()
        return self
