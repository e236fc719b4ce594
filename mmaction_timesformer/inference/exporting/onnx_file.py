"""Writing ONNX files, and what they say about themselves."""

from __future__ import annotations

import contextlib
import io
import logging
from collections.abc import Iterator, Mapping, Sequence
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
    _write(program, file, (('clips',), ('probabilities', 'logits')))
    annotate(file, strings)


def write_step(
    program: ExportedProgram,
    file: Path,
    names: tuple[Sequence[str], Sequence[str]],
    strings: Mapping[str, str],
) -> None:
    """Write a traced step of a stream, its constants folded.

    Args:
        program: Its sizes are fixed.
        file: To write.
        names: Of the inputs and of the outputs.
        strings: Metadata.
    """
    _write(program, file, names)
    model = onnx.load(file)
    del model.graph.value_info[:]
    onnx.helper.set_model_props(model, dict(strings))
    onnx.save(model, file)


def _write(
    program: ExportedProgram, file: Path, names: tuple[Sequence[str], Sequence[str]]
) -> None:
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
                input_names=list(names[0]),
                output_names=list(names[1]),
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
    except torch.onnx.OnnxExporterError as error:
        raise ValueError(
            f'torch {torch.__version__} cannot convert this model to ONNX; a newer torch may, or '
            'write a .pt2'
        ) from error
    finally:
        raw.unlink(missing_ok=True)
        raw.with_name(f'{raw.name}.data').unlink(missing_ok=True)


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
