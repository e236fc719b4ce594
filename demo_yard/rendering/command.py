"""The command `tools/make_demo_dataset.py`."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

from demo_yard.rendering.dataset import DemoSettings, render_demo_dataset
from demo_yard.rendering.stories import render_stories
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
    root: Path, size: tuple[int, int], workers: int | None, strip: Path | None, **settings: Any
) -> None:
    """Render a set as the command line says.

    Args:
        root: The folder to write.
        size: Width and height of the pictures.
        workers: Processes; by default one for each core.
        strip: Picture to draw, of one recording in each kind of weather.
        settings: The other fields of `DemoSettings`.

    Raises:
        ValueError: A setting is out of its range.
    """
    wanted = DemoSettings(width=size[0], height=size[1], **settings)
    num_clips, num_untrimmed = wanted.num_clips, wanted.num_untrimmed
    print(f'Rendering {num_clips} clips, {num_untrimmed} long videos into {root}', flush=True)
    render_demo_dataset(root, wanted, workers or os.cpu_count() or 1, ProgressLines())
    if strip is not None:
        draw_strip(strip, wanted.seed)
    if num_clips:
        print(f'Clips: {root}/videos, listed in train.csv, val.csv, test.csv beside it')
    if num_untrimmed:
        print(f'Long videos and their events: {root}/untrimmed')


def stories_command(root: Path, number: int, size: tuple[int, int], seed: int) -> None:
    """Render stories as the command line says.

    Args:
        root: The folder to write.
        number: Stories in all.
        size: Width and height of the pictures.
        seed: Of everything.

    Raises:
        ValueError: There are too few.
    """
    print(f'Rendering {number} stories into {root}', flush=True)
    listed = render_stories(root, number, size, seed, ProgressLines())
    print(f'Stories: {root}/videos, listed in {listed}')
