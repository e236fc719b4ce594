"""Load any config of this project; make it small, and point it at example clips."""

import copy
import functools
from pathlib import Path
from typing import Any

from mmengine.config import Config

ROOT = Path(__file__).parents[2]
CLIP_LEN = 8
SIZE = 32
NUM_EXAMPLES = 3


def load(name: str) -> Config:
    """Load a config by its path below ``configs``; each is read from disk once."""
    return copy.deepcopy(_read(name))


@functools.cache
def _read(name: str) -> Config:
    return Config.fromfile(ROOT / 'configs' / name)


def shrink(cfg: Config, examples: Path) -> Config:
    """Make a config's model, clips and pictures tiny, and its data the example clips.

    Args:
        cfg: A loaded config, changed in place.
        examples: Folder that the fixture ``examples`` has filled.
    """
    _shrink_model(cfg.model)
    for loader in (cfg.train_dataloader, cfg.val_dataloader, cfg.test_dataloader):
        dataset = loader.dataset
        while 'dataset' in dataset:
            dataset = dataset.dataset
        is_frames = 'Rawframe' in dataset.type
        dataset.data_root = str(examples)
        dataset.ann_file = 'frames.txt' if is_frames else 'clips.txt'
        dataset.data_prefix = dict(img='') if is_frames else dict(video='')
        for step in dataset.pipeline:
            _shrink_step(step)
    return cfg


def _shrink_model(model: Any) -> None:
    backbone, head = model.backbone, model.cls_head
    if backbone.type not in ('FrameEncoder', 'PatchEncoder'):
        backbone.pretrained = None
    if 'test_views' in model:
        model.update(train_views=[(2, 4), (4, 2), (8, 1)], test_views=[(4, 1), (4, 2)])
    if backbone.type == 'TimeSformerBackbone':
        backbone.update(
            embed_dims=16,
            num_heads=2,
            num_transformer_layers=2,
            img_size=SIZE,
            patch_size=16,
            num_frames=CLIP_LEN,
        )
        head.in_channels = 16
    elif backbone.type == 'FrameEncoder':
        backbone.update(stage=1, pretrained=False)
        head.in_channels = 16
    elif backbone.type == 'PatchEncoder':
        backbone.num_entries = head.in_channels = 16
    elif backbone.type == 'ResNet3d':
        backbone.base_channels = 8
        head.in_channels = 8 * 32
    elif backbone.type == 'ResNet3dSlowFast':
        backbone.slow_pathway.base_channels = 8
        backbone.fast_pathway.base_channels = 1
        head.in_channels = 8 * 32 + 32
    else:
        raise ValueError(f'say here how a {backbone.type} becomes small')


def _shrink_step(step: Any) -> None:
    if 'clip_len' in step:
        step.clip_len = CLIP_LEN
    if 'frame_interval' in step:
        step.frame_interval = 1
    if step.type == 'Resize':
        step.scale = (-1, SIZE) if step.get('keep_ratio', True) else (SIZE, SIZE)
    elif step.type == 'RandomRescale':
        step.scale_range = (SIZE, SIZE + 8)
    elif step.type == 'RandomCrop':
        step.size = SIZE
    elif step.type in ('CenterCrop', 'ThreeCrop'):
        step.crop_size = SIZE
