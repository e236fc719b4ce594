"""Command-line words that replace values of a config."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any


class ConfigOptions(argparse.Action):
    """``KEY=VALUE`` words that replace values of a config, read by mmengine's own action."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: str | Sequence[Any] | None,
        option_string: str | None = None,
    ) -> None:
        """Parse the words."""
        from mmengine.config import DictAction  # importing it takes a second

        action = DictAction(self.option_strings, self.dest, nargs=self.nargs)
        action(parser, namespace, values, option_string)
