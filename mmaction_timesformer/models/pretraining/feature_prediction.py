"""Teach a TimeSformer what an image network sees in videos; no labels are needed.

Two ways. Locality guidance (arXiv 2207.10026): the student imitates the teacher's feature maps,
which gives few clips the bias for neighbourhoods that a CNN is born with. Masked feature prediction
(MaskFeat, arXiv 2112.09133; MVD, arXiv 2212.04500): it predicts the teacher's features of patches
that it does not see. Features are learned in far fewer views than pixels.

Legend: B clips, V views of a clip, T frames, H/W pixels, h/w patch rows and columns, D channels of
the student, C channels of the teacher.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from einops import rearrange
from mmengine.model import BaseModel
from torch import Tensor, nn

from mmaction_timesformer.models.backbones import TimeSformerBackbone
from mmaction_timesformer.models.patch_embeds import FeatureMaps
from mmaction_timesformer.registry import MODELS

TEACHER = 'teacher.'


@MODELS.register_module()
class FeaturePrediction(BaseModel):
    """A student (any scheme), and a frozen teacher whose feature maps it predicts.

    The checkpoint holds the student as ``backbone``, so that training takes it as ``load_from``;
    the teacher is not in it.

    Args:
        backbone: The student, a ``TimeSformerBackbone``.
        teacher: Arguments of `FeatureMaps`; the network must say what its inputs look like.
        depth: After how many blocks the student answers, 0 for its patch embedding; by default
            after the last.
        mask_ratio: Share of the patches that the student does not see, the same in every frame;
            only these count. 0 to see and imitate everything.
        teacher_scale: Factor of the pictures' sides for the teacher, which sees little in small
            ones.
        data_preprocessor: One that normalises by a mean and a deviation.
        init_cfg: As in mmengine.

    Raises:
        ValueError: Arguments that do not fit; the message says which.
    """

    mean: Tensor
    std: Tensor
    teacher_mean: Tensor
    teacher_std: Tensor

    def __init__(
        self,
        backbone: dict[str, Any] | TimeSformerBackbone,
        teacher: dict[str, Any] | None = None,
        depth: int | None = None,
        mask_ratio: float = 0.0,
        teacher_scale: float = 2.0,
        data_preprocessor: dict | None = None,
        init_cfg: dict | list[dict] | None = None,
    ) -> None:
        super().__init__(data_preprocessor, init_cfg)
        student = MODELS.build(backbone) if isinstance(backbone, dict) else backbone
        if not isinstance(student, TimeSformerBackbone):
            raise ValueError(f'backbone: {type(student).__name__} is not a TimeSformerBackbone')
        depth = len(student.blocks) if depth is None else depth
        if not 0 <= depth <= len(student.blocks):
            raise ValueError(f'depth={depth} is not among 0..{len(student.blocks)}')
        if not 0 <= mask_ratio < 1:
            raise ValueError(f'mask_ratio={mask_ratio} must be in [0, 1)')
        if mask_ratio and not depth:
            raise ValueError('the patch embedding (depth=0) cannot know of patches left out')
        self.backbone, self.depth, self.mask_ratio = student, depth, mask_ratio
        self.teacher_scale = teacher_scale
        self.teacher = FeatureMaps(**(teacher or {}))
        self.teacher.requires_grad_(False)
        self._take_preprocessing()
        dims = student.embed_dims
        self.mask_token = nn.Parameter(torch.zeros(dims))
        self.norm = nn.LayerNorm(dims)
        self.decoder = nn.Linear(dims, self.teacher.out_channels)
        self._mask: Tensor | None = None
        self._answer: Tensor | None = None
        self._hooks = [student.patch_embed.register_forward_hook(self._hide)]
        if depth:
            self._hooks.append(student.blocks[depth - 1].register_forward_hook(self._listen))
        self.register_state_dict_post_hook(_leave_out_teacher)
        self.register_load_state_dict_pre_hook(_keep_teacher)

    def _take_preprocessing(self) -> None:
        """Note how the student's pictures are normalised, and how the teacher wants them."""
        student, teacher = self.data_preprocessor, self.teacher.preprocessing
        if getattr(student, 'mean', None) is None:
            raise ValueError('data_preprocessor must have a mean and a std')
        if teacher is None:
            raise ValueError('teacher: it is not known how its pictures are normalised')
        for name, values in (
            ('mean', student.mean),
            ('std', student.std),
            ('teacher_mean', 255 * torch.tensor(teacher.mean)),
            ('teacher_std', 255 * torch.tensor(teacher.std)),
        ):
            self.register_buffer(name, values.reshape(1, -1, 1, 1).clone(), persistent=False)
        # Its inputs are converted, so that they need not be those of the data preprocessor.
        self.teacher.preprocessing = None

    def init_weights(self) -> None:
        """Initialise the student; the teacher's weights must be there."""
        self.teacher.check_weights()
        super().init_weights()
        nn.init.trunc_normal_(self.mask_token, std=0.02)

    def release(self) -> TimeSformerBackbone:
        """The student, which hides nothing any more."""
        for hook in self._hooks:
            hook.remove()
        return self.backbone

    def train(self, mode: bool = True) -> FeaturePrediction:
        """Switch mode; the teacher stays in evaluation mode."""
        super().train(mode)
        self.teacher.eval()
        return self

    def _hide(self, module: nn.Module, inputs: Any, patches: Tensor) -> Tensor:
        """Replace masked patches (B, T, h, w, D) before they get positions."""
        self._mask = None
        self._answer = patches
        self._shape = patches.shape
        if not self.mask_ratio:
            return patches
        batch, frames, height, width, _ = patches.shape
        hidden = max(1, round(self.mask_ratio * height * width))
        order = torch.rand(batch, height * width, device=patches.device).argsort(dim=1).argsort(1)
        mask = (order < hidden).view(batch, 1, height, width)
        self._mask = mask.expand(batch, frames, height, width)
        return torch.where(self._mask[..., None], self.mask_token.to(patches.dtype), patches)

    def _listen(self, module: nn.Module, inputs: Any, tokens: Tensor) -> None:
        """Take the patches (B, T, h, w, D) out of a block's tokens (B, C + N, D)."""
        frames, height, width = self._shape[1:4]
        patches = tokens[:, -frames * height * width :]
        self._answer = rearrange(patches, 'b (t h w) d -> b t h w d', t=frames, h=height, w=width)

    @torch.no_grad()
    def targets(self, clips: Tensor, grid: tuple[int, int]) -> Tensor:
        """The teacher's features of clips (B, 3, T, H, W), normalised: (B, T, h, w, C)."""
        pictures = rearrange(clips, 'b c t h w -> (b t) c h w') * self.std + self.mean
        if self.teacher_scale != 1:
            pictures = F.interpolate(
                pictures, scale_factor=self.teacher_scale, mode='bilinear', align_corners=False
            )
        maps = self.teacher((pictures - self.teacher_mean) / self.teacher_std)
        if all(size >= wanted for size, wanted in zip(maps.shape[-2:], grid, strict=True)):
            maps = F.adaptive_avg_pool2d(maps, grid)
        else:
            maps = F.interpolate(maps, grid, mode='bilinear', align_corners=False)
        cells = rearrange(maps, '(b t) c h w -> b t h w c', b=clips.shape[0])
        return F.layer_norm(cells, cells.shape[-1:])

    def forward(
        self, inputs: Tensor, data_samples: list | None = None, mode: str = 'loss'
    ) -> dict[str, Tensor] | Tensor:
        """Compare the student's answer with the teacher's features.

        Args:
            inputs: (B, V, 3, T, H, W), normalised.
            data_samples: Not needed.
            mode: ``loss``, or ``tensor`` for the answer (B * V, T, h, w, C).
        """
        clips = inputs.flatten(0, 1)
        self.backbone(clips)
        assert self._answer is not None
        answer = self.decoder(self.norm(self._answer))
        mask, self._answer = self._mask, None
        if mode == 'tensor':
            return answer
        if mode != 'loss':
            raise ValueError(f'mode={mode!r}: pretraining has a loss, and nothing to predict')
        targets = self.targets(clips, (answer.shape[2], answer.shape[3]))
        losses = F.smooth_l1_loss(answer, targets, reduction='none').mean(dim=-1)
        return {'loss_features': losses.mean() if mask is None else losses[mask].mean()}


def _leave_out_teacher(
    module: FeaturePrediction, state_dict: dict[str, Any], prefix: str, metadata: dict
) -> None:
    for name in [key for key in state_dict if key.startswith(prefix + TEACHER)]:
        del state_dict[name]


def _keep_teacher(
    module: FeaturePrediction, state_dict: dict[str, Any], prefix: str, *others: object
) -> None:
    for name, value in module.teacher.state_dict(prefix=prefix + TEACHER).items():
        state_dict.setdefault(name, value)
