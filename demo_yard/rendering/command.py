"""The command `tools/make_demo_dataset.py`."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

from demo_yard.rendering.dataset import DemoSettings, render_demo_dataset
from demo_yard.rendering.strip import draw_strip


class ProgressLines:
    """Prints how far rendering is, one line every few seconds, so that logs show it too.

    Args:
        every_seconds: How often at most.
    """

    def __init__(self, every_seconds: float = 3.0) -> None:
        self._every_seconds = every_seconds
        self._started = self._last = time.monotonic()

    def __call__(self, num_done: int, num_all: int) -> None:
        """Say that `num_done` of `num_all` videos are there."""
        now = time.monotonic()
        if num_done < num_all and now - self._last < self._every_seconds:
            return
        self._last = now
        left = (now - self._started) * (num_all - num_done) / max(num_done, 1)
        print(f'  {num_done} of {num_all} videos, about {left:.0f} s left', flush=True)


def render_command(
    *,
    root: Path,
    num_clips: int,
    clips_per_recording: float,
    seconds: float,
    fps: float,
    sites: int,
    size: tuple[int, int],
    num_untrimmed: int,
    untrimmed_seconds: float,
    num_windows: int,
    seed: int,
    site_seed: int | None,
    workers: int | None,
    strip: Path | None,
) -> None:
    """Render a set as the command line says; a wrong argument ends the program with status 2."""
    try:
        settings = DemoSettings(
            num_clips=num_clips,
            clips_per_recording=clips_per_recording,
            seconds=seconds,
            fps=fps,
            num_sites=sites,
            width=size[0],
            height=size[1],
            num_untrimmed=num_untrimmed,
            untrimmed_seconds=untrimmed_seconds,
            num_windows=num_windows,
            seed=seed,
            site_seed=site_seed,
        )
        print(f'Rendering {num_clips} clips, {num_untrimmed} long videos into {root}', flush=True)
        render_demo_dataset(root, settings, workers or os.cpu_count() or 1, ProgressLines())
        if strip is not None:
            draw_strip(strip, seed)
    except ValueError as error:
        print(f'error: {error}', file=sys.stderr)
        sys.exit(2)
    if num_clips:
        print(f'Clips: {root}/videos, listed in train.csv, val.csv, test.csv beside it')
    if num_untrimmed:
        print(f'Long videos and their events: {root}/untrimmed')
