"""Checks of an ONNX file before a runtime opens it: opening one already computes its constants.

A file from a stranger may hold loops without an end, or constants of any size.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from onnx import GraphProto, NodeProto

MAX_NUMBERS = 2**28
"""Of one tensor, for one clip: 1 GiB. Joint attention of 8x224x224 has 30 million."""

_PLAIN_DOMAINS = ('', 'ai.onnx', 'ai.onnx.ml', 'com.microsoft')


def check_onnx(file: Path) -> None:
    """Refuse a file that could take any time or memory.

    Raises:
        ImportError: The package ``onnx`` is not installed.
        ValueError: The file is damaged, holds loops, branches or functions, refers to other files,
            or makes a tensor of more than `MAX_NUMBERS`.
    """
    import onnx
    from google.protobuf.message import DecodeError  # type: ignore[import-untyped]

    try:
        model = onnx.load(str(file), load_external_data=False)
        if model.functions:
            raise ValueError('it holds functions, which exports of this package do not')
        _check_nodes(model.graph.node)
        outside = [t.name for t in model.graph.initializer if t.data_location == t.EXTERNAL]
        if outside:
            raise ValueError(f'{outside[0]!r:.60} in it is in another file; export it as one file')
        _check_sizes(onnx.shape_inference.infer_shapes(model, data_prop=True).graph)
    except (DecodeError, RuntimeError, RecursionError, UnicodeDecodeError) as error:
        reason = str(error).partition('\n')[0]
        raise ValueError(f'{file} is no ONNX file that can be run: {reason:.200}') from None
    except ValueError as error:
        raise ValueError(f'{file}: {error}') from None


def _check_nodes(nodes: Iterable[NodeProto]) -> None:
    for node in nodes:
        if node.domain not in _PLAIN_DOMAINS:
            raise ValueError(f'the operator {node.domain}.{node.op_type} is not of ONNX')
        if any(part.HasField('g') or part.graphs for part in node.attribute):
            raise ValueError(
                f'the operator {node.op_type} is refused: exports of this package hold neither '
                'loops nor branches, and a loop may never end'
            )


def _check_sizes(graph: GraphProto) -> None:
    shapes = [(value.name, value.type.tensor_type.shape) for value in graph.value_info]
    for name, shape in shapes:
        # A dimension without a value, the batch, counts as one clip.
        number = math.prod(max(size.dim_value, 1) for size in shape.dim)
        if number > MAX_NUMBERS:
            raise ValueError(f'{name!r:.60} has {number:,} numbers; the limit is {MAX_NUMBERS:,}')
