"""State that the demo's steps share: options, folders, results so far."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from demo_yard.rendering import DemoSettings
from demo_yard.walkthrough.programs import run_program
from mmaction_timesformer.reports.index_page import IndexEntry
from video_clips.commands import num_cores
from video_clips.whole_files import write_atomically

ROOT = Path(__file__).parents[2]
CONFIG = (
    ROOT
    / 'configs/railway_yard/timesformer_divST-demo_scratch_1xb8-u8-16e_railway-yard-demo-rgb.py'
)
DATA_VARIABLE = 'RAILWAY_YARD_DEMO'
"""Environment variable that tells the demo's config where the data lies."""


class StepFailedError(RuntimeError):
    """A step's command did not succeed; the message says which and where its output is."""


@dataclass(frozen=True)
class DemoOptions:
    """Options of the command line.

    Args:
        work_dir: Folder for everything that the demo makes.
        seed: Of the rendered set and of the training.
        quick: A few clips and one epoch: shows that everything runs, and learns nothing.
        resume: Go on with an interrupted training in place of starting anew.
    """

    work_dir: Path
    seed: int = 0
    quick: bool = False
    resume: bool = False


@dataclass
class DemoRun:
    """One run of the demo.

    Args:
        options: What the command line decides.
        seconds: What each step took, by its title.
        metrics: Filled by the steps: figures of the model.
        results: Filled by the steps: what lies where.
        pages: Filled by the steps: what the index links, in this order.
    """

    options: DemoOptions
    seconds: dict[str, float] = field(default_factory=dict)
    metrics: dict[str, float] = field(default_factory=dict)
    results: dict[str, Path] = field(default_factory=dict)
    pages: list[IndexEntry] = field(default_factory=list)

    @property
    def settings(self) -> DemoSettings:
        """Settings of the set to render."""
        if self.options.quick:
            return DemoSettings(16, clips_per_recording=4, num_windows=2, seed=self.options.seed)
        return DemoSettings(900, clips_per_recording=5, num_windows=480, seed=self.options.seed)

    @property
    def data(self) -> Path:
        """Folder of the rendered set; sets of other settings lie beside it."""
        size = 'quick' if self.options.quick else 'data'
        return self.options.work_dir / f'{size}_seed{self.options.seed}'

    @property
    def training(self) -> Path:
        """Work folder of the training."""
        return self.options.work_dir / 'training'

    @property
    def testing(self) -> Path:
        """Work folder of the test."""
        return self.options.work_dir / 'test'

    @property
    def dump(self) -> Path:
        """Predictions of the test clips."""
        return self.testing / 'predictions.pkl'

    def publish(self, title: str, text: str, page: Path, picture: Path | None = None) -> None:
        """Let the index link a page.

        Args:
            title: What it is called.
            text: What is seen there, in a sentence.
            page: The file.
            picture: A picture of it for the index.
        """
        self.pages.append(IndexEntry(title, text, page, picture))
        self.results[title.lower()] = page

    @property
    def figures(self) -> Path:
        """Measured seconds and metrics, as JSON."""
        return self.options.work_dir / 'figures.json'

    def write_figures(self) -> None:
        """Write what was measured."""
        with write_atomically(self.figures) as stream:
            json.dump({'seconds': self.seconds, 'metrics': self.metrics}, stream, indent=1)

    @property
    def environment(self) -> dict[str, str]:
        """Environment variables of the programs."""
        return {
            DATA_VARIABLE: str(self.data.resolve()),
            'PYTHONUNBUFFERED': '1',
            # A process loads clips: threads that wait for its core cost so small a model more time
            # than they save.
            'OMP_NUM_THREADS': os.environ.get('OMP_NUM_THREADS', str(max(1, num_cores() - 1))),
            # The stack's own warnings; nothing here can mend them.
            'PYTHONWARNINGS': 'ignore',
        }

    def command(self, arguments: Sequence[str | Path]) -> None:
        """Run a Python program of this project, its output going where this one's goes.

        Raises:
            StepFailedError: Its exit status is not 0.
        """
        words = [str(argument) for argument in arguments]
        status = run_program(words, ROOT)
        if status:
            raise StepFailedError(f'`{" ".join(words)}` ended with status {status}')
