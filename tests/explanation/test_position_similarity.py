"""Similarity of positions whose geometry is known."""

import numpy as np
import pytest
import torch

from mmaction_timesformer.explanation.position_similarity import (
    draw_space,
    draw_time,
    neighbours_are_alike,
    position_similarity,
)
from mmaction_timesformer.models import TimeSformerBackbone


def backbone(**options):
    return TimeSformerBackbone(
        num_frames=3, img_size=(32, 48), patch_size=8, embed_dims=16, num_heads=2,
        num_transformer_layers=1, **options,
    )  # fmt: skip


def test_positions_by_hand():
    model = backbone()
    with torch.no_grad():
        # Row r is direction r, column c direction 4 + c: places share half of a row's or column's.
        rows = torch.eye(16)[:4].repeat_interleave(6, dim=0)
        columns = torch.eye(16)[4:10].repeat(4, 1)
        model.pos_embed[0, 1:] = 7 * (rows + columns)
        model.time_embed[0] = (
            torch.tensor([[1.0, 0.0], [1.0, 1.0], [-1.0, 0.0]]) @ torch.eye(16)[:2]
        )
    similarity = position_similarity(model)
    assert similarity.space is not None
    assert similarity.time is not None
    assert similarity.space.shape == (4, 6, 4, 6)
    assert similarity.space[1, 2, 1, 2] == pytest.approx(1)
    assert similarity.space[1, 2, 1, 5] == pytest.approx(0.5)
    assert similarity.space[1, 2, 3, 2] == pytest.approx(0.5)
    assert similarity.space[1, 2, 0, 0] == pytest.approx(0)
    root = 1 / np.sqrt(2)
    np.testing.assert_allclose(
        similarity.time, [[1, root, -1], [root, 1, -root], [-1, -root, 1]], atol=1e-6
    )
    # Every place beside another shares its row or column: 0.5; of all pairs, 8 of 23 do.
    assert neighbours_are_alike(similarity.space) == pytest.approx(0.5 - 0.5 * 8 / 23)


def test_random_positions_show_no_geometry():
    space = position_similarity(backbone()).space
    assert space is not None
    assert abs(neighbours_are_alike(space)) < 0.1


def test_models_without_positions_have_none():
    similarity = position_similarity(backbone(pos_embed='none'))
    assert similarity.space is None
    assert similarity.time is None


def test_large_grids_are_thinned():
    similarity = np.random.default_rng(0).uniform(size=(28, 28, 28, 28))
    assert len(draw_space(similarity).axes) == 100
    assert len(draw_space(similarity[:2, :3, :2, :3]).axes) == 6
    assert len(draw_time(np.eye(8)).axes) == 2
