"""How fast detection is, against decoding each window afresh and against mmaction2's demo.

All go over the same video with the same model and the same windows, an eighth of a window apart,
in turn, so that what else the machine does meets all of them.
"""

from __future__ import annotations

import statistics
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

import av
import cv2
import numpy as np
import torch
from mmcv.transforms import Compose
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmengine.registry import init_default_scope

from mmaction_timesformer.detection.detector import DangerDetector
from mmaction_timesformer.detection.sources.sources import Source
from mmaction_timesformer.detection.watch import Scored
from mmaction_timesformer.inference.recognizer import build_recognizer
from mmaction_timesformer.registry import MODELS, TRANSFORMS

FPS = 25
CLIP_LEN = 8
FRAME_INTERVAL = 32
HOP_FRAMES = CLIP_LEN * FRAME_INTERVAL // 8
_DECODING = ('OpenVideo', 'SampleClip', 'DecodeFrames')

Method = Callable[[], int]
"""Goes over the video; gives the number of windows that it scored."""


def render_video(file: Path, seconds: float, size: tuple[int, int] = (320, 240)) -> None:
    """Write something that costs as much to decode as a camera's picture: noise, and what moves.

    H.264 with B-frames and a keyframe every ten seconds, as recorders write.

    Args:
        file: The mp4 to write.
        seconds: How long.
        size: Width and height.
    """
    rng = np.random.default_rng(0)
    width, height = size
    ground = cv2.GaussianBlur(
        rng.integers(40, 200, (height, width, 3)).astype(np.float32), (0, 0), 2
    )
    with av.open(str(file), 'w') as container:
        stream = container.add_stream('libx264', rate=FPS)
        stream.width, stream.height, stream.pix_fmt = width, height, 'yuv420p'
        stream.options = {'preset': 'medium', 'crf': '26', 'g': str(10 * FPS), 'bf': '2'}
        stream.codec_context.time_base = Fraction(1, FPS)
        for number in range(round(seconds * FPS)):
            picture = ground + rng.normal(0, 3, (height, width, 1)).astype(np.float32)
            for thing in range(3):
                x = int((number * (thing + 1) * 2 + 90 * thing) % width)
                y = int(height * (0.3 + 0.2 * thing))
                cv2.rectangle(picture, (x, y), (x + 30, y + 40), (200, 90 * thing, 40), -1)
            frame = av.VideoFrame.from_ndarray(np.clip(picture, 0, 255).astype(np.uint8), 'rgb24')
            frame.pts = number
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def make_checkpoint(config: Config, file: Path) -> None:
    """Write untrained weights; speed does not depend on what they know."""
    init_default_scope('mmaction')
    torch.manual_seed(0)
    description = config.model.to_dict()
    description['backbone']['pretrained'] = None
    model = MODELS.build(description)
    torch.save({'state_dict': model.state_dict(), 'meta': {}}, file)


def measure_speed(
    config_file: str, video: Path, checkpoint: Path, num_rounds: int
) -> list[dict[str, Any]]:
    """Measure each method in turn.

    Args:
        config_file: A config with 8 frames at interval 32.
        video: What to go over, 25 frames a second.
        checkpoint: Weights for the config.
        num_rounds: How often, after one round to warm up.

    Returns:
        For each method medians of seconds of video a second, by the wall clock and by CPU time,
        and how many times faster or slower it is than decoding each window afresh.
    """
    config = Config.fromfile(config_file)
    methods = _methods(config, video, checkpoint)
    wall: dict[str, list[float]] = {name: [] for name in methods}
    cpu: dict[str, list[float]] = {name: [] for name in methods}
    for number in range(num_rounds + 1):
        for name, method in methods.items():
            started = time.perf_counter(), time.process_time()
            seconds = method() * HOP_FRAMES / FPS
            if number:
                wall[name].append(seconds / (time.perf_counter() - started[0]))
                cpu[name].append(seconds / (time.process_time() - started[1]))
    base = 'each window afresh'
    return [
        {
            'method': name,
            'video_seconds_per_second': round(statistics.median(wall[name]), 2),
            'slowest': round(min(wall[name]), 2),
            'fastest': round(max(wall[name]), 2),
            'video_seconds_per_cpu_second': round(statistics.median(cpu[name]), 2),
            'times_each_window_afresh': round(_median_ratio(wall[name], wall[base]), 2),
            'times_each_window_afresh_cpu': round(_median_ratio(cpu[name], cpu[base]), 2),
        }
        for name in methods
    ]


