"""A model that takes over from the one that is watching, between two windows.

What a model is shown, and where windows lie, stays as it is; its classes begin with those of the
model before.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from mmaction_timesformer.detection.events.tracker import EventSettings
from mmaction_timesformer.inference.scoring import Score


@dataclass(frozen=True)
class Successor:
    """A model that is ready to take over, or one that could not be loaded.

    Attributes:
        name: In its lineage.
        score: From clips to probabilities; None if it could not be loaded.
        events: How its scores become events.
        error: Why it could not be loaded.
        load_seconds: Time that loading took, beside the watching.
    """

    name: str
    score: Score | None = None
    events: EventSettings | None = None
    error: str = ''
    load_seconds: float = 0.0


NextModel = Callable[[], Successor | None]
"""Gives a model that takes over, once; None as long as there is none. It does not wait."""


@dataclass(frozen=True)
class ModelChange:
    """Another model scores windows from here on, in all sources.

    Attributes:
        name: Of the model in its lineage.
        model: Fingerprint for the events.
        before: That of the model before.
        events: How scores become events now; None if nothing changed.
        time: When, ISO 8601.
        error: Why the model did not take over; the one before goes on.
        load_seconds: Time that loading took.
        source: Empty: all of them.
    """

    name: str
    model: str
    before: str
    time: str
    events: EventSettings | None = None
    error: str = ''
    load_seconds: float = 0.0
    source: str = ''
