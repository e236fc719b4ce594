"""A data set of seconds and a model of grains, to run whole programs on."""

from pathlib import Path
from textwrap import dedent

import av
import numpy as np
import pytest

CLASSES = ('Track-Excavator', 'Bucket-Worker', 'Cabin-Worker', 'Other')


def write_video(path: Path, label: int, seed: int) -> None:
    """Write two seconds of noise with a square that moves up, down, left or right."""
    generator = np.random.default_rng(seed)
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), 'w') as container:
        stream = container.add_stream('libx264', rate=8)
        stream.width, stream.height, stream.pix_fmt = 48, 48, 'yuv420p'
        for step in range(16):
            picture = generator.integers(0, 60, (48, 48, 3), dtype=np.uint8)
            along, across = 2 * step, 16
            top, left = [(along, across), (32 - along, across), (across, along)][label % 3]
            picture[top : top + 16, left : left + 16] = 220 if label < 3 else 120
            frame = av.VideoFrame.from_ndarray(picture, format='rgb24')
            container.mux(stream.encode(frame))
        container.mux(stream.encode())


@pytest.fixture(scope='session')
def videos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve clips to train on and seven to test, in a folder whose name has a space."""
    folder = tmp_path_factory.mktemp('data') / 'tiny yard'
    for subset, count in (('train', 12), ('val', 7)):
        lines = []
        for index in range(count):
            label = index % 4
            path = f'{CLASSES[label]}/{subset} {index}.mp4'
            write_video(folder / path, label, seed=index + 100 * (subset == 'val'))
            lines.append(f'{path} {label}\n')
        (folder / f'{subset}.txt').write_text(''.join(lines))
    return folder


@pytest.fixture(scope='session')
def tiny_config(root: Path, videos: Path) -> Path:
    """A config that trains for three epochs of three iterations."""
    config = videos / 'tiny config.py'
    config.write_text(
        dedent(f"""
        _base_ = '{root}/configs/_base_/default_runtime.py'
        data_root = '{videos}/'
        default_hooks = dict(logger=dict(interval=1))
        model = dict(
            type='Recognizer3D',
            backbone=dict(type='TimeSformerBackbone', num_frames=4, img_size=32, patch_size=16,
                          embed_dims=32, num_heads=2, num_transformer_layers=2,
                          drop_path_rate=0.2),
            cls_head=dict(type='TimeSformerClsHead', num_classes=4, in_channels=32,
                          average_clips='prob'),
            data_preprocessor=dict(type='ActionDataPreprocessor', mean=[114.75] * 3,
                                   std=[57.375] * 3, format_shape='NCTHW'))
        train_pipeline = [
            dict(type='OpenVideo'),
            dict(type='SampleClip', clip_len=4, frame_interval=4),
            dict(type='DecodeFrames'),
            dict(type='RandomResizedCrop', area_range=(0.5, 1.0)),
            dict(type='Resize', scale=(32, 32), keep_ratio=False),
            dict(type='Flip', flip_ratio=0.5),
            dict(type='FormatShape', input_format='NCTHW'),
            dict(type='PackActionInputs')]
        val_pipeline = [
            dict(type='OpenVideo'),
            dict(type='SampleClip', clip_len=4, frame_interval=4, test_mode=True),
            dict(type='DecodeFrames'),
            dict(type='Resize', scale=(32, 32), keep_ratio=False),
            dict(type='FormatShape', input_format='NCTHW'),
            dict(type='PackActionInputs')]
        train_dataloader = dict(
            batch_size=4, num_workers=0, sampler=dict(type='DefaultSampler', shuffle=True),
            dataset=dict(type='RailwayYardDataset', data_root=data_root, ann_file='train.txt',
                         data_prefix=dict(video=''), pipeline=train_pipeline))
        val_dataloader = dict(
            batch_size=2, num_workers=0, sampler=dict(type='DefaultSampler', shuffle=False),
            dataset=dict(type='RailwayYardDataset', data_root=data_root, ann_file='val.txt',
                         data_prefix=dict(video=''), pipeline=val_pipeline, test_mode=True))
        test_pipeline = val_pipeline
        test_dataloader = val_dataloader
        val_evaluator = dict(type='AccMetric')
        test_evaluator = val_evaluator
        train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=3)
        val_cfg = dict(type='ValLoop')
        test_cfg = dict(type='TestLoop')
        optim_wrapper = dict(optimizer=dict(type='SGD', lr=0.05, momentum=0.9),
                             clip_grad=dict(max_norm=40))
        param_scheduler = [
            dict(type='LinearLR', start_factor=0.1, end=1, convert_to_iter_based=True),
            dict(type='CosineAnnealingLR', T_max=3, convert_to_iter_based=True)]
        """)
    )
    return config
