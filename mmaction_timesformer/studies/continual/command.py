"""The command behind ``tools/study.py continual``."""

from __future__ import annotations

import json
import platform
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.registry import init_default_scope

from data_analysis.report.html import write_page
from mmaction_timesformer.studies.clips import ClipSource, Fold, StudyClips, read_clips
from mmaction_timesformer.studies.continual.learners import (
    EWC_HOLDS,
    LEARNERS,
    ClosedForm,
    Ewc,
    Learner,
    Lesson,
    Linear,
)
from mmaction_timesformer.studies.continual.sequence import Course, Step, make_steps
from mmaction_timesformer.studies.features import FeatureStore, wanted_by
from mmaction_timesformer.studies.recipes.task import Task
from mmaction_timesformer.studies.spec import Row, Study
from mmaction_timesformer.version import __version__
from video_clips.plain_data import plain
from video_clips.whole_files import write_atomically

QUESTION = 'What is forgotten when cameras, and then a class, come one after another?'
SEEDS = (0, 1, 2)
"""Orders of the cameras, and choices of the clips for the test."""
SHOWN = ('closed form, added up', 'linear layer, new clips alone (naive)', 'linear layer, replay')
"""Learners whose matrix is on the page."""


@dataclass(frozen=True)
class Line:
    """A learner, over all orders.

    Attributes:
        name: As the page shows it.
        accuracy: Mean over steps of the accuracy at the end, of each order.
        clip_accuracy: Accuracy at the end over all clips of the test, of each order.
        forgetting: What was lost since each step was learned, of each order.
        seconds: For learning, mean over orders.
        courses: One an order.
    """

    name: str
    courses: tuple[Course, ...]

    @property
    def accuracy(self) -> np.ndarray:
        """Average accuracy of each order."""
        return np.array([course.average_accuracy for course in self.courses])

    @property
    def clip_accuracy(self) -> np.ndarray:
        """Accuracy over clips of each order."""
        return np.array([course.clip_accuracy for course in self.courses])

    @property
    def forgetting(self) -> np.ndarray:
        """Forgetting of each order."""
        return np.array([course.forgetting for course in self.courses])

    @property
    def seconds(self) -> float:
        """Mean time of an order."""
        return float(np.mean([course.seconds for course in self.courses]))

    def to_dict(self) -> dict[str, Any]:
        """As JSON has it."""
        return dict(
            name=self.name,
            average_accuracy=self.accuracy,
            clip_accuracy=self.clip_accuracy,
            forgetting=self.forgetting,
            seconds=self.seconds,
            matrices=[course.matrix() for course in self.courses],
            orders=[[step.name for step in course.steps] for course in self.courses],
        )


def continual_command(source: ClipSource, out: Path, last_class: str | None = None) -> int:
    """Run the study.

    Returns:
        The exit status: 0, or 2 for input that cannot be used.
    """
    init_default_scope('mmaction')
    try:
        clips = read_clips(source)
        last_class = last_class or clips.classes[-1]
        features = read_features(clips, out / 'features')
        orders = [make_steps(clips, last_class, seed) for seed in SEEDS]
    except (FileNotFoundError, ValueError) as error:
        print(f'error: {error}', file=sys.stderr)
        return 2
    started = time.perf_counter()
    lines = [run_learner(name, features, clips, orders) for name in LEARNERS]
    for line in lines:
        print(
            f'{line.name}: average accuracy {line.accuracy.mean():.3f}, forgetting '
            f'{100 * line.forgetting.mean():.1f} points, {line.seconds:.1f} s'
        )
    facts = {
        'difference of the closed forms': f'{largest_difference(features, clips, orders):.1e}',
        'last class': last_class,
        'seconds': f'{time.perf_counter() - started:.0f}, features aside',
        'command': ' '.join(sys.argv),
        'date': time.strftime('%Y-%m-%d'),
        'machine': f'{platform.machine()}, {torch.get_num_threads()} threads',
        'versions': f'mmaction_timesformer {__version__}, torch {torch.__version__}, '
        f'numpy {np.__version__}',
    }
    write_results(out, lines, clips, facts)
    print(f'The page: {out / "continual.html"}')
    return 0


def read_features(clips: StudyClips, folder: Path) -> np.ndarray:
    """Features (N, F) of the frozen network, computed once."""
    row = Row('features', 'ridge')
    study = Study(QUESTION, (row,))

    def show(what: str, done: int, total: int) -> None:
        print(f'\r{what}: {done} of {total} clips', end='\n' if done == total else '', flush=True)

    store = FeatureStore(folder, clips, study, show)
    arrays = store.load(wanted_by(study)[row.features], 0)
    nobody = Fold('', np.zeros(0, dtype=int), np.zeros(0, dtype=int))
    return Task(row, clips, nobody, (arrays,)).features()


