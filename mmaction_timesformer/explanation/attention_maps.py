"""Attention maps of a recorded step, a bounded piece at a time.

The tokens that a step read are grouped by the step's own grouping, and so are the numbers of the
tokens: each piece of a map knows which tokens its rows and columns are, in any scheme.

Legend: B batch, C class tokens, N patches, D channels, G groups, n/m queries and keys of a group.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from einops import rearrange
from torch import Tensor

from mmaction_timesformer.explanation.attention_recorder import RecordedStep

MAX_ELEMENTS = 2**24
"""Attention weights held at once, over all heads: 64 MiB."""


@dataclass(frozen=True)
class AttentionPiece:
    """Attention of some queries, in groups.

    Tokens are numbered through the batch: token i of clip b is b (C + N) + i.

    Attributes:
        queries: (G, n) token numbers.
        keys: (G, m) token numbers.
        shares: (G, n), by how much each query's output counts for its token: one, or less where a
            class token is copied into several groups and the copies are averaged.
        weights: (G, heads, n, m); rows sum to 1.
        gradients: (G, heads, n, m), the gradient of the recorded score in ``weights``; None
            unless asked for.
    """

    queries: Tensor
    keys: Tensor
    shares: Tensor
    weights: Tensor
    gradients: Tensor | None = None


@torch.no_grad()
def attention_pieces(
    step: RecordedStep, with_gradients: bool = False, max_elements: int = MAX_ELEMENTS
) -> Iterator[AttentionPiece]:
    """The attention maps of a step.

    Args:
        step: What was recorded.
        with_gradients: Whether the gradient in the weights is wanted too.
        max_elements: Attention weights in one piece, at most, unless one row has more.

    Raises:
        ValueError: Gradients are wanted and no backward pass has been recorded.
    """
    grouping, grid, heads = step.module.grouping, step.grid, step.module.num_heads
    q, k, v = step.module.qkv(step.module.norm(step.tokens)).float().chunk(3, dim=-1)
    gradient = _output_gradient(step) if with_gradients else torch.zeros_like(q)
    numbers = _token_numbers(step)
    shares = _shares(step, numbers)
    groups = zip(
        grouping.queries(q, grid),
        grouping.queries(gradient, grid),
        grouping.queries(numbers, grid),
        grouping.keys(k, grid),
        grouping.keys(v, grid),
        grouping.keys(numbers, grid),
        strict=True,
    )
    for query, query_gradient, query_numbers, key, value, key_numbers in groups:
        for rows, columns in _pieces(
            len(query), query.shape[1], key.shape[1] * heads, max_elements
        ):
            queries = query_numbers[rows, columns, 0]
            piece_q = _by_head(query[rows, columns], heads)
            piece_k = _by_head(key[rows], heads)
            weights = (piece_q @ piece_k.mT * piece_q.shape[-1] ** -0.5).softmax(dim=-1)
            gradients = None
            if with_gradients:
                grad = query_gradient[rows, columns] * shares[queries].unsqueeze(-1)
                gradients = _by_head(grad, heads) @ _by_head(value[rows], heads).mT
            yield AttentionPiece(
                queries, key_numbers[rows, :, 0], shares[queries], weights, gradients
            )


def dense_attention(step: RecordedStep, max_elements: int = MAX_ELEMENTS) -> Tensor:
    """The whole map of a step, (B, heads, C + N, C + N), zero where a token does not look.

    Rows of tokens that the step leaves alone are zero; the others sum to 1. For small grids.
    """
    batch_size, num_tokens = step.tokens.shape[:2]
    heads = step.module.num_heads
    dense = step.tokens.new_zeros(heads, (batch_size * num_tokens) ** 2, dtype=torch.float)
    for piece in attention_pieces(step, max_elements=max_elements):
        places = piece.queries.unsqueeze(-1) * batch_size * num_tokens + piece.keys.unsqueeze(1)
        weights = piece.weights * piece.shares[:, None, :, None]
        values = rearrange(weights, 'g heads n m -> heads (g n m)')
        dense.index_add_(1, places.flatten(), values)
    dense = dense.view(heads, batch_size, num_tokens, batch_size, num_tokens)
    return dense.diagonal(dim1=1, dim2=3).permute(3, 0, 1, 2)


def attention_of_token(step: RecordedStep, token: int) -> Tensor:
    """Attention of one token of each clip, (B, heads, C + N); zero if the step leaves it alone.

    Args:
        step: What was recorded.
        token: Its number in the clip; class tokens come first.
    """
    batch_size, num_tokens = step.tokens.shape[:2]
    rows = step.tokens.new_zeros(batch_size * num_tokens, step.module.num_heads, dtype=torch.float)
    for piece in attention_pieces(step):
        asked = piece.queries % num_tokens == token
        shares = torch.where(asked, piece.shares, 0)
        looks = torch.einsum('ghnm,gn->gmh', piece.weights, shares)
        rows.index_add_(0, piece.keys.flatten(), looks.flatten(0, 1))
    return rearrange(rows, '(b tokens) heads -> b heads tokens', b=batch_size)


def _output_gradient(step: RecordedStep) -> Tensor:
    """Gradient in the attention's output, before the projections: (B, C + N, D)."""
    if step.update_gradient is None:
        raise ValueError(
            f'no gradient has reached the {step.name} step of block {step.layer}: call backward() '
            'on a score while recording'
        )
    gradient = step.update_gradient
    for layer in (step.module.fc, step.module.proj):
        if layer is not None:
            gradient = gradient @ layer.weight
    return gradient.float()


def _token_numbers(step: RecordedStep) -> Tensor:
    """(B, C + N, 1): the tokens, counted through the batch."""
    shape = step.tokens.shape[:2]
    return torch.arange(shape.numel(), device=step.tokens.device).view(*shape, 1)


def _shares(step: RecordedStep, numbers: Tensor) -> Tensor:
    """(B (C + N),): one over the number of times that a token is a query."""
    queries = [group.flatten() for group in step.module.grouping.queries(numbers, step.grid)]
    return torch.cat(queries).bincount(minlength=numbers.numel()).clamp(min=1).float().reciprocal()


def _by_head(groups: Tensor, heads: int) -> Tensor:
    return rearrange(groups, 'g n (heads d) -> g heads n d', heads=heads)


def _pieces(
    num_groups: int, num_queries: int, elements_a_row: int, max_elements: int
) -> Iterator[tuple[slice, slice]]:
    """Slices of groups and of their queries, each of at most so many attention weights."""
    rows_at_once = max(1, max_elements // elements_a_row)
    groups_at_once = max(1, rows_at_once // num_queries)
    queries_at_once = min(num_queries, rows_at_once)
    for group in range(0, num_groups, groups_at_once):
        for query in range(0, num_queries, queries_at_once):
            yield slice(group, group + groups_at_once), slice(query, query + queries_at_once)
