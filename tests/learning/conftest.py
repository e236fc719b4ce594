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
from tests.tiny_run import CLASSES, render
from video_clips.annotation_files import read_annotations
from video_clips.clip import Clip

CONFIG = """
_base_ = '{runtime}'
model = dict(
    type='Recognizer3D',
    backbone=dict(type='FrameEncoder', cnn='efficientnet_lite0', stage=2, pretrained=False),
    cls_head=dict(type='ClosedFormHead', num_classes=3, in_channels=24),
    data_preprocessor=dict(
        type='ActionDataPreprocessor', mean=[127.0] * 3, std=[128.0] * 3, format_shape='NCTHW'))
pipeline = [
    dict(type='OpenVideo'),
    dict(type='SampleClip', clip_len=4, frame_interval=3, out_of_bound='shrink_interval',
         test_mode=True),
    dict(type='DecodeFrames'), dict(type='Resize', scale=(32, 32), keep_ratio=False),
    dict(type='FormatShape', input_format='NCTHW'),
    dict(type='PackActionInputs',
         meta_keys=('filename', 'recording', 'start_seconds', 'end_seconds'))]
val_pipeline = pipeline
train_dataloader = dict(
    batch_size=4, num_workers=0, sampler=dict(type='DefaultSampler', shuffle=True),
    dataset=dict(
        type='LabeledVideoDataset', data_root='{data}', data_prefix=dict(video='videos'),
        ann_file='known.csv', classes={classes}, pipeline=pipeline))
val_dataloader = dict(
    train_dataloader, sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(train_dataloader['dataset'], ann_file='known.csv', test_mode=True))
test_dataloader = val_dataloader
test_cfg = dict(type='TestLoop')
val_evaluator = dict(type='AccMetric', metric_options=dict(top_k_accuracy=dict(topk=(1,))))
train_cfg = dict(type='ClosedFormTrainLoop', strengths=(0.1,), max_epochs=2, val_begin=9)
test_evaluator = val_evaluator
val_cfg = dict(type='ValLoop')
optim_wrapper = dict(optimizer=dict(type='SGD', lr=0.0))
default_hooks = dict(checkpoint=dict(type='CheckpointHook', interval=2, save_best=None))
detection = dict(clip_fps=6.0, hop_seconds=0.5, rules=dict(enter=0.5, leave=0.4, min_seconds=0.1))
randomness = dict(seed=0)
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
    text = CONFIG.format(
        runtime=Path(__file__).parents[2] / 'configs/_base_/default_runtime.py',
        data=folder / 'data',
        classes=CLASSES[:3],
    )
    (folder / 'config.py').write_text(text)
    config = Config.fromfile(folder / 'config.py')
    config.work_dir = str(folder / 'run')
    Runner.from_cfg(config).train()
    return yard


@pytest.fixture
def lineage(yard, tmp_path) -> Lineage:
    return start(tmp_path / 'lineage', yard.checkpoint, yard.exam, by='ann')
