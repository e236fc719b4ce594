"""Whether an exported file says what the model says."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import torch
from torch import Tensor

from mmaction_timesformer.inference.exporting.exported_model import ExportedModel, Run

BATCH_SIZES = (1, 2, 3, 5)
TOLERANCE = 1e-4


class DisagreementError(RuntimeError):
    """An exported file differs from its model by more than it may."""


def verify(
    exported: ExportedModel,
    reference: Run,
    batch_sizes: Sequence[int] = BATCH_SIZES,
    tolerance: float = TOLERANCE,
) -> float:
    """Compare both outputs on noise, for several batch sizes.

    Args:
        exported: The file, opened anew.
        reference: The model in PyTorch.
        batch_sizes: Clips of each comparison.
        tolerance: Largest difference, of a probability, or of a logit relative to the largest one
            where that is above 1.

    Returns:
        The largest difference.

    Raises:
        DisagreementError: It is above the tolerance.
    """
    generator = torch.Generator().manual_seed(0)
    worst = 0.0
    for size in batch_sizes:
        shape = (size, *exported.metadata.clip_shape)
        clips = torch.randint(0, 256, shape, dtype=torch.uint8, generator=generator)
        found = [part.cpu() for part in exported.run(clips)]
        for one, other in zip(found, reference(clips), strict=True):
            if one.shape != other.shape:
                raise DisagreementError(
                    f'{size} clips give {tuple(one.shape)} in place of {tuple(other.shape)}'
                )
            scale = max(1.0, float(other.abs().max()))
            worst = max(worst, float((one - other).abs().max()) / scale)
    if not worst <= tolerance:
        raise DisagreementError(
            f'the exported model differs from its source by {worst:.2g}; {tolerance:g} is allowed'
        )
    return worst


def agreement(exported: ExportedModel, reference: Run, batches: Iterable[Tensor]) -> float:
    """Share of real clips for which both name the same class first.

    Args:
        exported: The file.
        reference: The model in PyTorch.
        batches: Clips (B, 3, T, H, W) uint8.
    """
    same, total = 0, 0
    for clips in batches:
        wanted = reference(clips)[0].argmax(dim=1)
        same += int((exported(clips).argmax(dim=1) == wanted).sum())
        total += len(clips)
    return same / total
