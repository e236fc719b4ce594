import numpy as np

from demo_yard.scene.excavator import Excavator
from demo_yard.scene.painter import _face_normals
from demo_yard.scene.solids import beam, box, group, turn_about_y, turn_about_z

RED = (200.0, 20.0, 20.0)


def outward(solids) -> bool:
    """Whether all faces look away from the middle of their solid."""
    normals = _face_normals(solids.corners)
    from demo_yard.scene.solids import FACES

    centers = solids.corners[:, FACES].mean(axis=2) - solids.corners.mean(axis=1)[:, None]
    return bool(((normals * centers).sum(-1) > 0).all())


def test_box_has_the_given_bounds():
    solid = box((1, 3), (-1, 0), (0.5, 2), RED)

    np.testing.assert_allclose(solid.corners.min((0, 1)), (1, -1, 0.5))
    np.testing.assert_allclose(solid.corners.max((0, 1)), (3, 0, 2))


def test_tapered_box_keeps_its_foot():
    solid = box((-1, 1), (-1, 1), (0, 1), RED, top=(0.5, 0.25))

    np.testing.assert_allclose(np.abs(solid.corners[0, :4, :2]), 1)
    np.testing.assert_allclose(np.abs(solid.corners[0, 4:, :2]), [[0.5, 0.25]] * 4)


def test_faces_look_outward():
    parts = [box((0, 1), (0, 2), (0, 3), RED)]
    parts += [
        beam((0, 0, 0), (np.cos(a), 0, np.sin(a)), 0.2, (0.3, 0.1), RED) for a in (0.3, 2.0, 4.0)
    ]
    everything = group(*parts)

    assert outward(everything)
    assert outward(everything.moved(turn_about_z(1.0) @ turn_about_y(0.4), (1, 2, 3)))
    assert outward(everything.mirrored())


def test_excavators_are_mirror_twins():
    left, right = (Excavator(RED, cab_on_left)._house for cab_on_left in (True, False))

    np.testing.assert_allclose(left.corners[..., 1].max(), -right.corners[..., 1].min())
    np.testing.assert_allclose(left.mirrored().corners, right.corners)


def test_turns():
    np.testing.assert_allclose(turn_about_z(np.pi / 2) @ [1, 0, 0], [0, 1, 0], atol=1e-12)
    np.testing.assert_allclose(turn_about_y(np.pi / 2) @ [1, 0, 0], [0, 0, 1], atol=1e-12)
