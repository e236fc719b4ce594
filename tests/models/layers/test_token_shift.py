"""Token shift, by hand and beside the other library's own."""

import pytest
import torch
from timesformer_pytorch.timesformer_pytorch import PreTokenShift

from mmaction_timesformer.models.layers.token_shift import shift_tokens


def test_by_hand() -> None:
    """One patch a frame, seven channels: two from the next, two own, two from before, one own."""
    frames = torch.tensor([[10.0], [20.0], [30.0]]) + torch.arange(7)
    tokens = torch.cat((torch.full((1, 7), 5.0), frames))[None]
    shifted = shift_tokens(tokens, num_cls=1, num_frames=3)
    expected = [
        [5, 5, 5, 5, 5, 5, 5],
        [20, 21, 12, 13, 0, 0, 16],
        [30, 31, 22, 23, 14, 15, 26],
        [0, 0, 32, 33, 24, 25, 36],
    ]
    assert shifted[0].tolist() == expected


def test_it_is_theirs_at_their_number_of_frames() -> None:
    tokens = torch.randn(2, 1 + 4 * 6, 32)
    theirs = PreTokenShift(4, torch.nn.Identity())(tokens)
    assert torch.equal(shift_tokens(tokens, 1, 4), theirs)


def test_their_constructor_fixes_the_number_of_frames() -> None:
    """Six frames through a shift made for four: borders lie inside of frames, without an error."""
    tokens = torch.randn(2, 1 + 6 * 6, 32)
    theirs = PreTokenShift(4, torch.nn.Identity())(tokens)
    assert not torch.equal(shift_tokens(tokens, 1, 6), theirs)
    assert torch.equal(shift_tokens(tokens, 1, 4), theirs)
    with pytest.raises(ValueError, match='36 patches do not divide into 5 frames'):
        shift_tokens(tokens, 1, 5)
