"""The overnight training that the Learn page starts, shows and stops."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from mmaction_timesformer.learning.corrections import Corrections
from mmaction_timesformer.web.programs.own_process import OwnProcess
from video_clips.commands import printable

CORRECTIONS = 'night.csv'
_SHOWN_LINES = 12


@dataclass(frozen=True)
class NightState:
    """How a training stands.

    Attributes:
        runs: Whether it goes on.
        is_over: Whether there was one, and it has ended.
        error: Why the last one ended, in its own words.
        lines: The end of its log.
    """

    runs: bool
    is_over: bool
    error: str
    lines: tuple[str, ...]


class NightProcess:
    """Starts ``continue_training.py overnight``, one at a time, and stops it.

    Args:
        lineage: The folder of models.
        own: The server's folder, for the log and the corrections.
    """

    def __init__(self, lineage: Path, own: Path) -> None:
        self._lineage = lineage
        self._file = own / CORRECTIONS
        self._process = OwnProcess(own, 'night', ('overnight', str(lineage)))

    def state(self) -> NightState:
        """How it stands."""
        runs = self._process.number() is not None
        lines = [printable(line) for line in self._process.lines()[-_SHOWN_LINES:]]
        is_over = not runs and self._process.last_word_at > 0
        return NightState(runs, is_over, '' if runs else self._process.error(), tuple(lines))

    def start(self, corrections: Corrections, by: str) -> None:
        """Start it; the model that comes out waits for a decision.

        Raises:
            ValueError: One runs.
        """
        if self._process.number() is None:
            corrections.write(self._file)
            if self._process.start(
                ['continue', 'overnight', str(self._lineage), str(self._file), f'--by={by}']
            ):
                return
        raise ValueError('a training runs already; wait for it, or stop it')

    def stop(self) -> None:
        """End it; nothing of it is kept but its log.

        Raises:
            ValueError: None runs.
        """
        if not self._process.stop():
            raise ValueError('no training runs')
