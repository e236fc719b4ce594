"""Whole programs as processes of their own, and what they leave behind."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from mmaction_timesformer import compat
from tests.warm_python import loaded_python


def start(*command: object, **environment: str) -> subprocess.Popen[str]:
    """Start a program; a Python file is run by an interpreter that is warm."""
    words = [str(word) for word in command]
    interpreter = [loaded_python(), '-W', 'ignore'] if words[0].endswith('.py') else []
    return subprocess.Popen(
        [*interpreter, *words],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, 'OMP_NUM_THREADS': '1', 'PYTHON': loaded_python(), **environment},
    )


def finish(process: subprocess.Popen[str], returncode: int = 0) -> str:
    """Wait for a program and return what it printed; anything but the exit status is an error."""
    output, _ = process.communicate(timeout=600)
    assert process.returncode == returncode, f'{process.args!r}\n{output[-4000:]}'
    return output


def log_lines(work_dir: Path) -> list[dict[str, Any]]:
    """The lines that the latest run wrote while it trained."""
    latest = max(work_dir.glob('*/vis_data/2*.json'))
    lines = [json.loads(line) for line in latest.read_text().splitlines()]
    return [line for line in lines if 'epoch' in line]


def logged_metrics(work_dir: Path) -> dict[str, float]:
    """The metrics that the latest test run wrote."""
    latest = max(work_dir.glob('*/2*.json'))
    metrics = json.loads(latest.read_text().splitlines()[-1])
    return {name: value for name, value in metrics.items() if name.startswith('acc')}


def weights_of(checkpoint: Path) -> dict[str, Tensor]:
    """The model's weights in a checkpoint."""
    compat.allow_mmengine_checkpoints()
    return torch.load(checkpoint, weights_only=True)['state_dict']
