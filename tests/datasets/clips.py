"""A small folder of rendered clips: what the tests of datasets and transforms read."""

from pathlib import Path
from typing import Any

from tests.data_analysis.rendering import render_video

CLASSES = ('Track-Excavator', 'Bucket-Worker', 'Cabin-Worker', 'Other')

DECODE = [
    {'type': 'OpenVideo'},
    {'type': 'SampleClip', 'clip_len': 4, 'frame_interval': 2, 'test_mode': True},
    {'type': 'DecodeFrames'},
]
"""Reads four frames of a clip, two apart, from its middle."""

PACK = [
    {'type': 'FormatShape', 'input_format': 'NCTHW'},
    {'type': 'PackActionInputs', 'meta_keys': ('img_shape', 'filename', 'recording')},
]


def render_clips(folder: Path) -> Path:
    """Write four good clips, one with a space in its path, and three that cannot be read."""
    for number, name in enumerate(['a.mp4', 'b.mp4', 'with space/c.mp4', 'd.mkv']):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        render_video(folder / name, 12 + number)
    (folder / 'empty.mp4').touch()
    (folder / 'text.mp4').write_text('no video')
    return folder


def write_list(folder: Path, text: str, name: str = 'list.txt') -> str:
    """Write an annotation file and return its name."""
    (folder / name).write_text(text)
    return name


def make(dataset_class: type, folder: Path, ann_file: str, **options: Any) -> Any:
    """A dataset over the folder, with the pipeline above unless another is given."""
    options.setdefault('pipeline', [*DECODE, *PACK])
    # Serializing collects garbage, which takes longer than all the rest.
    options.setdefault('serialize_data', False)
    return dataset_class(ann_file=ann_file, data_root=str(folder), **options)
