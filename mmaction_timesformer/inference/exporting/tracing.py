"""A classifier of clips as a graph whose batch size is open."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.export import Dim, ExportedProgram

from mmaction_timesformer.inference.exporting.clip_classifier import ClipClassifier


def trace(classifier: ClipClassifier, clip_shape: tuple[int, ...], device: str) -> ExportedProgram:
    """Trace a classifier.

    Args:
        classifier: On ``device``.
        clip_shape: (3, frames, height, width), which are fixed in the graph.
        device: Where the graph will run.
    """
    example = torch.zeros((2, *clip_shape), dtype=torch.uint8, device=device)
    # To take a tensor of an open size out of torch's cache costs more than to work it out again.
    with torch.no_grad(), torch._dynamo.config.patch(fake_tensor_cache_enabled=False):
        # Tables that layers keep for a size of clip must exist before, or traced ones are kept.
        classifier(example)
        program = torch.export.export(
            classifier, (example,), dynamic_shapes={'clips': {0: Dim.DYNAMIC}}, strict=False
        )
        median = torch.ops.aten.median.dim
        # Decomposing traces once more, which takes as long as the rest of an export.
        if any(node.target is median for node in program.graph.nodes):
            program = program.run_decompositions({median: _median_by_sorting})
        return program


def _median_by_sorting(x: Tensor, dim: int, keepdim: bool = False) -> tuple[Tensor, Tensor]:
    """The lower median and its place, as torch has it; neither runtime has an operator for it."""
    values, places = torch.sort(x, dim=dim)
    middle = (x.shape[dim] - 1) // 2
    values, places = values.narrow(dim, middle, 1), places.narrow(dim, middle, 1)
    return (values, places) if keepdim else (values.squeeze(dim), places.squeeze(dim))
