"""From work folders and dumps to ``report.html`` and ``results.json``."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from mmengine.logging import print_log

from mmaction_timesformer.evaluation import Predictions, load_dump, predictions_from_samples
from mmaction_timesformer.inference.recognizer import find_classes
from mmaction_timesformer.inference.trained_model import TrainedModel
from mmaction_timesformer.models.checkpoints import read_checkpoint
from mmaction_timesformer.reports.results.charts import draw_charts
from mmaction_timesformer.reports.results.clip_names import with_clip_names
from mmaction_timesformer.reports.results.clip_table import write_predictions
from mmaction_timesformer.reports.results.examples import show_examples
from mmaction_timesformer.reports.results.facts import AnalysedRun, result_facts
from mmaction_timesformer.reports.results.map_check import (
    CheckedClip,
    check_maps,
    faithfulness_facts,
    is_explainable,
)
from mmaction_timesformer.reports.results.model_cost import ModelCost, measure_cost
from mmaction_timesformer.reports.results.page import render_results
from mmaction_timesformer.reports.results.run_files import RunFiles
from video_clips.whole_files import check_writable, staged_folder


@dataclass(frozen=True)
class AnalysisOptions:
    """Contents of the page that need the model."""

    num_examples: int = 10
    """Mistakes and close calls to show; 0 for none."""
    num_checked: int = 12
    """Clips on which maps are checked by deletion and insertion; 0 for none."""
    with_cost: bool = True
    """Whether to measure parameters, FLOPs, time and memory."""
    checkpoint: str | Path | None = None
    """The first run's weights, for the examples; by default its best or last."""
    device: str = 'cpu'
    """Device that models run on."""


def analyze_runs(
    runs: Sequence[tuple[str | Path, str | Path]],
    out: str | Path,
    options: AnalysisOptions | None = None,
) -> Path:
    """Analyse runs and write a page about them.

    Args:
        runs: Work folder and dump of each. The first is shown in full and compared with the
            others, which must be tested on the same clips.
        out: The folder to write ``report.html``, ``results.json``, ``predictions.csv`` (the
            first run, clip by clip) and ``figures`` into.
        options: Contents that need the model.

    Returns:
        The page.

    Raises:
        FileNotFoundError: A folder or file is missing.
        ValueError: A file is damaged, or the runs do not fit each other.
    """
    options = options or AnalysisOptions()
    check_writable(out)
    num_examples, num_checked = options.num_examples, options.num_checked
    analysed = _named_alike([_read(Path(folder), Path(dump)) for folder, dump in runs])
    if options.with_cost:
        analysed = [replace(run, cost=_cost(run.files, options.device)) for run in analysed]
    first = analysed[0]
    num_mistakes = -(-num_examples * 3 // 5)
    trained, reason = None, ''
    if num_examples or num_checked:
        trained, reason = _load_model(first.files, options.checkpoint, options.device)
    num_close = num_examples - num_mistakes
    examples = show_examples(first.predictions, trained, reason, num_mistakes, num_close)
    checked: list[CheckedClip] = []
    if num_checked and trained is not None and is_explainable(trained):
        checked = check_maps(first.predictions, trained, num_checked)
    faithfulness = faithfulness_facts(checked, first.predictions.classes)
    facts = result_facts(analysed, examples.facts, faithfulness)
    with staged_folder(out) as folder:
        text = json.dumps(facts, indent=1, ensure_ascii=False, allow_nan=False)
        (folder / 'results.json').write_text(text + '\n', encoding='utf-8')
        write_predictions(first.predictions, folder / 'predictions.csv')
        charts = draw_charts(facts)
        page = render_results(facts, charts, examples.pictures)
        (folder / 'report.html').write_text(page, encoding='utf-8')
        (folder / 'figures').mkdir()
        for chart in charts:
            (folder / 'figures' / f'{chart.name}.png').write_bytes(chart.png)
    return Path(out) / 'report.html'


def _read(folder: Path, dump: Path) -> AnalysedRun:
    files = RunFiles.read(folder, dump)
    samples = load_dump(dump)
    try:
        predictions = predictions_from_samples(samples)
    except ValueError as error:
        raise ValueError(f'{dump}: {error}') from None
    classes = _class_names(files, predictions)
    named = with_clip_names(replace(predictions, classes=classes), files.config)
    return AnalysedRun(files, str(dump), named)


def _named_alike(runs: list[AnalysedRun]) -> list[AnalysedRun]:
    """Runs whose files do not name the classes get the names of one that does, if as many."""
    names = {
        run.predictions.num_classes: run.predictions.classes
        for run in reversed(runs)
        if not _is_numbered(run.predictions)
    }
    return [
        replace(run, predictions=replace(run.predictions, classes=names[found.num_classes]))
        if _is_numbered(found := run.predictions) and found.num_classes in names
        else run
        for run in runs
    ]


def _is_numbered(predictions: Predictions) -> bool:
    return predictions.classes == tuple(map(str, range(predictions.num_classes)))


def _class_names(files: RunFiles, predictions: Predictions) -> tuple[str, ...]:
    """The checkpoint's class names, else the config's; numbers where neither has as many."""
    meta: Mapping[str, Any] = {}
    if files.checkpoint is not None:
        meta = read_checkpoint(files.checkpoint).get('meta') or {}
    try:
        return find_classes(files.config, meta, predictions.num_classes)
    except ValueError:
        return predictions.classes


def _cost(files: RunFiles, device: str) -> ModelCost | None:
    try:
        return measure_cost(files.config, device)
    except ValueError as error:
        print_log(f'{files.folder}: {error}', logger='current', level=logging.WARNING)
        return None


def _load_model(
    files: RunFiles, checkpoint: str | Path | None, device: str
) -> tuple[TrainedModel | None, str]:
    """The run's model, or why there is none; a checkpoint that was asked for must be right."""
    if checkpoint is not None:
        return TrainedModel.load(files.config, checkpoint, device), ''
    if files.checkpoint is None:
        return None, f'{files.folder} holds no checkpoint'
    try:
        return TrainedModel.load(files.config, files.checkpoint, device), ''
    except ValueError as error:
        print_log(str(error), logger='current', level=logging.WARNING)
        return None, str(error)
