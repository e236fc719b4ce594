"""Windows against plain arithmetic on all frame times at once."""

import numpy as np
import pytest
import torch

from mmaction_timesformer.detection.windows import TimedFrame, WindowCutter, WindowSettings


def cut(moments, settings, origin=0.0, first_window=0):
    """Windows whose frames hold their own number."""
    cutter = WindowCutter(
        settings, lambda frame: torch.full((1, 3, 1, 1), frame.picture()), origin, first_window
    )
    windows = []
    for number, seconds in enumerate(moments):
        windows += cutter.push(TimedFrame(seconds, lambda number=number: float(number)))
    return windows, cutter


def frame_numbers(window):
    return window.clips()[0, 0, :, 0, 0].long().tolist()


@pytest.mark.parametrize('fps', [25, 10, 29.97, 'variable'])
@pytest.mark.parametrize('hop', [1.28, 0.5, 3.0, 20.0])
def test_each_window_shows_the_nearest_frames(fps, hop):
    if fps == 'variable':
        steps = np.random.default_rng(1).exponential(0.08, 1000)
        moments = np.cumsum(steps) - steps[0]
    else:
        moments = np.arange(int(60 * fps)) / fps
    settings = WindowSettings(num_frames=8, span_seconds=10.24, hop_seconds=hop)
    windows, cutter = cut(moments.tolist(), settings)
    assert [window.index for window in windows] == list(range(len(windows)))
    assert (len(windows) - 1) * hop + 8.96 <= moments[-1] < len(windows) * hop + 8.96
    for window in windows:
        wanted = window.index * hop + 1.28 * np.arange(8)
        distances = np.abs(moments[:, None] - wanted)
        shown = frame_numbers(window)
        assert distances[shown, range(8)] == pytest.approx(distances.min(axis=0), abs=1e-5)
        assert window.seconds == pytest.approx(wanted.mean())
        assert window.newest_seconds == moments[shown[-1]]
    assert cutter.num_prepared <= len(moments)


def test_a_hop_of_the_frame_distance_prepares_one_frame_a_window():
    windows, cutter = cut((np.arange(1500) / 25).tolist(), WindowSettings(8, 10.24, 1.28))
    assert cutter.num_prepared == len(windows) + 7
    assert windows[0].frames[1] is windows[1].frames[0]


def test_a_window_is_given_with_its_last_frame():
    settings = WindowSettings(4, 2.0, 0.5)
    cutter = WindowCutter(settings, lambda frame: torch.zeros(1, 3, 1, 1))
    given = []
    for number in range(50):
        frame = TimedFrame(number / 10, lambda: 0.0, arrived=float(number))
        given += [(window.arrived, frame.seconds) for window in cutter.push(frame)]
    assert given[:3] == [(15.0, 1.5), (20.0, 2.0), (25.0, 2.5)]


def test_a_hole_in_time_is_filled_with_its_nearer_edge():
    (window, *_), _ = cut([0.0, 0.5, 1.0, 9.0], WindowSettings(8, 8.0, 8.0))
    assert frame_numbers(window) == [0, 2, 2, 2, 2, 3, 3, 3]


def test_memory_holds_only_the_frames_of_one_window():
    settings = WindowSettings(8, 10.24, 0.32)
    cutter = WindowCutter(settings, lambda frame: torch.zeros(1, 3, 1, 1))
    for number in range(5000):
        list(cutter.push(TimedFrame(number / 25, lambda: 0.0)))
    assert len(cutter._shown) <= 10.24 / 0.32 + 1


def test_going_on_from_a_later_window_gives_the_same():
    moments = (np.arange(1500) / 25).tolist()
    settings = WindowSettings(8, 10.24, 0.64)
    windows, _ = cut(moments, settings)
    later, _ = cut(moments, settings, first_window=20)
    assert [w.index for w in later] == [w.index for w in windows[20:]]
    assert all(torch.equal(a.clips(), b.clips()) for a, b in zip(later, windows[20:], strict=True))
    assert settings.num_windows_until(windows[19].seconds) == 20
    assert settings.num_windows_until(windows[19].seconds - 0.01) == 19
    assert settings.num_windows_until(0.0) == 0


def test_a_stretch_that_begins_later_is_cut_from_its_beginning():
    settings = WindowSettings(4, 2.0, 0.5)
    (window, *_), _ = cut([100 + n / 10 for n in range(30)], settings, origin=100.0)
    assert frame_numbers(window) == [0, 5, 10, 15]
    assert window.seconds == pytest.approx(100.75)


@pytest.mark.parametrize('values', [(0, 1, 1), (8, 0, 1), (8, 1, 0), (8, 1, float('nan'))])
def test_settings_that_make_no_sense_are_refused(values):
    with pytest.raises(ValueError, match=r'num_frames|span_seconds|hop_seconds'):
        WindowSettings(*values)
