"""int8 versions of ONNX files, by onnxruntime.

``dynamic``: weights are int8, activations are measured and rounded anew at every call. ``static``:
ranges of activations are measured once, on training clips.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from onnxruntime.quantization import (
    CalibrationDataReader,
    CalibrationMethod,
    QuantFormat,
    QuantType,
    quantize_dynamic,
    quantize_static,
)
from torch import Tensor

METHODS = ('dynamic', 'static')
OPERATORS = ['MatMul', 'Gemm']


class ClipReader(CalibrationDataReader):
    """Hands clips to onnxruntime's calibration.

    Args:
        batches: Clips (B, 3, T, H, W) uint8.
    """

    def __init__(self, batches: Iterable[Tensor]) -> None:
        self._batches: Iterator[Tensor] = iter(batches)

    def get_next(self) -> dict[str, Any] | None:
        """The next batch, or None behind the last."""
        clips = next(self._batches, None)
        return None if clips is None else {'clips': clips.numpy()}


def quantize(source: Path, target: Path, method: str, batches: Iterable[Tensor] = ()) -> None:
    """Quantize the products with weights; attention itself and all else stay in float32.

    Args:
        source: The float32 file.
        target: To write.
        method: One of ``METHODS``.
        batches: Clips to calibrate on, for ``static``.
    """
    weights = _products_with_weights(source)
    # Its advice about preprocessing has been followed when the float32 file was written.
    logging.getLogger().addFilter(_no_advice)
    try:
        if method == 'dynamic':
            quantize_dynamic(
                source,
                target,
                op_types_to_quantize=OPERATORS,
                nodes_to_quantize=weights,
                per_channel=True,
                weight_type=QuantType.QInt8,
            )
        else:
            quantize_static(
                source,
                target,
                ClipReader(batches),
                quant_format=QuantFormat.QDQ,
                op_types_to_quantize=OPERATORS,
                nodes_to_quantize=weights,
                per_channel=True,
                activation_type=QuantType.QUInt8,
                weight_type=QuantType.QInt8,
                calibrate_method=CalibrationMethod.MinMax,
            )
    finally:
        logging.getLogger().removeFilter(_no_advice)


def _products_with_weights(file: Path) -> list[str]:
    import onnx

    graph = onnx.load(file).graph
    constants = {tensor.name for tensor in graph.initializer}
    return [
        node.name
        for node in graph.node
        if node.op_type in OPERATORS and any(name in constants for name in node.input)
    ]


def _no_advice(record: logging.LogRecord) -> bool:
    return 'pre-processing' not in record.getMessage()
