"""The demo's steps in order, each timed and announced; a step is a function of `DemoRun`."""

from __future__ import annotations

import shlex
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from demo_yard.walkthrough.demo_run import DemoOptions, DemoRun, StepFailedError
from demo_yard.walkthrough.events import EVENT_F1, find_events
from demo_yard.walkthrough.showing import explain, show_results, write_demo_index
from demo_yard.walkthrough.steps import render, report_data, test, train

Step = Callable[[DemoRun], None]


@dataclass(frozen=True)
class NamedStep:
    """A step and what is printed before it."""

    title: str
    perform: Step


STEPS: tuple[NamedStep, ...] = (
    NamedStep('Rendering a railway yard', render),
    NamedStep('Checking the data', report_data),
    NamedStep('Training a TimeSformer from nothing', train),
    NamedStep('Testing on recordings that it never saw', test),
    NamedStep('Showing its results', show_results),
    NamedStep('Explaining some of its decisions', explain),
    NamedStep('Finding dangers in long videos', find_events),
    NamedStep('Linking every page', write_demo_index),
)
"""Steps of `make demo`. A further step is one more line, before the one that links the pages."""
SHOWN_METRICS = ('acc/top1', 'acc/mean1', EVENT_F1)


def run_demo(options: DemoOptions, steps: Sequence[NamedStep] = STEPS) -> int:
    """Take all steps.

    Args:
        options: What to render and where to put everything.
        steps: What to do, in order.

    Returns:
        The program's exit status: 0, or 1 when a step failed.
    """
    started = time.monotonic()
    run = DemoRun(options)
    for number, step in enumerate(steps, start=1):
        print(f'\n[{number}/{len(steps)}] {step.title}', flush=True)
        begun = time.monotonic()
        try:
            step.perform(run)
        except (StepFailedError, ValueError, OSError) as error:
            print(f'error: {step.title}: {error}', file=sys.stderr, flush=True)
            return 1
        run.seconds[step.title] = time.monotonic() - begun
        print(f'  took {run.seconds[step.title]:.0f} s', flush=True)
    run.write_figures()
    _summarize(run, time.monotonic() - started)
    return 0


def _summarize(run: DemoRun, seconds: float) -> None:
    print(f'\nDone in {seconds // 60:.0f} min {seconds % 60:.0f} s')
    for name, value in run.metrics.items():
        if name in SHOWN_METRICS:
            print(f'  {name}: {value:.4f}')
    for name, path in run.results.items():
        print(f'  {name}: {_shown(path)}')
    found = run.options.work_dir / 'events' / 'unseen'
    if found.is_dir():
        print(f'Review what was found: python tools/serve.py {shlex.quote(str(_shown(found)))}')


def _shown(path: Path) -> Path:
    """Relative to the current folder where that is shorter."""
    try:
        return path.resolve().relative_to(Path.cwd())
    except ValueError:
        return path
