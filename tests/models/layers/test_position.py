"""Positions keep their rows, columns and frames when they are resized."""

from __future__ import annotations

import pytest
import torch

from mmaction_timesformer.models.layers import resize_pos_embed, resize_time_embed


def test_rows_and_columns_stay_in_place():
    """A plane that rises with the row stays one: 1-D resizing would mix rows with columns."""
    rows = torch.arange(8.0).repeat_interleave(8)
    pos_embed = torch.stack((torch.cat((torch.tensor([9.0]), rows)),) * 2, dim=-1)[None]
    resized = resize_pos_embed(pos_embed, (8, 8), (16, 16))
    assert torch.equal(resized[:, :1], pos_embed[:, :1])
    grid = resized[0, 1:, 0].view(16, 16)
    torch.testing.assert_close(grid, grid[:, :1].expand(16, 16))
    # Away from the border, centres of 16 rows on 8 lie at -0.25, 0.25, 0.75, ...,
    centres = torch.arange(16) / 2 - 0.25
    # to which torch's bicubic kernel (a = -0.75) keeps within a tenth of a row.
    torch.testing.assert_close(grid[4:12, 0], centres[4:12], atol=0.1, rtol=0)


def test_the_same_grid_is_returned_as_it_is():
    pos_embed = torch.randn(1, 7, 3)
    assert resize_pos_embed(pos_embed, (2, 3), (2, 3)) is pos_embed
    time_embed = torch.randn(1, 4, 3)
    assert resize_time_embed(time_embed, 4) is time_embed


def test_time_is_linear():
    time_embed = torch.tensor([0.0, 1.0, 2.0, 3.0])[None, :, None]
    # Centres of 8 frames on 4: -0.25 (held at the border), 0.25, 0.75, ...
    expected = torch.tensor([0, 0.25, 0.75, 1.25, 1.75, 2.25, 2.75, 3])[None, :, None]
    torch.testing.assert_close(resize_time_embed(time_embed, 8), expected)


def test_half_precision_works():
    resized = resize_pos_embed(torch.randn(1, 5, 2, dtype=torch.bfloat16), (2, 2), (3, 3))
    assert resized.dtype == torch.bfloat16
    assert resized.isfinite().all()


def test_a_grid_that_does_not_fit_is_refused():
    with pytest.raises(ValueError, match='5 positions are not one class token and a grid of 3x3'):
        resize_pos_embed(torch.randn(1, 5, 2), (3, 3), (2, 2))
