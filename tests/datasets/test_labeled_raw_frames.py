"""Folders of images: mmaction2's items and reader, our checks and guarantees."""

import re

import cv2
import pytest

from mmaction_timesformer.datasets import LabeledRawframeDataset
from mmaction_timesformer.registry import DATASETS
from tests.data_analysis.rendering import number_in, picture_of
from tests.datasets.clips import CLASSES, PACK, make, write_list
from video_clips.reading.video import VideoError

PIPELINE = [
    {'type': 'SampleClip', 'clip_len': 4, 'frame_interval': 2, 'test_mode': True},
    {'type': 'RawFrameDecode'},
    *PACK,
]


@pytest.fixture
def frames(tmp_path):
    """Folders 'clip 1' (12 images) and 'clip2' (5); image 1 shows the number 1."""
    for name, num_frames in (('clip 1', 12), ('clip2', 5)):
        (tmp_path / name).mkdir()
        for number in range(1, num_frames + 1):
            cv2.imwrite(str(tmp_path / name / f'img_{number:05}.jpg'), picture_of(number))
    return tmp_path


def numbers(data):
    return [number_in(picture) for picture in data['inputs'][0].permute(1, 2, 3, 0).numpy()]


def test_frames_of_each_folder(frames):
    ann_file = write_list(frames, 'clip 1 12 3\nclip2 5 Track-Excavator\n')
    dataset = make(
        LabeledRawframeDataset, frames, ann_file, pipeline=PIPELINE, classes=CLASSES, test_mode=True
    )
    assert numbers(dataset[0]) == [3, 5, 7, 9]  # room for starts 0 to 5: the third image
    assert numbers(dataset[1]) == [1, 3, 5, 5]
    assert [dataset.get_cat_ids(i) for i in range(2)] == [[3], [0]]
    assert dataset[0]['data_samples'].gt_label.tolist() == [3]


def test_items_are_those_of_mmaction2(frames):
    write_list(frames, 'x/clip1 4 12 3\nclip2 0 5 0\n')
    options = {
        'ann_file': 'list.txt',
        'data_root': str(frames),
        'data_prefix': {'img': 'images'},
        'pipeline': [],
        'with_offset': True,
    }
    theirs = DATASETS.build({'type': 'RawframeDataset', **options})
    ours = DATASETS.build({'type': 'LabeledRawframeDataset', 'classes': CLASSES, **options})
    assert [ours[i] for i in range(2)] == [theirs[i] for i in range(2)]


def test_offsets_and_seconds(frames):
    """From the fifth image on, steps of 0.2 s at 10 images a second."""
    ann_file = write_list(frames, 'clip 1 4 7 1\n')
    sampling = {'type': 'SampleClip', 'clip_len': 3, 'span_seconds': 0.6, 'test_mode': True}
    dataset = make(
        LabeledRawframeDataset,
        frames,
        ann_file,
        pipeline=[sampling, *PIPELINE[1:]],
        classes=CLASSES,
        with_offset=True,
        fps=10,
        test_mode=True,
    )
    assert numbers(dataset[0]) == [6, 8, 10]


def test_labels_are_checked(frames):
    ann_file = write_list(frames, 'clip2 5 4\n')
    with pytest.raises(ValueError, match=r'line 1: label 4 is outside the classes'):
        make(LabeledRawframeDataset, frames, ann_file, classes=CLASSES)


@pytest.mark.parametrize('damage', ['missing', 'empty', 'broken'])
def test_a_broken_folder_is_named_or_replaced(frames, damage):
    image = frames / 'clip2' / 'img_00003.jpg'
    if damage == 'missing':
        image.unlink()
    else:
        image.write_bytes(b'' if damage == 'empty' else b'\xff\xd8 no picture')
    ann_file = write_list(frames, 'clip2 5 0\nclip 1 12 3\n')
    options = {'pipeline': PIPELINE, 'classes': CLASSES}
    dataset = make(LabeledRawframeDataset, frames, ann_file, **options)
    assert dataset[0]['data_samples'].gt_label.item() == 3
    assert dataset.unreadable.num_clips == 1
    dataset = make(LabeledRawframeDataset, frames, ann_file, test_mode=True, **options)
    with pytest.raises(VideoError, match=re.escape(f'{frames}/clip2: ')):
        dataset[0]
