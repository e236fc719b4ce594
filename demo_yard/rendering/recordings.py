"""Untrimmed recordings of a site that a model knows, on days that it has never seen.

Weather, light, wagons, clothes and events come from seeds of their own.
"""

from __future__ import annotations

import os
from pathlib import Path

from demo_yard.rendering.dataset import DemoSettings, render_demo_dataset

RECORDING_SECONDS = 100.0
TUNING_SEED, UNSEEN_SEED = 1_000_001, 1_000_006


def render_recordings(folder: Path, seed: int, site_seed: int, minutes: float) -> Path:
    """Render untrimmed recordings of a site, with a file of their true events.

    Args:
        folder: Where to.
        seed: Of everything but the site.
        site_seed: Of the set whose site it is.
        minutes: How long they are together, in recordings of 100 s or one that is shorter.

    Returns:
        The folder of the recordings; ``events.json`` in it has the truth.
    """
    seconds = min(60 * minutes, RECORDING_SECONDS)
    settings = DemoSettings(
        num_clips=0,
        num_untrimmed=round(60 * minutes / seconds),
        untrimmed_seconds=seconds,
        seed=seed,
        site_seed=site_seed,
    )
    render_demo_dataset(folder, settings, os.cpu_count() or 1)
    return folder / 'untrimmed'
