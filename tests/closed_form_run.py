"""Config of a small model with a closed-form head, on the videos of `tiny_run.render`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

CONFIG = """
_base_ = '{runtime}'
model = dict(
    type='Recognizer3D',
    backbone=dict(type='FrameEncoder', cnn='efficientnet_lite0', stage=2, pretrained=False),
    cls_head=dict(type='ClosedFormHead', num_classes={num_classes}, in_channels=24),
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
train_dataloader = dict(
    batch_size=4, num_workers=0, sampler=dict(type='DefaultSampler', shuffle=True),
    dataset=dict(
        type='LabeledVideoDataset', data_root='{data}', data_prefix=dict(video='videos'),
        ann_file='{train}', classes={classes}, pipeline=pipeline))
val_dataloader = dict(
    train_dataloader, sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(train_dataloader['dataset'], ann_file='{val}', test_mode=True))
val_evaluator = dict(type='AccMetric', metric_options=dict(top_k_accuracy=dict(topk=(1,))))
train_cfg = dict(type='ClosedFormTrainLoop', strengths=(0.1,))
val_cfg = dict(type='ValLoop')
optim_wrapper = dict(optimizer=dict(type='SGD', lr=0.0))
default_hooks = dict(checkpoint=dict(type='CheckpointHook', interval=1, save_best=None))
randomness = dict(seed=0)
{more}
"""


def write_config(
    folder: Path, classes: Sequence[str], train: str, val: str, more: str = ''
) -> Path:
    """Write ``config.py`` beside the folder ``data``.

    Args:
        folder: Where to.
        classes: Names.
        train: Annotations in ``data`` to train on.
        val: Annotations in ``data`` to validate on.
        more: Further lines of the config.
    """
    runtime = Path(__file__).parents[1] / 'configs/_base_/default_runtime.py'
    file = folder / 'config.py'
    file.write_text(
        CONFIG.format(
            runtime=runtime,
            data=folder / 'data',
            classes=tuple(classes),
            num_classes=len(classes),
            train=train,
            val=val,
            more=more,
        )
    )
    return file
