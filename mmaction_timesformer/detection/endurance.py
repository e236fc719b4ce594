"""An hour of a stream, faster than it was recorded, with a kill in between: memory and events.

The model is a stand-in that reads colours, so that the truth is known to the frame and the machine
keeps up; everything else is what a live source goes through.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import torch
from torch import Tensor

from data_analysis.benchmarking import memory_of_tree
from mmaction_timesformer.detection.detector import DangerDetector
from mmaction_timesformer.detection.evaluate import match_events
from mmaction_timesformer.detection.event_log import read_events, read_records
from mmaction_timesformer.detection.results import EVENTS, SCORES
from mmaction_timesformer.detection.rules import EventRule
from mmaction_timesformer.detection.running import run, stop_on_signals
from mmaction_timesformer.detection.sources import Source
from mmaction_timesformer.detection.truth import TrueEvent
from mmaction_timesformer.detection.watch import WatchSettings
from mmaction_timesformer.detection.windows import WindowSettings

FPS = 10
PERIOD_SECONDS, EVENT_SECONDS = 60, 12
CLASSES = ('Danger', 'Other')
_NAME = 'an hour'


def render_hour(file: Path, seconds: int) -> None:
    """Write a video that turns red for twelve seconds of each minute."""
    with av.open(str(file), 'w') as container:
        stream = container.add_stream('libx264', rate=FPS)
        stream.width, stream.height, stream.pix_fmt = 160, 120, 'yuv420p'
        stream.options = {'preset': 'ultrafast', 'g': str(10 * FPS)}
        stream.codec_context.time_base = Fraction(1, FPS)
        picture = np.full((120, 160, 3), 30, np.uint8)
        for number in range(seconds * FPS):
            phase = number / FPS % PERIOD_SECONDS
            picture[..., 0] = 220 if 20 <= phase < 20 + EVENT_SECONDS else 30
            frame = av.VideoFrame.from_ndarray(picture, 'rgb24')
            frame.pts = number
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def _read_red(clips: Tensor) -> Tensor:
    """Clips (B, 3, T, H, W) to the probabilities of `CLASSES`, (B, 2)."""
    red = (clips[:, 0].mean(dim=(1, 2, 3)) / 220).clamp(0, 1)
    return torch.stack([red, 1 - red], dim=1)


def _prepare(picture: np.ndarray) -> Tensor:
    """As large as a picture for a small TimeSformer, so that memory is that of one."""
    pixels = torch.from_numpy(picture.copy()).permute(2, 0, 1)[None].float()
    return torch.nn.functional.interpolate(pixels, size=(112, 112))


def watch_hour(video: str, folder: str, pace: float) -> None:
    """Watch the video at a multiple of its pace; goes on where an earlier run was killed."""
    rule = EventRule('none', 0.0, 0.6, 0.4, 2.0, 2.0)
    settings = WatchSettings(WindowSettings(8, 4.0, 0.5), batch_size=8, queue_size=1000)
    detector = DangerDetector(_read_red, _prepare, CLASSES, {'Danger': rule}, settings, 'red')
    with stop_on_signals() as stop:
        run(detector, [Source(_NAME, video, pace=pace)], folder, stop=stop)


def measure_endurance(
    tool: Sequence[str], folder: Path, seconds: int, pace: float, kill_at_share: float = 0.4
) -> dict[str, Any]:
    """Watch an hour, kill the process on the way, start it again, compare with the truth.

    Args:
        tool: The command that calls `watch_hour` with the video, the folder and the pace.
        folder: An empty folder.
        seconds: Length of the video.
        pace: How many times as fast as recorded.
        kill_at_share: When to send SIGKILL, as a share of the whole.

    Returns:
        Figures for the record.
    """
    video, out = folder / 'hour.mp4', folder / 'out'
    render_hour(video, seconds)
    command = [sys.executable, *tool, str(video), str(out), str(pace)]
    samples: list[tuple[float, float]] = []
    first = subprocess.Popen(command)
    _sample_until(first, out, samples, kill_at_share * seconds)
    first.send_signal(signal.SIGKILL)
    first.wait()
    records_before = len(list(read_records(out / EVENTS)))
    again = subprocess.Popen(command)
    _sample_until(again, out, samples, float('inf'))
    if again.returncode:
        raise RuntimeError(f'{" ".join(command)} ended with {again.returncode}')
    told = [
        (record['event_id'], record['state'], record['end_seconds'])
        for record in read_records(out / EVENTS)
        if record['record'] == 'event'
    ]
    events = [event for event in read_events(out / EVENTS) if event.state == 'closed']
    true = [
        TrueEvent(CLASSES[0], start, start + EVENT_SECONDS)
        for start in range(20, seconds, PERIOD_SECONDS)
    ]
    matches = match_events(events, true, 0.7)
    middle = [mib for position, mib in samples if position > 0.1 * seconds]
    return {
        'video_seconds': seconds,
        'pace': pace,
        'killed_at_video_seconds': round(kill_at_share * seconds),
        'records_before_the_kill': records_before,
        'true_events': len(true),
        'events': len(events),
        'events_lost': len(true) - sum(match is not None for match in matches),
        'records_told_twice': len(told) - len(set(told)),
        'windows': sum(1 for _ in (out / SCORES).open()) - 1,
        'mib_after_a_tenth': round(middle[0]) if middle else None,
        'mib_at_the_end': round(middle[-1]) if middle else None,
        'mib_peak': round(max(mib for _, mib in samples)),
        'mib_over_time': [[round(position), round(mib)] for position, mib in samples],
    }


def _sample_until(
    process: subprocess.Popen, out: Path, samples: list[tuple[float, float]], seconds: float
) -> None:
    """Note the process's memory every second until it has come so far in the video, or ends."""
    while process.poll() is None:
        position = _position(out / SCORES)
        mib = memory_of_tree(process.pid)
        # A process that has just ended has none.
        if position is not None and mib:
            samples.append((position, mib))
            if position >= seconds:
                return
        time.sleep(1.0)


def _position(scores: Path) -> float | None:
    """Time of the last whole line of the score log."""
    if not scores.exists():
        return None
    with scores.open('rb') as stream:
        stream.seek(max(0, os.path.getsize(scores) - 4096))
        lines = stream.read().split(b'\n')[:-1]
    words = lines[-1].split(b',') if lines else []
    return float(words[1]) if len(words) > 2 and words[1] != b'seconds' else None
