"""The config that mmengine writes into every checkpoint, read without running it.

It is Python source: assignments of plain values, with ``dict(...)`` as the only call. Read as data,
it does as little as weights do, so that a checkpoint from anywhere may be opened.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from typing import Any

from mmengine.config import Config
from torch import Tensor

MAX_NUMBER = 65_536
"""Of the model and the pipelines: of classes, pixels, frames."""

_LOADERS = ('train_dataloader', 'val_dataloader', 'test_dataloader')
_PIPELINES = ('train_pipeline', 'val_pipeline', 'test_pipeline')
_DEPTHS = ('num_transformer_layers', 'num_layers', 'depth', 'depths')


def read_checkpoint_config(
    meta: Mapping[str, Any], checkpoint: object, weights: Mapping[str, Any]
) -> Config:
    """Read the config that training wrote into a checkpoint.

    Args:
        meta: What the checkpoint holds beside its weights.
        checkpoint: Its name, for errors.
        weights: Its parameters: the config may not build a model that is far larger.

    Raises:
        ValueError: There is none, it holds more than plain values and names of registered types, a
            part of it has another type than in a config, or a number is far too large.
    """
    text = meta.get('cfg')
    if not isinstance(text, str):
        raise ValueError(f'{checkpoint} holds no config: give the config file as well')
    try:
        values = read_assignments(text)
        _check_types(values)
        _check_parts(values)
        _check_sizes(values, weights)
        return Config(values)
    except (ValueError, KeyError) as error:  # mmengine keeps some names for itself
        reason = error.args[0] if isinstance(error, KeyError) else error
        raise ValueError(f'{checkpoint}: {reason}; give the config file as well') from error


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
        # As mmengine writes a mapping with keys that are not names, such as classes with a hyphen.
        case ast.Call(func=ast.Name(id='dict'), args=[ast.Dict() as mapping], keywords=[]):
            return _value(mapping)
        case ast.Dict(keys=keys, values=values) if None not in keys:
            pairs = zip(keys, values, strict=True)
            return {_key(key): _value(value) for key, value in pairs if key is not None}
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


def _key(node: ast.expr) -> Any:
    if not isinstance(node, ast.Constant):
        raise ValueError(f'line {node.lineno} of the config in it has a key that is not plain')
    return node.value


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


def _check_parts(values: Mapping[str, Any]) -> None:
    """Refuse parts of another type than tools expect of a config.

    Raises:
        ValueError: There is one.
    """
    datasets = {}
    for name in ('model', *_LOADERS):
        part = values.get(name)
        if not isinstance(part, Mapping | None):
            raise ValueError(f'{name!r} in its config is a {type(part).__name__}, not a dict')
        dataset = (part or {}).get('dataset')
        if not isinstance(dataset, Mapping | None):
            raise ValueError(f'the dataset of {name!r} in its config is not a dict')
        datasets[f'{name}.dataset'] = (dataset or {}).get('pipeline')
    if not isinstance(values.get('default_scope', ''), str):
        raise ValueError("'default_scope' in its config is not text")
    for name, steps in (datasets | {name: values.get(name) for name in _PIPELINES}).items():
        is_steps = isinstance(steps, list | tuple) and all(isinstance(s, Mapping) for s in steps)
        if steps is not None and not is_steps:
            raise ValueError(f'the pipeline of {name!r} in its config is not a list of dicts')


def _check_sizes(values: Mapping[str, Any], weights: Mapping[str, Any]) -> None:
    """Refuse numbers by which a small file would ask for any amount of memory.

    Raises:
        ValueError: There is one.
    """
    tensors = [value for value in weights.values() if isinstance(value, Tensor)]
    num_values = sum(tensor.numel() for tensor in tensors)
    parts = {name: values.get(name) for name in ('model', *_LOADERS, *_PIPELINES)}
    for key, number in _whole_numbers(parts):
        if abs(number) > MAX_NUMBER:
            raise ValueError(f'{key}={number} in its config; the limit is {MAX_NUMBER:,}')
        if key in _DEPTHS and number > len(tensors):
            raise ValueError(f'{key}={number} in its config; the file has {len(tensors)} tensors')
        # Each block has at least one square matrix of this width.
        if key == 'embed_dims' and number * number > num_values:
            raise ValueError(f'{key}={number} in its config; the file has {num_values:,} numbers')


def _whole_numbers(value: Any, key: str = '') -> Iterator[tuple[str, int]]:
    """Whole numbers anywhere in a value, each with the key that it stands under."""
    if isinstance(value, int):
        yield key, value
    elif isinstance(value, Mapping):
        for name, item in value.items():
            yield from _whole_numbers(item, str(name))
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _whole_numbers(item, key)
