"""Rotary positions, beside complex numbers and beside the other library's own tables."""

import pytest
import torch
from timesformer_pytorch.rotary import AxialRotaryEmbedding, RotaryEmbedding, apply_rot_emb

from mmaction_timesformer.models.layers.rotary import (
    lucidrains_angles,
    relative_angles,
    rotate,
)

GRID, D = (3, 5), 16


def products(angles: torch.Tensor, seed: int = 0) -> torch.Tensor:
    """Of one query and one key put at every place: (places, places)."""
    generator = torch.Generator().manual_seed(seed)
    query, key = torch.randn(2, D, generator=generator, dtype=torch.float64)
    places = angles.double().reshape(-1, D)
    return rotate(query.expand_as(places), places) @ rotate(key.expand_as(places), places).T


def test_turning_multiplies_complex_numbers() -> None:
    x, angles = torch.randn(2, 7, D // 2, 2, dtype=torch.float64).unbind()
    angles = angles[..., :1].expand(-1, -1, 2)
    turned = torch.view_as_complex(x) * torch.exp(1j * angles[..., 0])
    expected = torch.view_as_real(turned).flatten(-2)
    torch.testing.assert_close(rotate(x.flatten(-2), angles.flatten(-2)), expected)


@pytest.mark.parametrize('axes', ['t', 'h', 'w', 'hw', 'thw'])
def test_products_depend_on_differences_alone(axes: str) -> None:
    """A query and a key moved together along any axis keep their product."""
    seconds = torch.tensor([0.0, 0.4, 0.8, 1.2])
    angles = relative_angles(axes, seconds, GRID, D)
    assert angles.shape == (4, *GRID, D)
    dots = products(angles).view(4, *GRID, 4, *GRID)
    moved = dict(
        t=(dots[:-1, :, :, :-1], dots[1:, :, :, 1:]),
        h=(dots[:, :-1, :, :, :-1], dots[:, 1:, :, :, 1:]),
        w=(dots[:, :, :-1, :, :, :-1], dots[:, :, 1:, :, :, 1:]),
    )
    for before, after in moved.values():
        torch.testing.assert_close(before, after, rtol=0, atol=1e-5)
    assert dots.std() > 0.1, 'and do depend on them'


def test_time_is_real_time() -> None:
    """Twice the frames of the same seconds have the same angles where both have a frame."""
    slow = relative_angles('t', torch.arange(4) * 0.5, GRID, D)
    fast = relative_angles('t', torch.arange(8) * 0.25, GRID, D)
    torch.testing.assert_close(fast[::2], slow)


def test_space_is_the_picture() -> None:
    """Of a picture in three times as many rows and columns, each middle patch stays in place."""
    coarse = relative_angles('hw', torch.zeros(1), (2, 3), D)
    fine = relative_angles('hw', torch.zeros(1), (6, 9), D)
    torch.testing.assert_close(fine[:, 1::3, 1::3], coarse)


def test_lucidrains_tables_are_theirs() -> None:
    q, k = torch.randn(2, 2, 6, D).unbind()
    theirs = apply_rot_emb(q, k, RotaryEmbedding(D)(6, q.device))
    angles = lucidrains_angles('t', torch.arange(6), (1, 1), D).flatten(0, 2)
    torch.testing.assert_close((rotate(q, angles), rotate(k, angles)), theirs)

    q, k = torch.randn(2, 2, 15, D).unbind()
    theirs = apply_rot_emb(q, k, AxialRotaryEmbedding(D)(*GRID, q.device))
    angles = lucidrains_angles('hw', torch.zeros(1), GRID, D).flatten(0, 2)
    torch.testing.assert_close((rotate(q, angles), rotate(k, angles)), theirs)


def test_lucidrains_time_is_no_rotation() -> None:
    """Why it is not the default: products of moved queries and keys, and lengths, change."""
    angles = lucidrains_angles('t', torch.arange(6), (1, 1), D)
    dots = products(angles)
    assert (dots[:-1, :-1] - dots[1:, 1:]).abs().max() > 0.01
    lengths = rotate(torch.ones(6, D), angles.flatten(0, 2)).norm(dim=-1)
    assert lengths.max() / lengths.min() > 1.01
    with pytest.raises(ValueError, match='axes t or hw'):
        lucidrains_angles('thw', torch.arange(6), GRID, D)
