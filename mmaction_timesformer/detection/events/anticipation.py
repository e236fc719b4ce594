"""Dangers that are to come, as classes of their own.

A stream model scores each class at some horizons too, under names such as ``Cabin-Worker in 4 s``.
With a rule of its own such a class makes events as any other does: what is expected opens, grows
and closes, is written, sent and tuned in the same way.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from mmaction_timesformer.detection.events.rules import SAFE_CLASS
from mmaction_timesformer.detection.quality.truth import TrueEvent, TrueRecording
from mmaction_timesformer.inference.online_model import moment_name

Dangers = Mapping[str, Any] | Sequence[str] | None


def choose_dangers(
    classes: Sequence[str],
    horizons: Sequence[float],
    dangers: Dangers,
    anticipate: float | None = None,
) -> dict[str, Any]:
    """Which of a stream model's scores make events.

    Args:
        classes: The model's classes.
        horizons: Seconds ahead that it scores.
        dangers: As in the config; what is said there of classes ahead counts with `anticipate`.
        anticipate: The horizon at which dangers are events too; ``None`` for the present alone.

    Raises:
        ValueError: The model does not score that horizon.
    """
    ahead = tuple(seconds for seconds in horizons if seconds > 0)
    if anticipate is not None and anticipate not in ahead:
        raise ValueError(f'anticipate={anticipate:g} must be one of {ahead} seconds')
    if dangers is None:
        dangers = [name for name in classes if name != SAFE_CLASS]
    given = dict(dangers) if isinstance(dangers, Mapping) else {name: {} for name in dangers}
    all_ahead = {moment_name(name, seconds) for name in classes for seconds in ahead}
    now = {name: rule for name, rule in given.items() if name not in all_ahead}
    if anticipate is None:
        return now
    names = [moment_name(name, anticipate) for name in now if name in classes]
    # What is to come is not better known later.
    return now | {name: {'lookback_seconds': 0.0, **given.get(name, {})} for name in names}


def expected_truth(
    truth: Mapping[str, TrueRecording], anticipate: float
) -> dict[str, TrueRecording]:
    """Expectations of a perfect model: each event as much earlier, beside the event itself.

    Args:
        truth: What happened.
        anticipate: The horizon.
    """
    return {
        name: replace(
            recording,
            events=(
                *recording.events,
                *(
                    TrueEvent(
                        moment_name(event.label, anticipate),
                        max(0.0, event.start_seconds - anticipate),
                        event.end_seconds - anticipate,
                    )
                    for event in recording.events
                    if event.end_seconds > anticipate
                ),
            ),
        )
        for name, recording in truth.items()
    }
