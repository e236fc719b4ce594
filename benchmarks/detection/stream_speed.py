"""The price of a moment of video: a clip scored afresh, or one frame of a stream; and an hour."""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from mmengine.config import Config

from benchmarks.interleave import Timings, time_in_turn
from benchmarks.models.peers import Setup, build
from mmaction_timesformer.inference.online_model import build_online
from mmaction_timesformer.models import StreamingTimeSformer, TimeSformerBackbone

CONTENDERS = {
    'mmaction2, a clip, float32': 'one model frame further, the naive loop scores 8 frames again',
    'this project, a clip, bfloat16': 'the same, with what makes this project fast',
    'stream, a frame, float32': 'the new frame alone, with the cache full',
    'stream, a frame, bfloat16': 'the same in half precision',
}
NAIVE = 'mmaction2, a clip, float32'


def time_moment(num_rounds: int, setup: Setup | None = None) -> Timings:
    """Time what each way computes from one model frame to the next; decoding left out.

    Args:
        num_rounds: Timed runs of each.
        setup: Sizes; the base model at 8x224x224.
    """
    setup = setup or Setup()
    clips = setup.clips()
    mmaction2 = build('mmaction2', setup)
    ours = build('ours', setup).to(torch.bfloat16)
    half = clips.to(torch.bfloat16)
    contenders: dict[str, Callable[[], object]] = {
        NAIVE: lambda: mmaction2(clips),
        'this project, a clip, bfloat16': lambda: ours(half),
        'stream, a frame, float32': _stream(setup, clips),
        'stream, a frame, bfloat16': _stream(setup, half),
    }
    with torch.inference_mode():
        return time_in_turn(contenders, num_rounds)


def _stream(setup: Setup, clips: torch.Tensor) -> Callable[[], object]:
    """A step of one frame behind a full cache."""
    torch.manual_seed(0)
    backbone = TimeSformerBackbone(
        img_size=setup.img_size,
        embed_dims=setup.embed_dims,
        num_heads=setup.num_heads,
        num_transformer_layers=setup.num_layers,
        attention_type=dict(
            type='causal_divided_space_time', window=setup.num_frames, frame_seconds=1.28
        ),
    )
    stream = StreamingTimeSformer(backbone.to(clips.dtype).eval())
    with torch.inference_mode():
        _, state = stream.step(clips, stream.begin())
    return lambda: stream.step(clips[:, :, :1], state)


@torch.inference_mode()
def run_for(config: str | Path, seconds: float) -> list[dict[str, Any]]:
    """Let a model watch noise, and measure a frame's time and the memory in each sixth.

    Args:
        config: Of an ``OnlineRecognizer``.
        seconds: Of video.
    """
    torch.manual_seed(0)
    cfg = Config.fromfile(config)
    model = build_online(cfg).eval()
    height, width = cfg.model.backbone.img_size
    pictures = torch.randint(0, 256, (3, 16, height, width)).float()
    state, rows = model.begin(), []
    num_frames = round(seconds / model.frame_seconds / 6)
    for part in range(6):
        times = []
        for number in range(num_frames):
            frame = pictures[:, number % 16 : number % 16 + 1]
            started = time.perf_counter()
            _, state = model.step(frame, state)
            times.append(time.perf_counter() - started)
        rows.append(
            {
                'minutes': round((part + 1) * num_frames * model.frame_seconds / 60, 1),
                'median_ms': 1000 * statistics.median(times),
                'resident_mib': _resident_bytes() / 2**20,
                'state_kib': _state_bytes(state.state_dict()) / 2**10,
            }
        )
    return rows


def _state_bytes(content: Any) -> int:
    if isinstance(content, torch.Tensor):
        return content.nbytes
    parts = content.values() if isinstance(content, dict) else content
    return sum(map(_state_bytes, parts)) if isinstance(content, dict | list) else 0


def _resident_bytes() -> int:
    pages = int(Path('/proc/self/statm').read_text(encoding='utf-8').split()[1])
    return pages * os.sysconf('SC_PAGE_SIZE')
