"""Renders stories: ``videos/dig-lift/story003.mp4`` and ``clips.csv`` (filename, label, day)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from demo_yard.acting.stories import STORY_LABELS, STORY_SECONDS, stage_story
from demo_yard.rendering.dataset import TUNE, Progress
from demo_yard.rendering.recording import Recording
from video_clips.whole_files import write_atomically
from video_clips.writing import write_video

STORY_FPS = 1.25
STORIES_A_RECORDING = 2 * len(STORY_LABELS)
NUM_DAYS = 2
"""A study learns from one day and predicts the other."""


def render_stories(
    root: Path, number: int, size: tuple[int, int], seed: int = 0, progress: Progress | None = None
) -> Path:
    """Render stories of one site; those that are there already are kept.

    Args:
        root: The folder to write.
        number: Stories in all; a recording, with a weather of its own, has eight.
        size: Width and height of the pictures in pixels.
        seed: Of everything.
        progress: Called with the number of stories that are done and of all.

    Returns:
        The list of stories.

    Raises:
        ValueError: Fewer than one of each label and day.
    """
    if number < NUM_DAYS * STORIES_A_RECORDING:
        raise ValueError(f'stories must be {NUM_DAYS * STORIES_A_RECORDING} or more, got {number}')
    rows = []
    recording = Recording(seed, 0, size)
    for story in range(number):
        index, place = divmod(story, STORIES_A_RECORDING)
        if place == 0:
            recording = Recording(seed, index, size)
        label = STORY_LABELS[place % len(STORY_LABELS)]
        name = f'{label}/story{story:03d}.mp4'
        if not (root / 'videos' / name).exists():
            rng = np.random.default_rng([seed, story, 2])
            stage = stage_story(rng, recording.site, label)
            frames = recording.frames(stage, round(STORY_SECONDS * STORY_FPS), STORY_FPS, rng)
            write_video(root / 'videos' / name, frames, STORY_FPS, TUNE)
        rows.append((name, label, f'day{index % NUM_DAYS}'))
        if progress:
            progress(story + 1, number)
    table = pd.DataFrame(rows, columns=['filename', 'label', 'day'])
    with write_atomically(root / 'clips.csv') as stream:
        table.to_csv(stream, index=False)
    return root / 'clips.csv'
