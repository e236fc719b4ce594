"""Writing ONNX files, and what they say about themselves."""

from __future__ import annotations

import contextlib
import io
import logging
from collections.abc import Iterator, Mapping
from pathlib import Path

import onnx
import onnxruntime
import torch
from torch.export import ExportedProgram

OPSET = 18


def write_onnx(program: ExportedProgram, file: Path, strings: Mapping[str, str]) -> None:
    """Write a traced classifier, its constants folded, its batch size open.

    Args:
        program: With the input ``clips``.
        file: To write.
        strings: Metadata.
    """
    raw = file.with_name(f'{file.name}.raw')
    try:
        with _quiet():
            # Torch's own optimizer takes an hour on the many groups of local attention.
            exported = torch.onnx.export(
                program,
                (),
                dynamo=True,
                optimize=False,
                verbose=False,
                input_names=['clips'],
                output_names=['probabilities', 'logits'],
                opset_version=OPSET,
            )
        assert exported is not None
        exported.save(raw)
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3
        # The basic level folds constants and leaves standard operators alone.
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
        options.optimized_model_filepath = str(file)
        onnxruntime.InferenceSession(str(raw), options, providers=['CPUExecutionProvider'])
    finally:
        raw.unlink(missing_ok=True)
        raw.with_name(f'{raw.name}.data').unlink(missing_ok=True)
    annotate(file, strings)


def annotate(file: Path, strings: Mapping[str, str]) -> None:
    """Put metadata into a file in place of those that it has."""
    model = onnx.load(file)
    del model.metadata_props[:]
    # Shapes of what is between: folding leaves stale ones, and every reader infers its own.
    del model.graph.value_info[:]
    onnx.helper.set_model_props(model, dict(strings))
    model.graph.input[0].type.tensor_type.shape.dim[0].dim_param = 'batch'
    for output in model.graph.output:
        output.type.tensor_type.shape.dim[0].dim_param = 'batch'
    onnx.save(model, file)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep the exporter from talking about libraries that nothing here needs."""
    logger = logging.getLogger('torch.onnx')
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            yield
    finally:
        logger.setLevel(level)
