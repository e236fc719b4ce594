"""Memory of a process that loads clips of 8 frames, one after the other, from one file."""

import multiprocessing
from pathlib import Path
from random import Random
from typing import Any

import cv2
import numpy as np

import mmaction_timesformer.datasets.transforms  # noqa: F401
from benchmarks.clips.analysis_runs import memory_of_tree
from benchmarks.clips.clip_files import concatenate, render_camera_video
from mmaction_timesformer.registry import TRANSFORMS


def memory_of_loading(folder: Path, minutes: float) -> list[dict[str, Any]]:
    """Memory of a worker on a file of a minute and on a long one.

    Args:
        folder: For the rendered files.
        minutes: Length of the long one.

    Returns:
        A row for each file.
    """
    minute = render_camera_video(folder / 'minute.mp4', (320, 240), seconds=60)
    long = concatenate(minute, folder / 'long.mp4', max(1, round(minutes)))
    context = multiprocessing.get_context('spawn')
    rows = []
    for length, file in ((1, minute), (round(minutes), long)):
        with context.Pool(1) as pool:
            rows.append({'minutes': length, **pool.apply(_memory_of_a_worker, (str(file),))})
    return rows


def _memory_of_a_worker(file: str, num_clips: int = 60) -> dict[str, float]:
    """Resident memory in MiB before, and after clips from all over the file."""
    cv2.setNumThreads(0)
    process = multiprocessing.current_process().pid or 0
    opening, decoding = (TRANSFORMS.build({'type': kind}) for kind in ('OpenVideo', 'DecodeFrames'))
    before = memory_of_tree(process)
    resident = []
    draw = Random(0)
    for _ in range(num_clips):
        results = opening({'filename': file, 'start_index': 0})
        start = draw.randrange(results['total_frames'] - 7 * 32)
        decoding({**results, 'frame_inds': start + 32 * np.arange(8)})
        resident.append(memory_of_tree(process))
    return {
        'mib_before': round(before, 1),
        'mib_after_10_clips': round(resident[9], 1),
        f'mib_after_{num_clips}_clips': round(resident[-1], 1),
        'mib_peak': round(max(resident), 1),
    }
