"""From the maps of single steps to what the whole network looked at.

*Attention rollout* (Abnar and Zuidema 2020, arXiv 2005.00928): each step passes on half of a token
and half of what the token attended to; the steps are composed. *Class relevance* (Chefer et al.
2021, arXiv 2103.15679): each step adds the attention that raised the score of one class, which is
attention times its gradient, positive part, mean over heads.

Both compose over space and time together. One row is followed, that of the output, from the last
step to the first, as a vector times a piece of a map at a time, so that memory grows with the
number of tokens and not with its square. A step in a row composes with those before; steps side by
side (parallel divided attention) add. A token that a step leaves alone (the class token in divided
attention's time step) stays. Copies of a class token count for what their mean counts.

What is left out, as in both papers: the MLPs and the norms. The projections of a step, the extra
linear layer of the time step among them, act on channels, not between tokens: rollout leaves them
out, and class relevance sees them through its gradients.

Legend: B batch, C class tokens, T frames, h/w patch rows and columns, N = T h w.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from mmaction_timesformer.explanation.attention_maps import AttentionPiece, attention_pieces
from mmaction_timesformer.explanation.attention_recorder import RecordedStep, Recording

WeighPiece = Callable[[AttentionPiece], Tensor]
"""A piece of a map to what its keys give to its queries, (G, n, m)."""


def attention_rollout(recording: Recording) -> Tensor:
    """Share of every patch in the output, by attention alone.

    Returns:
        (B, T, h, w), shares of the output; with what stays in class tokens they sum to 1.
    """
    row = _output_row(recording)
    for steps in _backward(recording):
        # A token passes itself on, and as much again for every step that updates it.
        parts = 1 + sum(_is_updated(step) for step in steps)
        row = row / parts
        row = row + sum(_look_back(row, step, _mean_weights) for step in steps)
    return _patches(row, recording)


def class_relevance(recording: Recording) -> Tensor:
    """Relevance of every patch for the score that was differentiated while recording.

    Returns:
        (B, T, h, w), not negative; larger is more relevant. The scale has no meaning across clips.

    Raises:
        ValueError: No backward pass has been recorded.
    """
    row = _output_row(recording)
    for steps in _backward(recording):
        row = row + sum(_look_back(row, step, _raising_weights, True) for step in steps)
    # What no attention moved: a token's own way up, the same for every token of the output.
    return _patches(row - _output_row(recording), recording)


def frame_importance(relevance: Tensor) -> Tensor:
    """Share of each frame in a map (B, T, h, w): (B, T), rows sum to 1 unless the map is empty."""
    frames = relevance.sum(dim=(2, 3))
    return frames / frames.sum(dim=1, keepdim=True).clamp(min=torch.finfo(frames.dtype).tiny)


def _mean_weights(piece: AttentionPiece) -> Tensor:
    return piece.weights.mean(dim=1) * piece.shares.unsqueeze(-1)


def _raising_weights(piece: AttentionPiece) -> Tensor:
    # The gradient holds the share of a copied class token already.
    assert piece.gradients is not None
    return (piece.weights * piece.gradients).clamp(min=0).mean(dim=1)


def _look_back(
    row: Tensor, step: RecordedStep, weigh: WeighPiece, with_gradients: bool = False
) -> Tensor:
    """Row vector (B (C + N),) times the step's map."""
    given = torch.zeros_like(row)
    for piece in attention_pieces(step, with_gradients):
        passed = torch.einsum('gn,gnm->gm', row[piece.queries], weigh(piece))
        given.index_add_(0, piece.keys.flatten(), passed.flatten())
    return given


def _backward(recording: Recording) -> Iterator[list[RecordedStep]]:
    """Steps from the last to the first; those that read the same tokens together."""
    together: list[RecordedStep] = []
    for step in reversed(recording.steps):
        together.append(step)
        if not step.shares_input:
            yield together
            together = []


def _output_row(recording: Recording) -> Tensor:
    """How much of the output each last token is, (B (C + N),)."""
    tokens, num_cls = recording.steps[-1].tokens, recording.grid.num_cls
    row = torch.zeros(tokens.shape[:2], device=tokens.device)
    of_output = row[:, :num_cls] if recording.out_type == 'cls' else row[:, num_cls:]
    of_output.fill_(1 / of_output.shape[1])
    return row.flatten()


def _is_updated(step: RecordedStep) -> Tensor:
    """(B (C + N),): one for tokens that the step updates, zero for those that it leaves alone."""
    updated = torch.ones(step.tokens.shape[:2], device=step.tokens.device)
    if not step.module.grouping.updates_cls:
        updated[:, : step.grid.num_cls] = 0
    return updated.flatten()


def _patches(row: Tensor, recording: Recording) -> Tensor:
    batch_size = recording.steps[0].tokens.shape[0]
    _, patches = recording.grid.split(row.view(batch_size, -1, 1))
    return patches.squeeze(-1)
