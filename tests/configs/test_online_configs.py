"""Configs of online models: built, within the budget, ready for tools/detect.py."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.config import Config

from mmaction_timesformer.detection.detector import DangerDetector
from mmaction_timesformer.inference.online_model import build_online, make_picture_preparer

ROOT = Path(__file__).parents[2]
CONFIGS = sorted((ROOT / 'configs' / 'online').glob('*.py'))


@pytest.mark.parametrize('file', CONFIGS, ids=lambda file: file.stem)
def test_an_online_config_scores_pictures_as_they_come(file, tmp_path):
    config = Config.fromfile(file)
    torch.manual_seed(0)
    model = build_online(config).eval()
    assert sum(parameter.numel() for parameter in model.head.parameters()) <= 1_500_000
    picture = np.random.default_rng(0).integers(0, 256, (120, 160, 3), np.uint8)
    prepared = make_picture_preparer(config)(picture)
    assert prepared.shape == (1, 3, 80, 112)
    with torch.inference_mode():
        scores, _ = model.step(prepared.transpose(0, 1).float(), model.begin())
    torch.save({'state_dict': model.state_dict()}, tmp_path / 'model.pth')
    detector = DangerDetector.from_config(config, tmp_path / 'model.pth', anticipate=4.0)
    assert len(detector.classes) == scores.numel()
    assert list(detector.rules) == [
        'Track-Excavator', 'Bucket-Worker', 'Cabin-Worker',
        'Track-Excavator in 4 s', 'Bucket-Worker in 4 s', 'Cabin-Worker in 4 s',
    ]  # fmt: skip
    assert detector.settings.windows.hop_seconds == 0.25


def test_there_are_such_configs():
    assert len(CONFIGS) == 2
