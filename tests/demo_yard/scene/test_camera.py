import cv2
import numpy as np

from demo_yard.scene.camera import Camera, shake_path

CAMERA = Camera(
    position=(1.0, -16.0, 8.0),
    aim=(0.2, 0.3, 0.9),
    roll_radians=0.02,
    focal_pixels=300.0,
    width=320,
    height=240,
)


def test_projects_like_opencv():
    points = np.random.default_rng(0).uniform((-5, -4, 0), (5, 20, 4), (50, 3))
    intrinsics = np.array([[300.0, 0, 160], [0, 300, 120], [0, 0, 1]])
    rotation = CAMERA.rotation
    shift = -rotation @ np.asarray(CAMERA.position)
    expected = cv2.projectPoints(points, cv2.Rodrigues(rotation)[0], shift, intrinsics, None)[0]

    pixels, depth = CAMERA.project(points)

    np.testing.assert_allclose(pixels, expected[:, 0], atol=1e-6)
    assert (depth > 0).all()


def test_aim_is_the_middle_of_the_picture():
    pixels, depth = CAMERA.project(np.asarray(CAMERA.aim))

    np.testing.assert_allclose(pixels, (160, 120), atol=1e-9)
    assert np.isclose(depth, np.linalg.norm(np.subtract(CAMERA.aim, CAMERA.position)))


def test_up_is_up_and_right_is_right():
    (low, high, right), _ = CAMERA.project(np.array([[0, 0, 0], [0, 0, 2], [2, 0, 0.0]]))

    assert high[1] < low[1]
    assert right[0] > low[0]


def test_far_ground_meets_the_horizon():
    level = Camera((0, -16, 8), (0, 0, 0.9), 0.0, 300.0, 320, 240)
    far = level.project(np.array([0.0, 1e7, 0.0]))[0]

    assert np.isclose(far[1], level.horizon_row, atol=1e-3)


def test_shake_is_as_strong_as_asked_for():
    calm, windy = (
        shake_path(np.random.default_rng(0), 100, 10, strength) for strength in (0.0, 2.0)
    )

    assert not calm.any()
    assert 0.2 < np.abs(windy[:, 0]).mean() < 4.0