def _median_ratio(values: Sequence[float], others: Sequence[float]) -> float:
    """Median over rounds, each compared with what ran right beside it."""
    return statistics.median(a / b for a, b in zip(values, others, strict=True))


def _methods(config: Config, video: Path, checkpoint: Path) -> dict[str, Method]:
    state_dict = torch.load(checkpoint, weights_only=True)['state_dict']
    model = build_recognizer(config, state_dict, 'cpu')
    methods: dict[str, Method] = {}
    for dtype in ('auto', 'float32'):
        overrides = {'hop_seconds': HOP_FRAMES / FPS, 'dtype': dtype}
        detector = DangerDetector.from_config(config, checkpoint, overrides=overrides)
        name = str(detector.score.dtype).removeprefix('torch.')  # type: ignore[union-attr]
        methods[f'this detector, {name}'] = partial(_detect, detector, video)
    rest = Compose([TRANSFORMS.build(dict(step)) for step in _picture_steps(config)])
    methods['each window afresh'] = partial(_decode_each_window, model, rest, video)
    methods["long_video_demo's way"] = partial(_keep_a_queue, model, rest, video)
    return methods


def _picture_steps(config: Config) -> Iterator[dict[str, Any]]:
    return (step for step in config.val_pipeline if step['type'] not in _DECODING)


def _detect(detector: DangerDetector, video: Path) -> int:
    return sum(isinstance(u, Scored) for u in detector.watch([Source(video.name, str(video))]))


@torch.inference_mode()
def _decode_each_window(model: Any, rest: Compose, video: Path) -> int:
    """mmaction2's pipeline from the file on, once for each window."""
    opening, decoding = (TRANSFORMS.build(dict(type=t)) for t in ('DecordInit', 'DecordDecode'))
    num_windows = start = 0
    while True:
        results = opening(dict(filename=str(video), start_index=0, label=-1, modality='RGB'))
        if start + (CLIP_LEN - 1) * FRAME_INTERVAL >= results['total_frames']:
            return num_windows
        results.update(
            frame_inds=start + np.arange(CLIP_LEN) * FRAME_INTERVAL,
            clip_len=CLIP_LEN,
            frame_interval=FRAME_INTERVAL,
            num_clips=1,
        )
        model.test_step(pseudo_collate([rest(decoding(results))]))
        num_windows += 1
        start += HOP_FRAMES


@torch.inference_mode()
def _keep_a_queue(model: Any, rest: Compose, video: Path) -> int:
    """As mmaction2's demo works, told to take one frame in 32 so that it sees the same windows.

    It converts every frame, keeps the last ones whole, picks one of each 32 at random, and sends
    all eight of its queue through the pipeline for each window. It also draws and writes a video;
    that is left out.
    """
    random = Random(0)
    queue: deque[np.ndarray] = deque(maxlen=CLIP_LEN)
    kept: list[np.ndarray] = []
    num_windows = 0
    capture = cv2.VideoCapture(str(video))
    while True:
        is_there, frame = capture.read()
        if not is_there:
            capture.release()
            return num_windows
        kept.append(np.array(frame)[:, :, ::-1])
        if len(kept) == HOP_FRAMES:
            queue.append(random.choice(kept))
            kept = []
            if len(queue) == CLIP_LEN:
                frames = [np.ascontiguousarray(frame) for frame in queue]
                results = dict(
                    imgs=frames,
                    img_shape=frames[0].shape[:2],
                    original_shape=frames[0].shape[:2],
                    modality='RGB',
                    label=-1,
                    clip_len=CLIP_LEN,
                    num_clips=1,
                )
                model.test_step(pseudo_collate([rest(results)]))
                num_windows += 1
