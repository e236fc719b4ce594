"""A small trained model with a closed-form head, clips to learn from, and an exam."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import pytest
from mmengine.config import Config
from mmengine.runner import Runner

from mmaction_timesformer.learning.corrections import Corrections
from mmaction_timesformer.learning.lineage import Lineage
from mmaction_timesformer.learning.steps import start
from tests.closed_form_run import write_config
from tests.made_once import made_once
from tests.tiny_run import CLASSES
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


def read_yard(folder: Path) -> Yard:
    """The clips below a folder, and where the model is."""

    def clips(split: str) -> list[Clip]:
        found = read_annotations(folder / 'data' / f'{split}.csv', CLASSES)
        return [replace(c, path=str(folder / 'data' / 'videos' / c.path)) for c in found]

    train, known_recordings = clips('train'), [f'rec{number:03d}' for number in range(4)]
    known = [c for c in train if c.recording in known_recordings and c.label != 3]
    new = [c for c in train if c not in known]
    parts = (Corrections.of(some, CLASSES) for some in (known, new, clips('test')))
    return Yard(folder, folder / 'run' / 'epoch_2.pth', *parts)


def make_yard(videos: Path, folder: Path) -> None:
    """Copy the clips and train the model."""
    shutil.copytree(videos, folder / 'data')
    known = Corrections.of(read_yard(folder).known.clips, CLASSES[:3])
    known.write(folder / 'data' / 'known.csv')
    config = Config.fromfile(write_config(folder, CLASSES[:3], 'known.csv', 'known.csv', MORE))
    config.work_dir = str(folder / 'run')
    Runner.from_cfg(config).train()


@pytest.fixture(scope='session')
def yard(tmp_path_factory: pytest.TempPathFactory, tiny_videos: Path) -> Yard:
    return read_yard(made_once(tmp_path_factory, 'learning', partial(make_yard, tiny_videos)))


@pytest.fixture
def lineage(yard, tmp_path) -> Lineage:
    return start(tmp_path / 'lineage', yard.checkpoint, yard.exam, by='ann')
