"""Report of loading: the fate of every parameter."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

from mmaction_timesformer.models.checkpoints.public_weights import Preprocessing

_BLOCK = re.compile(r'(?:.*\.)?blocks\.(\d+)\.(steps\.\w+|mlp)(\.fc(?=\.))?')


class Fate(str, Enum):
    """Fate of a parameter of the model."""

    MATCHED = 'matched'
    RESIZED = 'resized'
    COPIED = 'copied'
    REINITIALISED = 're-initialised'


@dataclass(frozen=True)
class Outcome:
    """A parameter's fate and, where it is not plain, why or how."""

    fate: Fate
    detail: str = ''


@dataclass(frozen=True)
class LoadReport:
    """The fate of every parameter of a model, and what the source had besides.

    Args:
        source: Path or URL of the weights, as far as it is known.
        weight_format: The layout they had.
        outcomes: Parameter of the model to its outcome, in the model's order.
        unused: Parameters of the source that the model has no place for.
        preprocessing: What the weights expect of their inputs, where that is known.
    """

    source: str
    weight_format: str
    outcomes: Mapping[str, Outcome]
    unused: tuple[str, ...] = ()
    preprocessing: Preprocessing | None = field(default=None, compare=False)

    @property
    def matched(self) -> tuple[str, ...]:
        """Parameters that took a value of the source as it is."""
        return self._names(Fate.MATCHED)

    @property
    def resized(self) -> tuple[str, ...]:
        """Parameters that took a value of the source in another size."""
        return self._names(Fate.RESIZED)

    @property
    def copied(self) -> tuple[str, ...]:
        """Parameters that took a value whose own place is elsewhere."""
        return self._names(Fate.COPIED)

    @property
    def reinitialised(self) -> tuple[str, ...]:
        """Parameters that the source has no value for: at zero, or as they were initialised."""
        return self._names(Fate.REINITIALISED)

    @property
    def complete(self) -> bool:
        """Whether every parameter has a value of the source and nothing of it was left over."""
        return not self.reinitialised and not self.unused

    def summary(self) -> str:
        """One line: counts, and the names of what a reader should know."""
        counts = [f'{len(self.matched)} matched']
        for label, names in (
            ('resized', self.resized),
            ('copied', self.copied),
            ('re-initialised', self.reinitialised),
            ('unused', self.unused),
        ):
            counts.append(f'{len(names)} {label}{self._examples(names)}')
        return f'{self.source or "weights"} ({self.weight_format}): {", ".join(counts)}'

    def table(self) -> str:
        """Every parameter on a line of its own: fate, name, detail."""
        rows = [
            (outcome.fate.value, name, outcome.detail) for name, outcome in self.outcomes.items()
        ]
        rows += [('unused', name, '') for name in self.unused]
        width = max((len(name) for _, name, _ in rows), default=0)
        return '\n'.join(
            f'{fate:<14} {name:<{width}} {detail}'.rstrip() for fate, name, detail in rows
        )

    def check_complete(self) -> None:
        """Refuse anything re-initialised or unused.

        Raises:
            ValueError: There is such a parameter; the message has the whole story.
        """
        if not self.complete:
            raise ValueError(f'not a complete match, as strict=True asks for: {self.summary()}')

    def _names(self, fate: Fate) -> tuple[str, ...]:
        return tuple(name for name, outcome in self.outcomes.items() if outcome.fate is fate)

    def _examples(self, names: tuple[str, ...], most: int = 4) -> str:
        """Names of these parameters, blocks and layers taken together, with their details."""
        if not names:
            return ''
        blocks = {match[1] for name in self.outcomes if (match := _BLOCK.match(name))}
        kinds = Counter(self._kind(name, blocks) for name in names)
        shown = [kind for kind, _ in kinds.most_common(most)]
        more = [f'{len(kinds) - most} more'] if len(kinds) > most else []
        return f' ({"; ".join(shown + more)})'

    def _kind(self, name: str, blocks: set[str]) -> str:
        outcome = self.outcomes.get(name, Outcome(Fate.MATCHED))
        kind = name.removesuffix('.weight').removesuffix('.bias')
        if match := _BLOCK.match(name):
            _, part, extra = match.groups()
            kind = f'blocks.*.{part}{extra or ""}' if match[1] in blocks else f'blocks.{match[1]}'
        return f'{kind} {outcome.detail}'.rstrip()
