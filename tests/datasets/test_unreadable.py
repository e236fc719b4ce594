"""Clips that cannot be read never end an epoch: named, or replaced, logged once and counted."""

import re

import cv2
import pytest
from mmengine.logging import MMLogger
from torch.utils.data import DataLoader

from mmaction_timesformer.datasets import RailwayYardDataset
from mmaction_timesformer.datasets.unreadable import why_unreadable
from tests.datasets.clips import DECODE, PACK, make, write_list
from video_clips.reading.video import Video, VideoError

MIXED = 'empty.mp4 0\na.mp4 1\ntext.mp4 2\nmissing.mp4 3\nb.mp4 1\nd.mkv 1\n'
BAD = {'empty.mp4': 'the file is empty', 'text.mp4': 'cannot be', 'missing.mp4': 'no such file'}


@pytest.mark.parametrize('num_workers', [0, 2])
def test_training_takes_others_logs_each_once_and_counts(clips, tmp_path, num_workers):
    dataset = make(RailwayYardDataset, clips, write_list(clips, MIXED))
    logger = MMLogger.get_instance(f'{tmp_path.name}', log_file=str(tmp_path / 'run.log'))
    loader = DataLoader(
        dataset,
        batch_size=None,
        num_workers=num_workers,
        persistent_workers=num_workers > 0,
        shuffle=True,
    )
    for _ in range(3):
        labels = [data['data_samples'].gt_label.item() for data in loader]
        assert labels == [1] * 6
    assert dataset.unreadable.num_clips == 3
    assert dataset.unreadable.num_times >= 9
    text = (tmp_path / 'run.log').read_text()
    for name, reason in BAD.items():
        assert len(re.findall(rf'{re.escape(name)}: {reason}', text)) == 1
    assert '3 of 6 clips could not be read so far' in text
    logger.handlers.clear()


@pytest.mark.parametrize('name', BAD)
def test_testing_raises_with_file_and_reason(clips, name):
    dataset = make(RailwayYardDataset, clips, write_list(clips, f'{name} 0\n'), test_mode=True)
    with pytest.raises(VideoError, match=f'{re.escape(name)}: {BAD[name]}'):
        dataset[0]


def test_the_error_of_a_worker_process_keeps_its_kind(clips):
    dataset = make(RailwayYardDataset, clips, write_list(clips, 'empty.mp4 0\n'), test_mode=True)
    with pytest.raises(VideoError, match=r'empty\.mp4: the file is empty'):
        next(iter(DataLoader(dataset, batch_size=None, num_workers=1)))


def test_either_can_be_asked_for(clips):
    ann_file = write_list(clips, MIXED)
    with pytest.raises(VideoError, match=r'empty\.mp4'):
        make(RailwayYardDataset, clips, ann_file, on_error='raise')[0]
    dataset = make(RailwayYardDataset, clips, ann_file, on_error='skip', test_mode=True)
    assert dataset[0]['data_samples'].gt_label.item() == 1


def test_it_gives_up_where_nothing_can_be_read(clips):
    ann_file = write_list(clips, 'x.mp4 0\ny.mp4 1\n')
    dataset = make(RailwayYardDataset, clips, ann_file, max_refetch=5)
    message = (
        r'list\.txt: 6 clips in a row cannot be read .* are data_root and data_prefix .* right'
    )
    with pytest.raises(VideoError, match=message):
        dataset[0]


def test_damage_that_only_decoding_finds(clips, tmp_path):
    data = bytearray((clips / 'a.mp4').read_bytes())
    start = data.index(b'mdat') + 4
    data[start : start + 4] = b'\xff' * 4
    (tmp_path / 'damaged.mp4').write_bytes(data)
    dataset = make(
        RailwayYardDataset, tmp_path, write_list(tmp_path, 'damaged.mp4 0\n'), test_mode=True
    )
    with pytest.raises(VideoError, match=r'damaged\.mp4: decoding fails after 0 of 12 frames'):
        dataset[0]


@pytest.mark.parametrize('name', BAD)
def test_decord_is_guarded_too(clips, name):
    pipeline = [{'type': 'DecordInit'}, DECODE[1], {'type': 'DecordDecode'}, *PACK]
    ann_file = write_list(clips, f'{name} 0\na.mp4 1\n')
    dataset = make(RailwayYardDataset, clips, ann_file, pipeline=pipeline)
    assert dataset[0]['data_samples'].gt_label.item() == 1
    dataset.on_error = 'raise'
    with pytest.raises(VideoError, match=re.escape(name)):
        dataset[0]


@pytest.mark.parametrize(
    ('pipeline', 'error', 'message'),
    [
        ([DECODE[0], DECODE[2]], KeyError, 'frame_inds'),
        ([*DECODE, PACK[0], {'type': 'Flip', 'flip_ratio': 1.0}, PACK[1]], cv2.error, 'flip'),
        ([*DECODE, {'type': 'Resize', 'scale': (0, 0)}, *PACK], cv2.error, 'resize'),
    ],
    ids=['no sampler', 'flip of a tensor', 'resize to nothing'],
)
def test_mistakes_of_a_config_are_not_taken_for_damage(clips, pipeline, error, message):
    dataset = make(RailwayYardDataset, clips, write_list(clips, 'a.mp4 0\n'), pipeline=pipeline)
    with pytest.raises(error, match=message):
        dataset[0]


def test_reasons():
    missing = FileNotFoundError(2, 'No such file or directory', 'img_00003.jpg')
    reason = 'clip: No such file or directory (img_00003.jpg)'
    assert str(why_unreadable(missing, 'clip')) == reason
    assert why_unreadable(ValueError('a mistake'), 'clip') is None
    error = VideoError('a.mp4', 'is empty')
    assert why_unreadable(error, 'clip') is error


@pytest.mark.parametrize('num_workers', [0, 2])
def test_damaged_frames_are_logged_once_and_counted(clips, tmp_path, monkeypatch, num_workers):
    decode = Video.pictures

    def damage(video, *arguments):
        video.num_damaged_frames += 2 * video.path.endswith('b.mp4')
        return decode(video, *arguments)

    monkeypatch.setattr(Video, 'pictures', damage)
    dataset = make(RailwayYardDataset, clips, write_list(clips, 'a.mp4 1\nb.mp4 1\n'))
    logger = MMLogger.get_instance(f'{tmp_path.name}', log_file=str(tmp_path / 'run.log'))
    loader = DataLoader(dataset, batch_size=None, num_workers=num_workers)
    for _ in range(2):
        assert len(list(loader)) == 2
    assert dataset.unreadable.num_damaged == 1
    text = (tmp_path / 'run.log').read_text()
    assert text.count('b.mp4: the decoder marks 2 frames as damaged') == 1
    assert '1 of 2 clips have such frames so far' in text
    logger.handlers.clear()
