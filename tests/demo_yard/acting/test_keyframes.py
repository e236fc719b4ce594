import numpy as np
import pytest

from demo_yard.acting.keyframes import AngleKeyframes, Keyframes


def test_holds_goes_and_holds():
    value = Keyframes(1.0)
    value.go(2.0, 4.0, 5.0)
    value.go(6.0, 6.0, 7.0)

    assert [value.at(t) for t in (0, 2, 3, 4, 5.9)] == [1, 1, 3, 5, 5]
    assert value.at(100) == value.last == 7


def test_angle_takes_the_short_way():
    angle = AngleKeyframes(np.radians(170))
    angle.go(0, 1, np.radians(-170))

    assert np.isclose(angle.at(0.5), np.radians(180))


def test_changes_come_in_order():
    value = Keyframes(0.0)
    value.go(1, 2, 1.0)

    with pytest.raises(AssertionError):
        value.go(1.5, 3, 2.0)
