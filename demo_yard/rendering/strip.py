"""A picture of each class over time, for documents: a row a class, a column a moment."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import PIL.Image

from demo_yard.acting.acts import ACTS, LABELS, OTHER
from demo_yard.acting.casting import stage_clip
from demo_yard.rendering.recording import Recording
from demo_yard.scene.arrays import Image

SHOWN_ACTS = {
    'Track-Excavator': ('roll_onto_track', 'clear'),
    'Bucket-Worker': ('enter_swing_area', 'overcast'),
    'Cabin-Worker': ('walk_up_to_cabin', 'snow'),
    'Other': ('leave_swing_area', 'night'),
}
"""The act and the weather of each row."""
SECONDS, FPS = 4.0, 10.0
GAP_PIXELS = 3


def draw_strip(file: Path, seed: int, num_frames: int = 6, width: int = 184) -> None:
    """Render one clip of each class and lay its frames out; `file` is a PNG.

    Args:
        file: Where the picture goes; its folder is made if it is missing.
        seed: Of the recordings.
        num_frames: Moments of each clip.
        width: Width of a frame in pixels.
    """
    height = width * 3 // 4
    rows = []
    for index, label in enumerate(LABELS):
        act, weather = SHOWN_ACTS[label]
        assert ACTS[act].label == label
        recording = Recording(seed, index, (width, height), weather=weather)
        rng = np.random.default_rng([seed, index, 1])
        stage, _ = stage_clip(rng, recording.site, act, SECONDS)
        total = round(SECONDS * FPS)
        frames = list(recording.frames(stage, total, FPS, rng))
        moments = np.linspace(0, total - 1, num_frames).round().astype(int)
        name = act.replace('_', ' ') if label == OTHER else ''
        rows.append(_row([frames[moment] for moment in moments], label, name))
    picture = np.concatenate(rows, axis=0)
    file.parent.mkdir(parents=True, exist_ok=True)
    # A palette makes the file a third as large.
    palette = PIL.Image.fromarray(picture).quantize(128, dither=PIL.Image.Dither.NONE)
    palette.save(file, format='PNG', optimize=True)


def _row(frames: list[Image], label: str, note: str) -> Image:
    """A line with the label above the frames."""
    height = len(frames[0])
    gap = np.full((height, GAP_PIXELS, 3), 255, np.uint8)
    row = np.concatenate([part for frame in frames for part in (frame, gap)][:-1], axis=1)
    title = np.full((24, row.shape[1], 3), 255, np.uint8)
    text = f'{label} ({note})' if note else label
    cv2.putText(title, text, (2, 17), cv2.FONT_HERSHEY_SIMPLEX, 0.55, (30, 30, 30), 1, cv2.LINE_AA)
    return np.concatenate([title, row], axis=0)
