"""Cost of a model: parameters, FLOPs, time, memory; the same way for every architecture.

Legend: V views, T frames, H/W pixels.
"""

from __future__ import annotations

import multiprocessing
import statistics
import time
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from typing import Any

import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from mmaction_timesformer.inference.input_shape import input_shape
from mmaction_timesformer.registry import MODELS
from mmaction_timesformer.reports.results.held_memory import HeldMemory

NUM_TIMED, ENOUGH_SECONDS = 5, 10.0


@dataclass(frozen=True)
class ModelCost:
    """Of a forward pass of one view in evaluation.

    Attributes:
        input_shape: (channels, T, H, W) of a view.
        views: V, views of a video in the config's test.
        parameters: Trained numbers.
        flops: Floating point operations; a multiply-add is two.
        seconds: Median time.
        peak_bytes: Memory at most, parameters included.
        device: Where time and memory were measured.
    """

    input_shape: tuple[int, int, int, int]
    views: int
    parameters: int
    flops: int
    seconds: float
    peak_bytes: int
    device: str


def measure_cost(config: Config, device: str = 'cpu') -> ModelCost:
    """Measure the model of a config, with random weights, in a process of its own.

    Args:
        config: Config of any Recognizer3D.
        device: Where to measure time and memory.

    Raises:
        ValueError: The config's test pipeline does not tell the shape of its clips, or the model
            does not run.
    """
    views, shape = input_shape(config)
    # Memory is what a process has held at most, so that each model needs a fresh one.
    context = multiprocessing.get_context('spawn')
    try:
        with ProcessPoolExecutor(1, mp_context=context) as pool:
            measured = pool.submit(_measure, config.pretty_text, shape, device).result()
    except (RuntimeError, BrokenProcessPool, TypeError, KeyError) as error:
        raise ValueError(f'the model of the config cannot be measured: {error}') from error
    return ModelCost(shape, views, *measured)


def _measure(
    config_text: str, shape: tuple[int, int, int, int], device: str
) -> tuple[int, int, float, int, str]:
    """Parameters, FLOPs, seconds, bytes, and the device's name."""
    config = Config.fromstring(config_text, file_format='.py')
    init_default_scope(config.get('default_scope', 'mmaction'))
    description = _for_inference(config.model.to_dict())
    with torch.device('meta'):
        imagined: Any = MODELS.build(dict(description)).eval()
        clip = torch.empty(1, 1, *shape)
    # With gradients no layers are folded into one: the count is that of the architecture.
    with FlopCounterMode(display=False) as counter:
        _forward(imagined, clip)
    parameters = sum(parameter.numel() for parameter in imagined.parameters())
    with HeldMemory(device) as memory:
        model: Any = MODELS.build(description).to(device).eval()
        seconds = _time(model, torch.zeros(1, 1, *shape, device=device))
    # A small model may fit into memory that the process has had before.
    weights = sum(tensor.nbytes for tensor in model.state_dict().values())
    peak_bytes = max(memory.peak_bytes, weights)
    is_cuda = torch.device(device).type == 'cuda'
    name = torch.cuda.get_device_name(device) if is_cuda else 'cpu'
    return parameters, counter.get_total_flops(), seconds, peak_bytes, name


@torch.no_grad()
def _time(model: Any, clip: Tensor) -> float:
    _forward(model, clip)
    seconds: list[float] = []
    while len(seconds) < NUM_TIMED and (len(seconds) < 2 or sum(seconds) < ENOUGH_SECONDS):
        start = time.perf_counter()
        _forward(model, clip)
        if clip.is_cuda:
            torch.cuda.synchronize(clip.device)
        seconds.append(time.perf_counter() - start)
    return statistics.median(seconds)


def _forward(model: Any, clip: Tensor) -> None:
    features, options = model.extract_feat(clip, test_mode=True)
    model.cls_head(features, **options)


def _for_inference(model: dict[str, Any]) -> dict[str, Any]:
    """Without weights to start from, which need not be there, and without mixed clips."""
    for part in (model, model.get('backbone') or {}):
        part.pop('init_cfg', None)
        if 'pretrained' in part:
            part['pretrained'] = None
        if 'pretrained2d' in part:
            part['pretrained2d'] = False
    (model.get('data_preprocessor') or {}).pop('blending', None)
    return model