def run_learner(
    name: str, features: np.ndarray, clips: StudyClips, orders: Sequence[Sequence[Step]]
) -> Line:
    """Let a learner go through all orders."""
    kind = LEARNERS[name]
    if kind is not Ewc:
        courses = [run_course(kind, features, clips, steps, s) for s, steps in enumerate(orders)]
        return Line(name, tuple(courses))
    candidates = [
        Line(
            f'{name} (held by {hold:g})',
            tuple(
                run_course(kind, features, clips, steps, seed, dict(hold=hold))
                for seed, steps in enumerate(orders)
            ),
        )
        for hold in EWC_HOLDS
    ]
    return max(candidates, key=lambda line: line.accuracy.mean())


def run_course(
    kind: type[Learner],
    features: np.ndarray,
    clips: StudyClips,
    steps: Sequence[Step],
    seed: int,
    options: Mapping[str, float] | None = None,
) -> Course:
    """Let a learner go through one order."""
    size = (len(clips.classes), features.shape[1])
    seeded = dict(seed=seed) if issubclass(kind, Linear) else {}
    learner = kind(*size, **seeded, **(options or {}))  # type: ignore[call-arg]
    answers = np.full((len(steps), len(clips)), -1)
    seconds = 0.0
    for number, step in enumerate(steps):
        started = time.perf_counter()
        learner.learn(lesson_of(step, features, clips))
        seconds += time.perf_counter() - started
        asked = np.concatenate([one.test for one in steps[: number + 1]])
        logits = np.where(step.known, learner.logits(features[asked]), -np.inf)
        answers[number, asked] = logits.argmax(axis=1)
    return Course(steps, answers, clips.labels, seconds)


def lesson_of(step: Step, features: np.ndarray, clips: StudyClips) -> Lesson:
    """The clips of a step."""
    rows = step.train
    return Lesson(features[rows], clips.labels[rows], clips.groups[rows], step.known)


def largest_difference(
    features: np.ndarray, clips: StudyClips, orders: Sequence[Sequence[Step]]
) -> float:
    """How far the decisions of increments in any order lie from those of one fit."""
    size, found = (len(clips.classes), features.shape[1]), []
    for steps in orders:
        added, whole = ClosedForm(*size), ClosedForm(*size)
        for step in steps:
            added.learn(lesson_of(step, features, clips))
        rows = np.sort(np.concatenate([step.train for step in steps]))
        known = steps[-1].known
        whole.learn(Lesson(features[rows], clips.labels[rows], clips.groups[rows], known))
        found.append(np.abs(added.logits(features) - whole.logits(features)).max())
    return float(max(found))


def write_results(
    out: Path, lines: Sequence[Line], clips: StudyClips, facts: Mapping[str, str]
) -> None:
    """Write ``continual.html``, ``continual.json`` and ``continual.md``."""
    content = dict(question=QUESTION, lines=[line.to_dict() for line in lines], facts=facts)
    with write_atomically(out / 'continual.json') as stream:
        json.dump(plain(content), stream, indent=1)
    with write_atomically(out / 'continual.md') as stream:
        stream.write(markdown(lines))
    by_name = {line.name: line for line in lines}
    columns = sorted({(str(g), int(c)) for g, c in zip(clips.groups, clips.labels, strict=True)})
    write_page(
        out / 'continual.html',
        Path(__file__).parents[1] / 'templates' / 'continual.html.j2',
        question=QUESTION,
        lines=lines,
        num_clips=len(clips),
        classes=clips.classes,
        columns=columns,
        shown=[(name, by_name[name].courses[0]) for name in SHOWN],
        cells={name: by_name[name].courses[0].cells(clips.groups) for name in SHOWN},
        facts=facts,
        share=percent,
    )


def percent(values: np.ndarray) -> str:
    """Mean and range over orders, in percent."""
    return f'{100 * values.mean():.1f} ({100 * values.min():.1f} to {100 * values.max():.1f})'


def markdown(lines: Sequence[Line]) -> str:
    """The table of learners."""
    rows = [
        ['learner', 'average accuracy, %', 'over clips, %', 'forgetting, points', 'learning, s'],
        ['---'] * 5,
    ]
    for line in lines:
        parts = (line.accuracy, line.clip_accuracy, line.forgetting)
        rows.append([line.name, *map(percent, parts), f'{line.seconds:.1f}'])
    return ''.join(f'| {" | ".join(row)} |\n' for row in rows)
