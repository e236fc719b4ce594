"""Maps of what patches look like, by a dictionary that the clips' own patches teach.

For those who want no ImageNet weights: k-means on patches, without labels, is learned in seconds
(Coates, Ng and Lee, 2011).

Legend: B clips, T frames, H/W pixels, F frames of all clips, L patches of a frame, N entries,
C values of a patch, h/w cells.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import torch
from einops import rearrange
from mmengine.model import BaseModule
from scipy.fft import idct
from torch import Tensor
from torch.nn import functional as F

from mmaction_timesformer.registry import MODELS

LUMA = (0.299, 0.587, 0.114)
PATCHES = 250
"""Of a frame, that the dictionary learns from."""

SMALLEST_VARIANCE = 10.0
"""In squared grey levels; patches that vary less are flat."""

WHITE = 1.6
"""Brings values of whitened patches of real pictures to about 1, in which entries are drawn."""


@MODELS.register_module()
class PatchEncoder(BaseModule):
    """How close each patch of a frame is to those of a dictionary, in grey and in what moves.

    A patch of the two channels, grey and the distance from the clip's median, is normalised,
    whitened as pictures on average ask for (amplitudes fall as the frequency rises), and compared
    with N entries: how much closer than the average entry each one is, at least 0.

    Args:
        num_entries: N.
        patch_size: P.
        stride: From one patch to the next, in pixels.
        grid: h and w, over which patches are averaged.
        motion_gain: Of the second channel.
        seed: Of the entries, which are random until :meth:`learn`.

    The input is frames as they are, 0 to 255, about 112 pixels wide.
    """

    basis: Tensor
    entries: Tensor

    def __init__(
        self,
        num_entries: int = 256,
        patch_size: int = 6,
        stride: int = 3,
        grid: tuple[int, int] = (6, 8),
        motion_gain: float = 2.0,
        seed: int = 0,
    ) -> None:
        super().__init__()
        self.patch_size, self.stride = patch_size, stride
        self.grid = (grid[0], grid[1])
        self.motion_gain = motion_gain
        basis = torch.from_numpy(whitening(patch_size)).float()
        generator = torch.Generator().manual_seed(seed)
        self.register_buffer('basis', basis)
        self.register_buffer(
            'entries', torch.randn(num_entries, 2 * basis.shape[1], generator=generator)
        )

    def forward(self, clips: Tensor) -> Tensor:
        """Clips (B, 3, T, H, W), 0 to 255, to maps (B, T, h, w, N)."""
        frames = rearrange(self._channels(clips), 'b t c h w -> (b t) c h w')
        # One by one they stay in the cache; a graph for any number of clips has them at once.
        parts = (frames,) if torch.compiler.is_compiling() else frames.split(1)
        maps = torch.cat([self._compare(part) for part in parts])
        return rearrange(maps, '(b t) n h w -> b t h w n', b=clips.shape[0])

    @torch.no_grad()
    def learn(self, clips: Iterable[Tensor], seed: int = 0) -> None:
        """Make k-means' centres of patches the entries.

        Args:
            clips: Batches (B, 3, T, H, W), 0 to 255.
            seed: Of what is drawn: a frame of each clip, and of it some patches.
        """
        from sklearn.cluster import MiniBatchKMeans  # slow to import

        generator = torch.Generator().manual_seed(seed)
        drawn = []
        for batch in clips:
            chosen = torch.randint(batch.shape[2], (len(batch),), generator=generator)
            frames = self._channels(batch.float())[torch.arange(len(batch)), chosen]
            for white in self._white(frames):
                drawn.append(white[torch.randperm(len(white), generator=generator)[:PATCHES]])
        found = MiniBatchKMeans(
            len(self.entries), batch_size=2048, n_init=1, max_iter=20, random_state=seed
        ).fit(torch.cat(drawn).numpy())
        self.entries.copy_(torch.from_numpy(found.cluster_centers_))

    def _channels(self, clips: Tensor) -> Tensor:
        """Clips (B, 3, T, H, W) to grey and what moves, (B, T, 2, H, W)."""
        red, green, blue = clips.unbind(dim=1)
        grey = LUMA[0] * red + LUMA[1] * green + LUMA[2] * blue
        background = grey.sort(dim=1).values[:, grey.shape[1] // 2, None]
        return torch.stack([grey, self.motion_gain * (grey - background).abs()], dim=2)

    def _white(self, frames: Tensor) -> Tensor:
        """Frames (F, 2, H, W) to whitened patches (F, L, C)."""
        patches = F.unfold(frames, self.patch_size, stride=self.stride)
        patches = rearrange(patches, 'f (c p) l -> f l c p', c=2)
        patches = patches - patches.mean(dim=-1, keepdim=True)
        variance = patches.square().mean(dim=-1, keepdim=True)
        return (patches / torch.sqrt(variance + SMALLEST_VARIANCE) @ self.basis).flatten(2)

    def _compare(self, frames: Tensor) -> Tensor:
        """Frames (F, 2, H, W) to maps (F, N, h, w)."""
        white = self._white(frames)
        squares = white.square().sum(dim=-1, keepdim=True) + self.entries.square().sum(dim=-1)
        distance = (squares - 2 * white @ self.entries.T).clamp(min=0).sqrt()
        close = (distance.mean(dim=-1, keepdim=True) - distance).clamp(min=0)
        side = self.patch_size
        rows, columns = ((length - side) // self.stride + 1 for length in frames.shape[-2:])
        close = rearrange(close, 'f (h w) n -> f n h w', h=rows, w=columns)
        return F.adaptive_avg_pool2d(close, self.grid)


def whitening(side: int) -> np.ndarray:
    """(side * side, side * side - 1): cosines without the mean, each by its frequency."""
    cosines = idct(np.eye(side), norm='ortho', axis=0)
    frequency = np.hypot(*np.meshgrid(np.arange(side), np.arange(side), indexing='ij')).ravel()[1:]
    return WHITE * np.kron(cosines, cosines)[:, 1:] * frequency / np.sqrt((frequency**2).mean())
