"""Summaries made from tables of clips, for what is rendered from them."""

import copy
import functools
from typing import Any

import numpy as np
import pandas as pd

from data_analysis.checks import gather_evidence, run_checks
from data_analysis.checks.settings import CheckSettings
from data_analysis.inputs.datasets import DatasetInput
from data_analysis.summary.strips import choose_strips
from data_analysis.summary.summary import Findings, summarize
from tests.data_analysis.clip_tables import clips_of, signature_of


def varied_clips(splits: tuple[str, ...] = ('train', 'val')) -> pd.DataFrame:
    """Two classes, several scenes, some faults."""
    rng = np.random.default_rng(0)
    rows = [
        {
            'path': f'{"ab"[number % 2]}/rec{number // 6} clip{number}.mp4',
            'label': 'ab'[number % 2],
            'split': splits[number % 3 % len(splits)],
            'recording': f'rec{number // 6}',
            'num_frames': float(rng.integers(60, 400)),
            'duration_seconds': float(rng.uniform(3, 16)),
            'fps': [25.0, 30.0][number % 5 == 0],
            'signature': signature_of(number // 6, noise=6, noise_seed=number),
        }
        for number in range(60)
    ]
    rows[3].update(status='unreadable', error='no good', num_frames=np.nan, signature='')
    rows[4].update(rotation=90)
    rows[5].update(sha256='hash of a/rec0 clip4.mp4', label='b')
    rows[4].update(sha256='hash of a/rec0 clip4.mp4')
    return clips_of(rows)


@functools.cache
def _summary_of_varied_clips() -> dict[str, Any]:
    return summary_of(varied_clips())


def summary_of(
    clips: pd.DataFrame | None = None, classes: tuple[str, ...] = ('a', 'b'), **source: Any
) -> dict[str, Any]:
    """The summary of a table of clips; of the varied ones by default."""
    if clips is None:
        return copy.deepcopy(_summary_of_varied_clips())
    told = source or {'kind': 'folder', 'root': 'data/yard'}
    dataset = DatasetInput(clips, classes, told)
    settings = CheckSettings(classes=classes)
    evidence = gather_evidence(clips, settings)
    problems = run_checks(clips, settings, evidence)
    measured = {
        'tier': 'packets',
        'decode_share': 0.0,
        'files_measured': len(clips),
        'files_remembered': 0,
        'files_missing': 0,
        'seconds': 1.0,
    }
    strips = choose_strips(clips, problems, classes, settings.sampler)
    return summarize(dataset, settings, Findings(clips, problems, evidence, measured, strips))
