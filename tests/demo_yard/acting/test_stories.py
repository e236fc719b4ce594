"""Stories: both moments are as the label says, and in between nothing tells them."""

from dataclasses import astuple

import numpy as np
import pytest

from demo_yard.acting.stories import (
    FIRST_SECONDS,
    LAST_SECONDS,
    STORY_LABELS,
    STORY_SECONDS,
    stage_story,
)
from demo_yard.scene.site import Site


def arm(stage, seconds):
    """Slew and the arm's angles over time, a row for each moment."""
    poses = [stage.excavator.pose(second) for second in seconds]
    return np.array([(pose.slew, *astuple(pose.arm)) for pose in poses])


@pytest.mark.parametrize('label', STORY_LABELS)
def test_the_machine_does_what_the_label_says(label):
    rng = np.random.default_rng(3)
    stage = stage_story(rng, Site.sample(rng, 192, 128), label)
    for move, span in zip(label.split('-'), (FIRST_SECONDS, LAST_SECONDS), strict=True):
        slew = arm(stage, np.linspace(*span, 50))[:, 0]
        assert (np.ptp(slew) > np.radians(60)) == (move == 'dig')
    rest = arm(stage, np.linspace(FIRST_SECONDS[1], LAST_SECONDS[0], 50))
    np.testing.assert_allclose(np.ptp(rest, axis=0), 0, atol=1e-9)
    assert LAST_SECONDS[0] - FIRST_SECONDS[1] >= 60
    assert LAST_SECONDS[1] < STORY_SECONDS


@pytest.mark.parametrize('last', ['dig', 'lift'])
def test_the_end_does_not_tell_the_beginning(last):
    """The machine ends a story where it stood before, turned and raised as before."""
    for first in ('dig', 'lift'):
        rng = np.random.default_rng(5)
        stage = stage_story(rng, Site.sample(rng, 192, 128), f'{first}-{last}')
        before, after = (arm(stage, [second])[0] for second in (0.0, STORY_SECONDS))
        assert after[0] == pytest.approx(before[0])


def test_an_unknown_story():
    rng = np.random.default_rng(0)
    with pytest.raises(ValueError, match='dig-lift'):
        stage_story(rng, Site.sample(rng, 192, 128), 'dig')
