"""The command behind ``tools/study.py``."""

from __future__ import annotations

import platform
import sys
import time
from dataclasses import replace
from pathlib import Path

import mmengine
import numpy as np
import torch
from mmengine.registry import init_default_scope

from mmaction_timesformer.studies.clips import ClipSource, leave_one_out, read_clips
from mmaction_timesformer.studies.features import FeatureStore
from mmaction_timesformer.studies.page import Findings, write_findings
from mmaction_timesformer.studies.planning import Clock, Planned
from mmaction_timesformer.studies.results import Line, line_of
from mmaction_timesformer.studies.running import Laboratory
from mmaction_timesformer.studies.spec import read_study
from mmaction_timesformer.version import __version__


def study_command(study: Path, source: ClipSource, out: Path, hours: float | None = None) -> int:
    """Run a study; what an earlier run has done is taken from ``out``.

    Returns:
        The exit status: 0, or 2 for input that cannot be used.
    """
    init_default_scope('mmaction')
    try:
        question = read_study(study)
        clips = read_clips(source)
        folds = leave_one_out(clips)
        store = FeatureStore(out / 'features', clips, question, _show_progress)
        laboratory = Laboratory(question, clips, folds, store, out)
        planned = laboratory.plan(hours)
        _show_plan(planned)
        lines: list[Line] = []
        clock = Clock(hours)
        for number, part in enumerate(planned):
            if part.chosen and not clock.allows(part.seconds):
                print(f'{part.row.name}: left out, the time is over', flush=True)
                planned[number] = replace(part, chosen=False)
            elif part.chosen:
                lines.append(line_of(laboratory.run(part.row), clips, question.least_clips))
                _show_line(lines[-1])
                _write(out, laboratory, lines, planned)
    except (FileNotFoundError, ValueError) as error:
        print(f'error: {error}', file=sys.stderr)
        return 2
    print(f'The page: {out / "study.html"}')
    return 0


def _write(out: Path, laboratory: Laboratory, lines: list[Line], planned: list[Planned]) -> None:
    seconds = {name: spent / count for name, (spent, count) in laboratory.store.seconds.items()}
    facts = {
        'command': ' '.join(sys.argv),
        'date': time.strftime('%Y-%m-%d'),
        'machine': f'{platform.machine()}, {torch.get_num_threads()} threads',
        'versions': f'mmaction_timesformer {__version__}, torch {torch.__version__}, '
        f'mmengine {mmengine.__version__}, numpy {np.__version__}',
    }
    left_out = [part for part in planned if not part.chosen]
    findings = Findings(laboratory.study.question, lines, left_out, seconds, facts)
    write_findings(out, findings, laboratory.clips)


def _show_progress(what: str, done: int, total: int) -> None:
    print(f'\r{what}: {done} of {total} clips', end='\n' if done == total else '', flush=True)


def _show_plan(planned: list[Planned]) -> None:
    for part in planned:
        state = 'about' if part.chosen else 'left out, would take'
        print(f'{part.row.name}: {state} {part.seconds / 60:.0f} min')
    total = sum(part.seconds for part in planned if part.chosen)
    print(f'All together about {total / 60:.0f} min')


def _show_line(line: Line) -> None:
    worst = f', worst {line.worst} {line.cameras[line.worst]:.2f}' if line.worst else ''
    print(
        f'{line.name}: macro-F1 {line.macro_f1.value:.3f}, calibration error '
        f'{line.calibration_error:.3f}{worst}',
        flush=True,
    )
