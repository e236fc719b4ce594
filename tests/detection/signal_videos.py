"""Videos whose colour is the truth, and a model that reads it.

Red is the probability of Digging, green that of Walking. Nothing is trained, so the numbers that a
test expects can be worked out by hand.
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import torch
from torch import Tensor

from mmaction_timesformer.detection.detector import DangerDetector
from mmaction_timesformer.detection.events.rules import EventRule
from mmaction_timesformer.detection.sources.feed import Patience
from mmaction_timesformer.detection.watch import WatchSettings
from mmaction_timesformer.detection.windows import WindowSettings

CLASSES = ('Digging', 'Walking', 'Other')
SIZE = 32

Interval = tuple[float, float]


def colour_of(seconds: float, digging: Sequence[Interval], walking: Sequence[Interval] = ()):
    """Red while somebody digs, green while somebody walks."""
    red = 220 * any(start <= seconds < end for start, end in digging)
    green = 220 * any(start <= seconds < end for start, end in walking)
    return red, green, 30


def write_video(
    path: Path,
    moments: Iterable[float],
    digging: Sequence[Interval],
    walking: Sequence[Interval] = (),
    recorded_at: datetime | None = None,
    keyframe_every: int = 50,
) -> Path:
    """Write an H.264 file with frames at just these moments, in seconds."""
    with av.open(str(path), 'w') as container:
        if recorded_at is not None:
            container.metadata['creation_time'] = recorded_at.isoformat()
        stream = container.add_stream('libx264', rate=25)
        stream.width = stream.height = SIZE
        stream.pix_fmt = 'yuv444p'
        stream.options = {'preset': 'ultrafast', 'g': str(keyframe_every), 'crf': '10'}
        stream.time_base = stream.codec_context.time_base = Fraction(1, 1000)
        for seconds in moments:
            picture = np.empty((SIZE, SIZE, 3), np.uint8)
            picture[:] = colour_of(seconds, digging, walking)
            frame = av.VideoFrame.from_ndarray(picture, format='rgb24')
            frame.pts = round(seconds * 1000)
            frame.time_base = Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def every(fps: float, duration_seconds: float) -> list[float]:
    """Moments of a constant frame rate."""
    return [number / fps for number in range(round(duration_seconds * fps))]


def read_colours(clips: Tensor) -> Tensor:
    """The model: clips (B, 3, T, H, W) to the probabilities of `CLASSES`, (B, 3)."""
    red, green, _ = (clips.mean(dim=(2, 3, 4)) / 220).clamp(0, 1).unbind(dim=1)
    return torch.stack([red, green, (1 - red - green).clamp(0)], dim=1)


def prepare(picture: np.ndarray) -> Tensor:
    """(H, W, 3) uint8 to (1, 3, 8, 8) float."""
    assert picture.dtype == np.uint8
    pixels = torch.from_numpy(np.ascontiguousarray(picture[::4, ::4])).permute(2, 0, 1)
    return pixels[None].float()


RULE = EventRule(
    smoothing='none',
    enter=0.6,
    leave=0.4,
    min_seconds=0.0,
    merge_gap_seconds=0.0,
)


def make_detector(
    score: Callable[[Tensor], Tensor] = read_colours,
    rule: EventRule = RULE,
    windows: WindowSettings | None = None,
    **settings: object,
) -> DangerDetector:
    """A detector of digging and walking with windows of 8 frames over 2 seconds."""
    return DangerDetector(
        score,
        prepare,
        CLASSES,
        {'Digging': rule, 'Walking': rule},
        WatchSettings(
            windows or WindowSettings(num_frames=8, span_seconds=2.0, hop_seconds=0.25),
            **{'patience': Patience(read_seconds=60.0), **settings},
        ),
        fingerprint='colours',
    )
