"""Tiny models of every scheme, and what was exported of them."""

from pathlib import Path

import pytest
import torch
from mmengine.config import Config

from mmaction_timesformer.inference.exporting.export import export
from mmaction_timesformer.registry import MODELS
from tests.made_once import made_once

CLASSES = ('Track-Excavator', 'Bucket-Worker', 'Cabin-Worker', 'Other')
NORMALISED = dict(
    type='ActionDataPreprocessor',
    mean=[127.5, 120.0, 110.0],
    std=[57.5, 60.0, 65.0],
    format_shape='NCTHW',
)


def make_config(scheme: str, **preprocessor: object) -> Config:
    steps = [
        dict(type='OpenVideo'),
        dict(type='SampleClip', clip_len=4, frame_interval=8, out_of_bound='shrink_interval'),
        dict(type='DecodeFrames'),
        dict(type='Resize', scale=(-1, 32)),
        dict(type='CenterCrop', crop_size=32),
        dict(type='FormatShape', input_format='NCTHW'),
        dict(type='PackActionInputs'),
    ]
    backbone = dict(
        type='TimeSformerBackbone',
        num_frames=4,
        img_size=32,
        patch_size=16,
        embed_dims=32,
        num_heads=2,
        # Tracing takes its time: the quickest scheme shows that there may be several blocks.
        num_transformer_layers=2 if scheme == 'joint_space_time' else 1,
        attention_type=scheme,
    )
    return Config(
        dict(
            default_scope='mmaction',
            model=dict(
                type='Recognizer3D',
                backbone=backbone,
                cls_head=dict(
                    type='TimeSformerClsHead', num_classes=4, in_channels=32, init_std=1.0
                ),
                data_preprocessor=preprocessor or NORMALISED,
            ),
            val_pipeline=steps,
            test_dataloader=dict(dataset=dict(type='RailwayYardDataset')),
            detection=dict(hop_seconds=0.32, dtype='float32', rules=dict(enter=0.5, leave=0.4)),
        )
    )


def make_checkpoint(config: Config, path: Path, temperature: float = 1.7) -> Path:
    """Random weights, with extra linear layers that are no zeros, and a temperature."""
    torch.manual_seed(0)
    model = MODELS.build(config.model.to_dict())
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.15)
    model.cls_head.temperature.set(temperature)
    torch.save({'state_dict': model.state_dict(), 'meta': {}}, path)
    return path


@pytest.fixture(scope='session')
def exported(tmp_path_factory: pytest.TempPathFactory):
    """Config, checkpoint and ONNX file of a scheme, made once."""

    def make(scheme: str = 'joint_space_time') -> tuple[Config, Path, Path]:
        # One scheme sees motion in place of colours, which has a median to translate.
        preprocessor = dict(type='MotionDataPreprocessor') if scheme == 'space_only' else {}
        config = make_config(scheme, **preprocessor)

        def write(folder: Path) -> None:
            export(config, make_checkpoint(config, folder / 'tiny.pth'), folder / 'tiny.onnx')

        folder = made_once(tmp_path_factory, f'exported {scheme}', write)
        return config, folder / 'tiny.pth', folder / 'tiny.onnx'

    return make
