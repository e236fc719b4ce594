"""Running a study: jobs (a row, a fold, a seed), each with a result file of its own.

What is done is not done again: a run that was killed resumes with the next job.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from mmaction_timesformer.studies.clips import Fold, StudyClips
from mmaction_timesformer.studies.features import FeatureStore, wanted_by
from mmaction_timesformer.studies.planning import Planned, plan
from mmaction_timesformer.studies.recipes import RANDOM, RECIPES, Task, networks, pixels
from mmaction_timesformer.studies.spec import Row, Study
from video_clips.whole_files import write_atomically

REVISION = 5
"""Of the recipes: results of earlier ones are not taken over."""


@dataclass(frozen=True)
class Result:
    """Predictions of all clips by one row with one seed.

    Attributes:
        row: The recipe.
        seed: Of what it drew at random.
        scores: (N, K) probabilities, each clip's from the fold that left its camera out.
        seconds: Of processor time, of all folds together, features aside.
        cost: Of the model: millions of parameters, billions of multiplications.
    """

    row: Row
    seed: int
    scores: np.ndarray
    seconds: float
    cost: dict[str, float] | None = None


@dataclass
class Laboratory:
    """A study with its clips and its folder.

    Attributes:
        study: The question.
        clips: The clips.
        folds: Cameras left out.
        store: Their features.
        folder: Where results are kept.
        trained: Models that rows share.
    """

    study: Study
    clips: StudyClips
    folds: Sequence[Fold]
    store: FeatureStore
    folder: Path
    trained: dict[str, Any] = field(default_factory=dict)

    def plan(self, hours: float | None) -> list[Planned]:
        """Which rows fit into the time there is."""
        view_seconds = {}
        for source, needs in wanted_by(self.study).items():
            missing = [self.store.missing(needs, view) for view in needs.views]
            each = self.store.time_a_clip(needs) if any(missing) else 0.0
            for view, count in zip(needs.views, missing, strict=True):
                view_seconds[source, view] = each * count
        rows = self.study.rows
        jobs = [self._work(number) for number in range(len(rows))]
        return plan(rows, view_seconds, len(self.clips), jobs, hours)

    def _work(self, number: int) -> float:
        """Jobs of a row that are not yet done, each by what it takes beside a usual one."""
        row = self.study.rows[number]
        jobs = [(fold, seed) for fold in self.folds for seed in self._seeds(row)]
        left = sum(not self._file(row, fold, seed).is_file() for fold, seed in jobs)
        earlier = [other for other in self.study.rows[:number] if other.recipe == 'pixels']
        if row.recipe == 'pixels':
            return left * pixels.work_of(row, earlier)
        return left * (networks.work_of(row) if row.recipe == 'timesformer' else 1.0)

    def _seeds(self, row: Row) -> tuple[int, ...]:
        return self.study.seeds if row.recipe in RANDOM else self.study.seeds[:1]

    def run(self, row: Row) -> list[Result]:
        """Run what is not yet done of a row."""
        arrays: tuple[dict[str, np.ndarray], ...] | None = None
        results = []
        for seed in self._seeds(row):
            scores = np.zeros((len(self.clips), len(self.clips.classes)))
            seconds, cost = 0.0, None
            for fold in self.folds:
                file = self._file(row, fold, seed)
                if not file.is_file():
                    arrays = self._arrays(row) if arrays is None else arrays
                    self._run(Task(row, self.clips, fold, arrays, seed, self.trained), file)
                found = json.loads(file.read_text(encoding='utf-8'))
                scores[fold.test] = found['scores']
                seconds += found['seconds']
                cost = found.get('cost')
            results.append(Result(row, seed, scores, seconds, cost))
        return results

    def _file(self, row: Row, fold: Fold, seed: int) -> Path:
        sampling = (self.study.clip_len, self.study.frame_interval, self.study.size)
        folds = hashlib.sha256('\n'.join(self.clips.left_out.tolist()).encode()).hexdigest()[:8]
        place = '-'.join(map(str, (self.clips.fingerprint, folds, REVISION, *sampling)))
        number = [other.name for other in self.folds].index(fold.name)
        return self.folder / 'jobs' / place / f'{row.key}-fold{number}-seed{seed}.json'

    def _arrays(self, row: Row) -> tuple[dict[str, np.ndarray], ...]:
        if row.recipe == 'majority':
            return ({},)
        wanted = wanted_by(self.study)
        return tuple(self.store.load(wanted[source], view) for source, view in row.sources)

    def _run(self, task: Task, file: Path) -> None:
        start = time.process_time()
        scores = RECIPES[task.row.recipe](task)
        seconds = time.process_time() - start
        with write_atomically(file) as stream:
            content = dict(scores=scores.tolist(), seconds=seconds)
            if task.row.recipe == 'pixels':
                content['cost'] = pixels.cost_of(task)
            json.dump(content, stream)


def restrict(study: Study, planned: Sequence[Planned]) -> Study:
    """The study without rows that do not fit."""
    return replace(study, rows=tuple(part.row for part in planned if part.chosen))
