"""A whole run in seconds: small videos of four classes, a config, training, a test with a dump.

A coloured square moves over grey noise; its colour is the class. Recordings differ in light. Few
clips and a short training leave mistakes to look at.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
from mmengine.config import Config
from mmengine.runner import Runner

from mmaction_timesformer.engine.launch import EvaluationOptions, run_test
from video_clips.annotation_files import write_annotations
from video_clips.clip import Clip
from video_clips.writing import write_video

CLASSES = ('red', 'green', 'blue', 'yellow')
COLOURS = np.array([[230, 50, 50], [60, 200, 70], [60, 90, 230], [220, 200, 60]])
WIDTH, HEIGHT, NUM_FRAMES, FPS, SIDE = 64, 48, 12, 6, 20
NUM_RECORDINGS = {'train': 8, 'val': 4, 'test': 4}


def make_run(videos: Path, folder: Path) -> Path:
    """Make everything below a folder, with a copy of what was rendered.

    Returns:
        The work folder, ``folder / 'run'``, with ``test.pkl`` in it; the config is
        ``folder / 'config.py'``.
    """
    shutil.copytree(videos, folder / 'data')
    config = write_config(folder, epochs=8, scheme='divided_space_time')
    work_dir = folder / 'run'
    cfg = Config.fromfile(config)
    cfg.work_dir = str(work_dir)
    Runner.from_cfg(cfg).train()
    (checkpoint,) = work_dir.glob('best_*.pth')
    run_test(
        str(config),
        str(checkpoint),
        EvaluationOptions(str(work_dir), dump=str(work_dir / 'test.pkl')),
    )
    return work_dir


def render(root: Path) -> None:
    """Videos in a folder per class, and annotations with recordings."""
    generator = np.random.default_rng(0)
    recording = 0
    for split, num_recordings in NUM_RECORDINGS.items():
        clips = []
        for _ in range(num_recordings):
            light = generator.uniform(0.35, 1.0)
            for label, name in enumerate(CLASSES):
                for number in range(2):
                    path = f'{name}/rec{recording:03d} clip{number}.mp4'
                    frames = _pictures(generator, COLOURS[label], light)
                    write_video(root / 'videos' / path, frames, FPS)
                    clips.append(Clip(path, label, f'rec{recording:03d}'))
            recording += 1
        write_annotations(root / f'{split}.csv', clips, CLASSES)


def _pictures(generator: np.random.Generator, colour: np.ndarray, light: float) -> list[np.ndarray]:
    grey = generator.uniform(40, 180, size=(HEIGHT // 8, WIDTH // 8, 1)).repeat(3, axis=2)
    ground = grey.repeat(8, axis=0).repeat(8, axis=1)
    place = generator.uniform(0, (HEIGHT - SIDE, WIDTH - SIDE))
    step = generator.uniform(-3, 3, size=2)
    # Some squares are pale, so that not all clips are easy.
    strength = generator.uniform(0.25, 1.0)
    pictures = []
    for _ in range(NUM_FRAMES):
        picture = ground.copy()
        row, column = place.round().astype(int)
        square = picture[row : row + SIDE, column : column + SIDE]
        square[:] = (1 - strength) * square + strength * colour
        noise = generator.normal(scale=6, size=picture.shape)
        pictures.append((light * picture + noise).clip(0, 255).astype(np.uint8))
        place = (place + step) % (HEIGHT - SIDE, WIDTH - SIDE)
    return pictures


def write_config(folder: Path, epochs: int, scheme: str) -> Path:
    """The config of the run."""
    root = Path(__file__).parents[1]
    config = folder / 'config.py'
    config.write_text(
        CONFIG.format(
            runtime=root / 'configs/_base_/default_runtime.py',
            data=folder / 'data',
            classes=CLASSES,
            epochs=epochs,
            scheme=scheme,
        )
    )
    return config


CONFIG = """
_base_ = '{runtime}'
model = dict(
    type='Recognizer3D',
    backbone=dict(
        type='TimeSformerBackbone', num_frames=4, img_size=32, patch_size=8, embed_dims=48,
        num_heads=4, num_transformer_layers=2, attention_type='{scheme}', drop_path_rate=0.0),
    cls_head=dict(type='TimeSformerClsHead', num_classes=4, in_channels=48),
    data_preprocessor=dict(
        type='ActionDataPreprocessor', mean=[127.5] * 3, std=[127.5] * 3, format_shape='NCTHW'))
meta_keys = ('filename', 'recording', 'start_seconds', 'end_seconds')
sample = dict(type='SampleClip', clip_len=4, frame_interval=3, out_of_bound='shrink_interval')
train_pipeline = [
    dict(type='OpenVideo'), sample, dict(type='DecodeFrames'), dict(type='Resize', scale=(-1, 32)),
    dict(type='CenterCrop', crop_size=32), dict(type='Flip', flip_ratio=0.5),
    dict(type='FormatShape', input_format='NCTHW'), dict(type='PackActionInputs')]
val_pipeline = [
    dict(type='OpenVideo'), dict(sample, test_mode=True), dict(type='DecodeFrames'),
    dict(type='Resize', scale=(-1, 32)), dict(type='CenterCrop', crop_size=32),
    dict(type='FormatShape', input_format='NCTHW'),
    dict(type='PackActionInputs', meta_keys=meta_keys)]
test_pipeline = [
    dict(type='OpenVideo'), dict(sample, test_mode=True), dict(type='DecodeFrames'),
    dict(type='Resize', scale=(-1, 32)), dict(type='ThreeCrop', crop_size=32),
    dict(type='FormatShape', input_format='NCTHW'),
    dict(type='PackActionInputs', meta_keys=meta_keys)]
dataset = dict(
    type='LabeledVideoDataset', data_root='{data}', data_prefix=dict(video='videos'),
    classes={classes})
loader = dict(batch_size=8, num_workers=0, sampler=dict(type='DefaultSampler', shuffle=False))
train_dataloader = dict(
    loader, sampler=dict(type='DefaultSampler', shuffle=True),
    dataset=dict(dataset, ann_file='train.csv', pipeline=train_pipeline))
val_dataloader = dict(
    loader, dataset=dict(dataset, ann_file='val.csv', pipeline=val_pipeline, test_mode=True))
test_dataloader = dict(
    loader, dataset=dict(dataset, ann_file='test.csv', pipeline=test_pipeline, test_mode=True))
accuracy = dict(type='AccMetric', metric_options=dict(top_k_accuracy=dict(topk=(1,))))
val_evaluator = [accuracy, dict(type='ClassificationMetric', num_resamples=200)]
test_evaluator = val_evaluator
train_cfg = dict(type='EpochBasedTrainLoop', max_epochs={epochs}, val_interval=1)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')
optim_wrapper = dict(optimizer=dict(type='AdamW', lr=1e-3))
default_hooks = dict(
    checkpoint=dict(type='CheckpointHook', interval=2, max_keep_ckpts=1, save_best='cls/top1'),
    logger=dict(type='LoggerHook', interval=4),
    temperature=dict(type='TemperatureHook'),
    record=dict(type='RunRecordHook'))
randomness = dict(seed=0)
"""
