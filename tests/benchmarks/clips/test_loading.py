import numpy as np
import pytest

from benchmarks.clips import loading as data
from benchmarks.clips import worker_memory
from benchmarks.clips.clip_files import FPS, concatenate, render_camera_video
from benchmarks.models.peak_memory import in_own_process
from video_clips.reading.video import open_video


@pytest.fixture(scope='module')
def video(tmp_path_factory):
    return render_camera_video(tmp_path_factory.mktemp('videos') / 'small.mp4', (64, 48))


def test_both_pipelines_load_the_same_pixels(video):
    row = data._measure('small', [str(video)], num_rounds=1)
    assert row['interval'] == 31
    for way in (data.DECORD, data.DECORD_2, data.OURS_2):
        assert row['pixel_difference'][way] == {'most': 0, 'mean': 0.0, 'clips_that_differ': 0}
    assert row['pixel_difference'][data.NO_FILTER]['most'] > 0
    assert row['times_decord'][data.DECORD]['median'] == 1
    assert set(row['clips_per_second']) == {*row['pixel_difference'], data.OURS, data.DECODER}
    lines = '\n'.join(data._loading_tables([row]))
    assert '## small; 1 clips, interval 31' in lines
    assert f'| {data.OURS} | {row["clips_per_second"][data.OURS]} |' in lines


def test_copies_are_timed_beside_their_originals(video, tmp_path):
    row = data._measure_copies('small', [str(video)], tmp_path, num_rounds=1)
    assert row['times_original']['median'] > 0
    copy = next((tmp_path / 'copies').rglob('*.mp4'))
    assert row['times_bytes'] == round(copy.stat().st_size / video.stat().st_size, 2)


def test_a_long_file_is_the_short_one_over_and_over(video, tmp_path):
    long = concatenate(video, tmp_path / 'long.mp4', 3)
    with open_video(video) as once, open_video(long) as thrice:
        assert thrice.num_frames == 3 * once.num_frames == 30 * FPS
        assert thrice.duration_seconds == pytest.approx(30)
        assert np.array_equal(thrice.decode([600])[0], once.decode([100])[0])


def test_memory_is_read_clip_by_clip(video):
    # In this process other tests have left memory that may be given back at any moment.
    row = in_own_process(worker_memory._memory_of_a_worker, str(video), 10)
    assert 0 < row['mib_before'] <= row['mib_peak'] + 1
    assert row['mib_after_10_clips'] <= row['mib_peak']
