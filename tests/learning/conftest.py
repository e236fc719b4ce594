"""A small trained model with a closed-form head, clips to learn from, and an exam."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from mmengine.config import Config
from mmengine.runner import Runner

from mmaction_timesformer.learning.corrections import Corrections
from mmaction_timesformer.learning.lineage import Lineage
from mmaction_timesformer.learning.steps import start
from tests.closed_form_run import write_config
from tests.tiny_run import CLASSES, render
from video_clips.annotation_files import read_annotations
from video_clips.clip import Clip

MORE = """
train_cfg = dict(train_cfg, max_epochs=2, val_begin=9)
default_hooks = dict(checkpoint=dict(type='CheckpointHook', interval=2, save_best=None))
val_pipeline = pipeline
test_dataloader = val_dataloader
test_cfg = dict(type='TestLoop')
test_evaluator = val_evaluator
detection = dict(clip_fps=6.0, hop_seconds=0.5, rules=dict(enter=0.5, leave=0.4, min_seconds=0.1))
"""


@dataclass(frozen=True)
class Yard:
    """Clips and a model that tests learn from.

    Attributes:
        folder: Of all.
        checkpoint: A model of the first three classes, which saw half the recordings.
        known: The clips that it saw.
        new: Clips of the other recordings, and of the fourth class.
        exam: Clips of recordings that nobody learns from.
    """

    folder: Path
    checkpoint: Path
    known: Corrections
    new: Corrections
    exam: Corrections


@pytest.fixture(scope='session')
def yard(tmp_path_factory) -> Yard:
    folder = tmp_path_factory.mktemp('learning')
    render(folder / 'data')

    def clips(split: str) -> list[Clip]:
        found = read_annotations(folder / 'data' / f'{split}.csv', CLASSES)
        return [replace(c, path=str(folder / 'data' / 'videos' / c.path)) for c in found]

    train, known_recordings = clips('train'), [f'rec{number:03d}' for number in range(4)]
    known = [c for c in train if c.recording in known_recordings and c.label != 3]
    new = [c for c in train if c not in known]
    parts = (Corrections.of(some, CLASSES) for some in (known, new, clips('test')))
    yard = Yard(folder, folder / 'run' / 'epoch_2.pth', *parts)
    Corrections.of(known, CLASSES[:3]).write(folder / 'data' / 'known.csv')
    config = Config.fromfile(write_config(folder, CLASSES[:3], 'known.csv', 'known.csv', MORE))
    config.work_dir = str(folder / 'run')
    Runner.from_cfg(config).train()
    return yard


@pytest.fixture
def lineage(yard, tmp_path) -> Lineage:
    return start(tmp_path / 'lineage', yard.checkpoint, yard.exam, by='ann')
