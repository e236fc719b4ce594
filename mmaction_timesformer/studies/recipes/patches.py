"""Ridge regression on patches of kept pictures: the training clips are all that it learns from.

Legend: N clips, T frames, H/W pixels, D summaries of a frame.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from mmaction_timesformer.models.backbones import PatchEncoder
from mmaction_timesformer.models.heads.closed_form_head import OVER_SPACE
from mmaction_timesformer.studies.recipes import closed_form
from mmaction_timesformer.studies.recipes.task import Task

CLIPS_AT_ONCE = 8


def patches(task: Task) -> np.ndarray:
    """Learn a dictionary from the fold's training clips, and regress on how patches match it.

    Options are those of ``ridge``, and ``entries``, the size of the dictionary.
    """
    options = dict(task.row.options)
    entries = options.pop('entries', 256)
    name = repr(('patches', task.fold.name, entries, len(task.arrays)))
    if name not in task.trained:
        encoder = PatchEncoder(entries)
        encoder.learn(_clips(task.arrays[0]['pixels'][task.fold.train]))
        task.trained[name] = tuple(
            {f'frames{task.row.stage}': _summaries(encoder, arrays['pixels'])}
            for arrays in task.arrays
        )
    row = replace(task.row, recipe='ridge', features='patches', options=options)
    return closed_form.ridge(replace(task, row=row, arrays=task.trained[name]))


def _clips(frames: np.ndarray) -> Iterator[Tensor]:
    """Kept pictures (N, T, H, W, 3) as batches (B, 3, T, H, W)."""
    for start in range(0, len(frames), CLIPS_AT_ONCE):
        yield torch.from_numpy(frames[start : start + CLIPS_AT_ONCE]).permute(0, 4, 1, 2, 3).float()


@torch.inference_mode()
def _summaries(encoder: PatchEncoder, frames: np.ndarray) -> np.ndarray:
    """(N, T, D)."""
    found = []
    for clips in _clips(frames):
        cells = encoder(clips).flatten(2, 3)
        found.append(torch.cat([summary(cells) for summary in OVER_SPACE.values()], dim=-1))
    return torch.cat(found).numpy()
