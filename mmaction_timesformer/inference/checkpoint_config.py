"""The config that mmengine writes into every checkpoint, read without running it.

It is Python source: assignments of plain values, with ``dict(...)`` as the only call. Read as data,
it does as little as weights do, so that a checkpoint from anywhere may be opened.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping
from typing import Any

from mmengine.config import Config


def read_checkpoint_config(meta: Mapping[str, Any], checkpoint: object) -> Config:
    """Read the config that training wrote into a checkpoint.

    Args:
        meta: What the checkpoint holds beside its weights.
        checkpoint: Its name, for errors.

    Raises:
        ValueError: There is none, or it holds more than plain values and names of registered types.
    """
    text = meta.get('cfg')
    if not isinstance(text, str):
        raise ValueError(f'{checkpoint} holds no config: give the config file as well')
    try:
        values = read_assignments(text)
        _check_types(values)
    except ValueError as error:
        raise ValueError(f'{checkpoint}: {error}; give the config file as well') from error
    return Config(values)


def read_assignments(text: str) -> dict[str, Any]:
    """Read lines of ``name = value``.

    Raises:
        ValueError: Something stands there that is not a plain value.
    """
    try:
        lines = ast.parse(text).body
    except (SyntaxError, ValueError, RecursionError) as error:
        raise ValueError(f'the config in it is not Python: {error}') from error
    values = {}
    for line in lines:
        if not (isinstance(line, ast.Assign) and isinstance(line.targets[0], ast.Name)):
            raise ValueError(f'line {line.lineno} of the config in it is not an assignment')
        values[line.targets[0].id] = _value(line.value)
    return values


def _value(node: ast.expr) -> Any:
    """The value of an expression: a literal, or ``dict`` called with named values."""
    match node:
        case ast.Call(func=ast.Name(id='dict'), args=[], keywords=keywords):
            return {_name(keyword): _value(keyword.value) for keyword in keywords}
        case ast.Dict(keys=keys, values=values) if None not in keys:
            pairs = zip(keys, values, strict=True)
            return {_value(key): _value(value) for key, value in pairs if key is not None}
        case ast.List(elts=items):
            return [_value(item) for item in items]
        case ast.Tuple(elts=items):
            return tuple(_value(item) for item in items)
        case ast.Name(id='inf' | 'nan' as name):
            return float(name)
        case ast.UnaryOp(op=ast.USub(), operand=ast.Name(id='inf')):
            return -float('inf')
    try:
        return ast.literal_eval(node)
    except ValueError as error:
        raise ValueError(f'line {node.lineno} of the config in it is not a plain value') from error


def _name(keyword: ast.keyword) -> str:
    if keyword.arg is None:
        raise ValueError(f'line {keyword.lineno} of the config in it unpacks a mapping')
    return keyword.arg


def _check_types(value: Any) -> None:
    """Refuse types by dotted name, which mmengine would import from any module.

    Raises:
        ValueError: There is one.
    """
    if isinstance(value, Mapping):
        kind = value.get('type')
        if isinstance(kind, str) and '.' in kind:
            raise ValueError(f'its config builds {kind!r}, a name with dots, which may be any code')
        for item in value.values():
            _check_types(item)
    elif isinstance(value, list | tuple):
        for item in value:
            _check_types(item)
