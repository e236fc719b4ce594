"""What a window over a recording shows, given the events that truly happened."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

SHOWN_LEAST, UNSHOWN_MOST = 0.8, 0.2
"""Shares of a danger in a window that shows it, and in one that does not."""


class Span(Protocol):
    """Something with a label, from a start to an end."""

    @property
    def label(self) -> str:
        """What it is."""

    @property
    def start_seconds(self) -> float:
        """When it begins."""

    @property
    def end_seconds(self) -> float:
        """When it ends."""


def window_label(
    events: Sequence[Span], start_seconds: float, end_seconds: float, other: str
) -> str | None:
    """What a window shows.

    A window shows a danger if it holds four fifths of it, or if the danger fills four fifths of the
    window: a long one is never seen whole.

    Args:
        events: The dangers of the recording.
        start_seconds: Where the window begins.
        end_seconds: Where it ends.
        other: What it is called where it shows none.

    Returns:
        A label; None where the window cuts a danger in half or shows two kinds.
    """
    shown = set()
    for event in events:
        inside = share_inside(event, start_seconds, end_seconds)
        filled = inside * (event.end_seconds - event.start_seconds) / (end_seconds - start_seconds)
        if max(inside, filled) >= SHOWN_LEAST:
            shown.add(event.label)
        elif inside > UNSHOWN_MOST:
            return None
    if len(shown) > 1:
        return None
    return shown.pop() if shown else other


def share_inside(event: Span, start_seconds: float, end_seconds: float) -> float:
    """Which share of an event lies in a span of time; negative when it is far away."""
    inside = min(end_seconds, event.end_seconds) - max(start_seconds, event.start_seconds)
    return inside / (event.end_seconds - event.start_seconds)
