"""Strangers' files with faults, each with its right values."""

import numpy as np
import pytest

from tests.data_analysis.rendering import (
    plain_decode,
)
from video_clips.reading.video import open_video


@pytest.mark.parametrize(
    ('name', 'num_frames', 'fps', 'size', 'first', 'last'),
    [
        ('avi_mpeg4_mp3.avi', 100, 25, (320, 240), 0, 4.0),
        ('avi_dropped_frames.avi', 81, 80 / 3.96, (320, 240), 0, 3.96),
        ('avi_dropped_frames_bframes.avi', 81, 80 / 3.96, (320, 240), 0, 3.96),
        ('mpeg4_aac.mp4', 50, 25, (160, 120), 0, 1.96),
        ('h264_stsd_0x0.mp4', 100, 25, (320, 240), 0, 3.96),
        ('h264_stsd_240x320.mp4', 100, 25, (320, 240), 0, 3.96),
        ('video_starts_at_2.5s.mp4', 100, 25, (320, 240), 2.5, 6.46),
        ('audio_longer.mkv', 100, 25, (320, 240), 0.023, 3.983),
        ('raw_10fps.h264', 60, 10, (320, 240), 0, 5.9),
        ('matrix_hflip.mp4', 25, 25, (320, 240), 0, 0.96),
        ('matrix_zero.mp4', 25, 25, (320, 240), 0, 0.96),
        ('pid_change.ts', 400, 25, (320, 240), 0, 15.96),
        ('vp8_altref.webm', 150, 25, (320, 240), 0, 5.96),
        ('sar_1_2_704x288.mp4', 50, 25, (352, 288), 0, 1.96),
        ('interlaced_tff.mp4', 50, 25, (320, 240), 0, 1.96),
        ('one_frame.mp4', 1, 25, (320, 240), 0, 0),
        ('hole_of_8s.mp4', 150, 25, (320, 240), 0, 13.96),
    ],
)
def test_files_with_faults(real_videos, name, num_frames, fps, size, first, last):
    with open_video(real_videos / 'faults' / name) as video:
        assert (video.num_frames, video.size) == (num_frames, size)
        assert video.fps == pytest.approx(fps, rel=1e-6)
        assert video.seconds[[0, -1]] == pytest.approx([first, last])
        assert len(video.decode([num_frames - 1, num_frames // 2])) == 2


@pytest.mark.parametrize('name', ['mpeg4_no_stss.mp4', 'vp8_altref.webm', 'h264_stsd_240x320.mp4'])
def test_their_pictures_are_those_of_a_sequential_decode(real_videos, name):
    path = real_videos / 'faults' / name
    expected = plain_decode(path, only=(6, 18, 31))
    for frame in (31, 6, 18):
        with open_video(path) as video:
            assert np.array_equal(video.decode([frame])[0], expected[frame])


def test_damaged_frames_are_counted(real_videos):
    with open_video(real_videos / 'faults' / 'damaged_10_bits.mp4') as video:
        video.decode(range(100))
        assert video.num_damaged_frames == 8
