"""Attention out of views is attention inside the groups of the definition."""

import pytest
import torch

from benchmarks.models.profile_model import bytes_copied
from mmaction_timesformer.models.layers import AttentionStep, Partition, Regions, TokenGrid
from mmaction_timesformer.models.layers import grouping as module
from mmaction_timesformer.registry import ATTENTION_SCHEMES

PATTERNS = {
    'space': 'b t h w d -> (b t) (h w) d',
    'joint': 'b t h w d -> b (t h w) d',
    'time': 'b t h w d -> (b h w) t d',
    'width': 'b t h w d -> (b t h) w d',
    'height': 'b t h w d -> (b t w) h d',
    # Members that do not lie together, in an order of their own.
    'time and columns': 'b t h w d -> (b h) (w t) d',
}
GRID = TokenGrid(3, 4, 2)
DIMS, HEADS = 12, 3


def make_step(grouping):
    torch.manual_seed(0)
    step = AttentionStep(grouping, extra_linear=True, embed_dims=DIMS, num_heads=HEADS).double()
    for parameter in step.parameters():
        torch.nn.init.normal_(parameter, std=0.5)
    return step.eval()


def tokens_of(grid, batch_size=2):
    torch.manual_seed(1)
    size = (grid.num_cls + grid.num_patches, batch_size, DIMS)
    return torch.randn(size, dtype=torch.float64).transpose(0, 1)


def by_definition(step, tokens, grid):
    def kernel(q, k, v):
        return (q @ k.mT / q.shape[-1] ** 0.5).softmax(dim=-1) @ v

    try:
        step.kernel, usual = kernel, step.kernel
        return step(tokens, grid)
    finally:
        step.kernel = usual


@pytest.mark.parametrize('few', [0.0, 1.0], ids=['copies behind', 'copies before'])
@pytest.mark.parametrize('with_cls', [True, False])
@pytest.mark.parametrize('name', PATTERNS)
def test_a_partition_equals_its_definition(name, with_cls, few, monkeypatch):
    """With gradients and without, and whichever side of the product the class token is copied."""
    monkeypatch.setattr(module, 'FEW_COPIES', few)
    step, tokens = make_step(Partition(PATTERNS[name], with_cls)), tokens_of(GRID)
    expected = by_definition(step, tokens, GRID)
    torch.testing.assert_close(step(tokens, GRID), expected)
    with torch.no_grad():
        torch.testing.assert_close(step(tokens, GRID), expected.detach())
        torch.testing.assert_close(step.add_to(tokens, GRID), tokens + expected.detach())
        # Another layout in memory is the same tokens.
        torch.testing.assert_close(step.add_to(tokens.contiguous(), GRID), tokens + expected)


@pytest.mark.parametrize('few', [0.0, 1.0], ids=['copies behind', 'copies before'])
@pytest.mark.parametrize('name', ['space', 'width', 'height'])
def test_class_tokens_of_their_own_stay_in_their_frames(name, few, monkeypatch):
    monkeypatch.setattr(module, 'FEW_COPIES', few)
    grid = TokenGrid(3, 4, 2, num_cls=3)
    step, tokens = make_step(Partition(PATTERNS[name])), tokens_of(grid)
    expected = by_definition(step, tokens, grid).detach()
    torch.testing.assert_close(step(tokens, grid).detach(), expected)
    with torch.no_grad():
        torch.testing.assert_close(step.add_to(tokens, grid), tokens + expected)


def overlapping(num_frames, height, width):
    everything = slice(None)
    return [
        ((everything, slice(0, 1), everything), (everything, slice(0, 3), slice(0, 1))),
        ((everything, slice(1, None), slice(0, 1)), (everything, slice(1, 4), slice(0, 1))),
        ((everything, slice(1, None), slice(1, None)), (slice(0, None, 2), everything, slice(1))),
    ]


def test_regions_equal_their_definition():
    step, tokens = make_step(Regions(overlapping)), tokens_of(GRID)
    expected = by_definition(step, tokens, GRID)
    torch.testing.assert_close(step(tokens, GRID), expected)
    with torch.no_grad():
        torch.testing.assert_close(step(tokens, GRID), expected.detach())
        torch.testing.assert_close(step.add_to(tokens, GRID), tokens + expected.detach())


@torch.no_grad()
def test_adding_changes_neither_the_tokens_nor_what_a_listener_sees():
    step, tokens = make_step(Partition(PATTERNS['space'])), tokens_of(GRID)
    before, seen = tokens.clone(), []
    silent = step.add_to(tokens, GRID)
    step.register_forward_hook(lambda module, args, update: seen.append(update))
    torch.testing.assert_close(step.add_to(tokens, GRID), silent)
    assert torch.equal(tokens, before)
    torch.testing.assert_close(before + seen[0], silent)


@pytest.mark.parametrize('batch_size', [1, 3])
@pytest.mark.parametrize(
    ('scheme', 'times_all_patches'),
    [
        # The class token's copies in front of the space step; its row of each other step.
        ('space_only', 1.1),
        ('joint_space_time', 0.01),
        ('divided_space_time', 1.1),
        # Its copies for every line of patches, twice as keys and values, once as queries.
        ('axial', 1.5),
        # Queries and results of regions once each, keys of windows four times.
        ('sparse_local_global', 15),
    ],
)
@torch.no_grad()
def test_no_more_is_copied_than_has_to_be(scheme, times_all_patches, batch_size):
    grid = TokenGrid(8, 14, 14, 8 if scheme == 'space_only' else 1)
    steps = ATTENTION_SCHEMES.build(
        dict(type=scheme, embed_dims=DIMS, num_heads=HEADS, drop_path_rate=0.0)
    ).eval()
    tokens = tokens_of(grid, batch_size).float()
    patches = grid.num_patches * batch_size * DIMS * 4
    assert bytes_copied(lambda: steps(tokens, grid)) <= times_all_patches * patches


@pytest.mark.parametrize(
    'pattern', ['b t h w d -> b d (t h w)', 'b t h w d -> (b t h) w', 't -> t']
)
def test_a_pattern_of_another_form_is_refused(pattern):
    with pytest.raises(ValueError, match=r"is not of the form 'b t h w d -> \(groups\)"):
        Partition(pattern)
