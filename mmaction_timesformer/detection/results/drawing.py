"""The panel below a frame: each class's probability, and a timeline of the events.

Legend: H/W pixels.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from PIL import Image, ImageDraw

from data_analysis.report.charts.fonts import pillow_font
from data_analysis.report.charts.style import CLASS_COLORS, GRID, INK, MUTED
from mmaction_timesformer.detection.events.events import DangerEvent, clock
from mmaction_timesformer.detection.events.tracker import ScoredWindow

_PAPER = '#ffffff'
_ALARM = '#c0392b'


def class_colours(labels: Sequence[str]) -> dict[str, str]:
    """A colour for each class, the same on every page and picture."""
    return {label: CLASS_COLORS[i % len(CLASS_COLORS)] for i, label in enumerate(labels)}


class Panel:
    """Draws the panel below the frames of one recording.

    Args:
        width: Of the frames, in pixels.
        labels: The classes that are dangers.
        events: The recording's events.
        duration_seconds: How long it is.
    """

    def __init__(
        self,
        width: int,
        labels: Sequence[str],
        events: Sequence[DangerEvent],
        duration_seconds: float,
    ) -> None:
        self._labels = labels
        self._events = events
        self._duration_seconds = max(duration_seconds, 1e-3)
        self._colours = class_colours(labels)
        self._font_size = max(10, min(18, width // 36))
        self._font = pillow_font(self._font_size, labels)
        self._row = round(self._font_size * 1.5)
        self._margin = self._font_size // 2
        self._bar_left = self._margin + self._longest_text() + self._margin
        self.size = (width, self._row * (len(labels) + 1) + 2 * self._margin)
        self._still = self._draw_still()

    def _longest_text(self) -> int:
        texts = [*self._labels, clock(self._duration_seconds)]
        return max(round(self._font.getlength(text)) for text in texts)

    def _draw_still(self) -> Image.Image:
        """Draw what does not change from frame to frame: names and the timeline."""
        image = Image.new('RGB', self.size, _PAPER)
        draw = ImageDraw.Draw(image)
        for row, label in enumerate(self._labels):
            top = self._margin + row * self._row
            draw.text((self._margin, top), label, INK, self._font)
        left, top, right, bottom = self._row_box(len(self._labels))
        draw.rectangle((left, top, right, bottom), GRID)
        for event in self._events:
            start, end = self._x(event.start_seconds), self._x(event.end_seconds)
            draw.rectangle((start, top, max(end, start + 1), bottom), self._colours[event.label])
        return image

    def _row_box(self, row: int) -> tuple[int, int, int, int]:
        """Left, top, right and bottom of a row's bar."""
        top = self._margin + row * self._row + 2
        return self._bar_left, top, self.size[0] - self._margin, top + self._font_size - 2

    def _x(self, seconds: float) -> int:
        left, _, right, _ = self._row_box(0)
        return left + round(min(seconds / self._duration_seconds, 1.0) * (right - left))

    def draw(self, seconds: float, scores: Mapping[str, float]) -> np.ndarray:
        """The panel at a moment.

        Args:
            seconds: The moment.
            scores: Probability of each danger.

        Returns:
            (H, W, 3) uint8 RGB.
        """
        image = self._still.copy()
        draw = ImageDraw.Draw(image)
        now = {e.label for e in self._events if e.start_seconds <= seconds < e.end_seconds}
        for row, label in enumerate(self._labels):
            left, top, right, bottom = self._row_box(row)
            filled = left + round((right - left) * scores.get(label, 0.0))
            draw.rectangle((left, top, right, bottom), GRID)
            draw.rectangle((left, top, filled, bottom), self._colours[label])
            if label in now:
                draw.rectangle((left, top, right, bottom), outline=_ALARM, width=2)
        _, top, _, bottom = self._row_box(len(self._labels))
        here = self._x(seconds)
        draw.rectangle((here - 1, top - 3, here + 1, bottom + 3), INK)
        draw.text((self._margin, top - 2), clock(seconds), MUTED, self._font)
        return np.asarray(image)


class ScoresOverTime:
    """The scores that are valid at each moment: those of the nearest window.

    Args:
        windows: In order of time.
        classes: The model's classes in index order.
    """

    def __init__(self, windows: Sequence[ScoredWindow], classes: Sequence[str]) -> None:
        self._centres = np.array([window.seconds for window in windows])
        self._scores = [dict(zip(classes, window.scores, strict=True)) for window in windows]

    def at(self, seconds: float) -> Mapping[str, float]:
        """Probability of each class at a moment; nothing where there is no window."""
        if not len(self._centres):
            return {}
        later = int(np.searchsorted(self._centres, seconds))
        near = [place for place in (later - 1, later) if 0 <= place < len(self._centres)]
        return self._scores[min(near, key=lambda place: abs(self._centres[place] - seconds))]
