"""Literal tables between this project's parameter names and those of another library.

A table pairs templates, own ones on the left: ``{i}`` is the number of a block, ``{p}`` is
``weight`` or ``bias``. Own names are those of a whole model, with ``backbone.`` or ``cls_head.`` in
front.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from torch import Tensor

StateDict = Mapping[str, Tensor]
"""Parameter names to values."""

OWN_BLOCK = 'backbone.blocks.{i}.'

_FIELDS = {'{i}': r'(?P<i>\d+)', '{p}': '(?P<p>weight|bias)'}


class NameTable:
    """Pairs of name templates, readable in both directions.

    Args:
        model: Pairs outside the blocks.
        block: Pairs inside a block.
        theirs: What their names have before those of a block.
        prefixes: Beginnings of their names that a file may have or lack.
    """

    def __init__(
        self,
        model: Mapping[str, str],
        block: Mapping[str, str],
        theirs: str,
        prefixes: tuple[str, ...] = (),
    ) -> None:
        pairs = {**model, **{OWN_BLOCK + own: theirs + name for own, name in block.items()}}
        self._prefixes = prefixes
        self._from_ours = [(_pattern(ours), theirs) for ours, theirs in pairs.items()]
        self._to_ours = [(_pattern(self._bare(theirs)), ours) for ours, theirs in pairs.items()]

    def to_ours(self, state_dict: StateDict) -> dict[str, Tensor]:
        """Rename their parameters; those that the table lacks keep their names."""
        return {
            _translate(self._bare(name), self._to_ours) or name: value
            for name, value in state_dict.items()
        }

    def from_ours(self, state_dict: StateDict) -> dict[str, Tensor]:
        """Rename own parameters.

        Raises:
            ValueError: The table lacks a name: their library has no such parameter.
        """
        renamed = {name: _translate(name, self._from_ours) for name in state_dict}
        foreign = [name for name, theirs in renamed.items() if theirs is None]
        if foreign:
            raise ValueError(
                f'{len(foreign)} parameters have no counterpart in that library: {foreign[:5]}'
            )
        return {theirs: state_dict[name] for name, theirs in renamed.items() if theirs is not None}

    def _bare(self, name: str) -> str:
        for prefix in self._prefixes:
            name = name.removeprefix(prefix)
        return name


def rename_step(state_dict: StateDict, old: str, new: str) -> dict[str, Tensor]:
    """Give one attention step of every block another name."""
    return {
        re.sub(rf'(blocks\.\d+\.steps\.){old}\.', rf'\g<1>{new}.', name): value
        for name, value in state_dict.items()
    }


def name_joint_step(state_dict: dict[str, Tensor]) -> dict[str, Tensor]:
    """Call the only step ``joint`` where frames have positions in time: space only has none."""
    divided = any('.steps.time.' in name for name in state_dict)
    if divided or 'backbone.time_embed' not in state_dict:
        return state_dict
    return rename_step(state_dict, 'space', 'joint')


def _pattern(template: str) -> re.Pattern[str]:
    expression = re.escape(template)
    for field, choices in _FIELDS.items():
        expression = expression.replace(re.escape(field), choices)
    return re.compile(expression)


def _translate(name: str, patterns: list[tuple[re.Pattern[str], str]]) -> str | None:
    for pattern, template in patterns:
        if match := pattern.fullmatch(name):
            return template.format(**match.groupdict())
    return None
