"""The rule that makes an event of a class, as data that lives in a config."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

from mmaction_timesformer.inference.online_model import moment_name

SMOOTHINGS = ('none', 'ema', 'centred')
SAFE_CLASS = 'Other'
"""The class that is never an event."""
_ADDED_LATER = ('lookback_seconds',)
"""Fields that no fingerprint names unless they are set: it must outlive a new field."""


@dataclass(frozen=True)
class EventRule:
    """When an event of one class begins and ends.

    A run is a stretch of time over which the smoothed probability stays at `leave` or above and at
    some moment reaches `enter`. Runs that are at most `merge_gap_seconds` apart are one event, and
    an event shorter than `min_seconds`, before it is widened, is none.

    Attributes:
        smoothing: ``none``, ``ema`` (causal, no delay beyond its own lag) or ``centred`` (a mean
            over as much future as past, so the alarm comes half a width later).
        smoothing_seconds: Time constant of the average, or the width of the mean.
        enter: Probability that proves a run.
        leave: Probability below which a run ends.
        min_seconds: Shortest event.
        merge_gap_seconds: Longest pause within an event.
        cooldown_seconds: Rest after an event, in which nothing of this class counts.
        widen_seconds: How much earlier an event begins and how much later it ends than its runs. A
            window is sure of an event while it shows most of it, and speaks for its centre alone:
            the longer an event, the shorter its run. What touches by that is one event.
        lookback_seconds: For models of streams: read the score that the model gives so many
            seconds later of what was, where it has such a horizon. The alarm comes as much later.
    """

    smoothing: str = 'ema'
    smoothing_seconds: float = 2.0
    enter: float = 0.6
    leave: float = 0.4
    min_seconds: float = 2.0
    merge_gap_seconds: float = 2.0
    cooldown_seconds: float = 0.0
    widen_seconds: float = 0.0
    lookback_seconds: float = 0.0

    def __post_init__(self) -> None:
        if self.smoothing not in SMOOTHINGS:
            raise ValueError(f'smoothing={self.smoothing!r} is unknown; choose from {SMOOTHINGS}')
        if not 0 < self.leave <= self.enter <= 1:
            raise ValueError(
                f'enter={self.enter} and leave={self.leave} must have 0 < leave <= enter <= 1'
            )
        for field in fields(self):
            value = getattr(self, field.name)
            if field.name.endswith('_seconds') and not 0 <= value < float('inf'):
                raise ValueError(f'{field.name}={value} must be 0 or more')

    def __str__(self) -> str:
        """The rule as fingerprints of models have it."""
        named = [
            f'{field.name}={getattr(self, field.name)!r}'
            for field in fields(self)
            if field.name not in _ADDED_LATER or getattr(self, field.name) != field.default
        ]
        return f'EventRule({", ".join(named)})'

    @property
    def pause_seconds(self) -> float:
        """Longest pause between two runs of one event."""
        return max(self.merge_gap_seconds, 2 * self.widen_seconds)


def score_column(label: str, rule: EventRule, names: Sequence[str]) -> int:
    """The place of the score that a class's rule reads, among the names of all scores.

    Raises:
        ValueError: The model gives no such score.
    """
    wanted = moment_name(label, -rule.lookback_seconds)
    if wanted not in names:
        raise ValueError(
            f'the rule of {label} has lookback_seconds={rule.lookback_seconds:g}, but the model '
            f'does not score {wanted!r}; it scores {list(names)}'
        )
    return list(names).index(wanted)


def make_rules(
    classes: Sequence[str],
    dangers: Mapping[str, Mapping[str, Any]] | Sequence[str] | str | None,
    defaults: Mapping[str, Any],
) -> dict[str, EventRule]:
    """Rules for the classes that are dangers.

    Args:
        classes: The model's classes in index order.
        dangers: The classes that are events, with what each changes in `defaults`, or only their
            names. Without it, every class but ``Other``.
        defaults: Arguments of `EventRule` for all classes.

    Returns:
        A rule for each danger, in the order of the classes.

    Raises:
        ValueError: A class or an argument is unknown, ``Other`` is named, or a value is wrong.
    """
    if dangers is None:
        dangers = [name for name in classes if name != SAFE_CLASS]
    if isinstance(dangers, str):
        dangers = [dangers]
    changes = dangers if isinstance(dangers, Mapping) else {name: {} for name in dangers}
    if SAFE_CLASS in changes:
        raise ValueError(f'{SAFE_CLASS!r} is never an event; take it out of dangers')
    if unknown := sorted(set(changes) - set(classes)):
        raise ValueError(
            f'detection.dangers names {unknown}, but the classes of this model are '
            f'{list(classes)}: set detection.dangers to those that are dangers, in the config or '
            f"by --cfg-options detection.dangers='[{classes[0]}]'"
        )
    if not changes:
        raise ValueError(f'dangers is empty; the classes are {list(classes)}')
    return {
        name: _make_rule(name, {**defaults, **(changes[name] or {})})
        for name in classes
        if name in changes
    }


def _make_rule(name: str, arguments: Mapping[str, Any]) -> EventRule:
    known = [field.name for field in fields(EventRule)]
    unknown = sorted(set(arguments) - set(known))
    if unknown:
        raise ValueError(f'the rule of {name} has unknown {unknown}; it may have {known}')
    try:
        return EventRule(**arguments)
    except (TypeError, ValueError) as error:
        raise ValueError(f'the rule of {name}: {error}') from None
