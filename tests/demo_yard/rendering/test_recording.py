import numpy as np
import pytest

from demo_yard.acting.casting import stage_clip
from demo_yard.rendering.recording import Recording
from demo_yard.rendering.strip import draw_strip
from demo_yard.scene.weather import KINDS, sample_weather


def frames_of(recording, act='enter_swing_area', seed=0, num_frames=12):
    rng = np.random.default_rng(seed)
    stage, _ = stage_clip(rng, recording.site, act, 4.0)
    return stage, np.stack(list(recording.frames(stage, num_frames, num_frames / 4.0, rng)))


@pytest.mark.parametrize('kind', KINDS)
def test_every_weather_renders_with_contrast(kind):
    _, frames = frames_of(Recording(0, 0, (96, 72), weather=kind))

    assert frames.shape == (12, 72, 96, 3)
    assert frames.dtype == np.uint8
    assert frames.std() > 10
    assert 20 < frames.mean() < 235


def test_workers_are_where_the_poses_say():
    """Where the picture differs from its median, a walking worker is seen."""
    recording = Recording(1, 0, (160, 120), weather='overcast')
    stage, frames = frames_of(recording, num_frames=16)
    camera = recording.site.camera
    foreground = np.abs(frames - np.median(frames, axis=0)).max(-1)
    (member,) = [m for m in stage.crew if np.hypot(*(m.timeline.place - start(m))) > 1]
    for index in (0, 15):
        pose = member.timeline.pose(index / 4.0)
        pixel = camera.project(np.array([pose.x, pose.y, 1.3]))[0] / 2
        column, row = np.clip(pixel.astype(int), 6, (153, 113))
        here = foreground[index, row - 5 : row + 6, column - 5 : column + 6].max()
        assert here > 60


def start(member):
    pose = member.timeline.pose(0.0)
    return np.array([pose.x, pose.y])


def test_recordings_of_a_site_differ_but_share_its_tracks():
    first, second = Recording(0, 0, (96, 72)), Recording(0, 1, (96, 72))
    elsewhere = Recording(0, 1, (96, 72), num_sites=2)

    assert first.site.yard.track_angle == second.site.yard.track_angle
    assert first.site.yard.day_seed != second.site.yard.day_seed
    assert elsewhere.site.yard.track_angle != first.site.yard.track_angle


def test_unknown_weather_is_refused():
    with pytest.raises(ValueError, match='choose one of clear'):
        sample_weather(np.random.default_rng(0), 'hail')


def test_strip_is_small_and_repeatable(tmp_path):
    for name in ('a.png', 'b.png'):
        draw_strip(tmp_path / name, seed=0, num_frames=3, width=96)

    assert (tmp_path / 'a.png').read_bytes() == (tmp_path / 'b.png').read_bytes()
    assert (tmp_path / 'a.png').stat().st_size < 100_000
