"""Everything that is known of one run or several, as plain data: ``results.json``.

The page draws and writes nothing that is not in here.

Legend: K classes.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.metrics import precision_recall_curve, roc_curve

from mmaction_timesformer.evaluation import (
    Predictions,
    classification_metrics,
    compare,
    fit_temperature,
    reliability,
    threshold_table,
    thresholds_for_recall,
)
from mmaction_timesformer.reports.results.conditions import (
    accuracy_by_recording,
    accuracy_by_value,
    measure_clips,
)
from mmaction_timesformer.reports.results.model_cost import ModelCost
from mmaction_timesformer.reports.results.run_files import RunFiles
from mmaction_timesformer.version import __version__
from video_clips.plain_data import plain

SCHEMA_VERSION = '1.0'
MOST_CURVE_POINTS = 200
MOST_CURVES = 50

Facts = dict[str, Any]


@dataclass(frozen=True)
class AnalysedRun:
    """A run and what its dump says.

    Attributes:
        files: Its work folder.
        dump: Name of the dump file.
        predictions: What is in it.
        cost: What the model costs; None where not measured.
    """

    files: RunFiles
    dump: str
    predictions: Predictions
    cost: ModelCost | None = None


def result_facts(
    runs: Sequence[AnalysedRun],
    examples: Sequence[Mapping[str, Any]] = (),
    faithfulness: Mapping[str, Any] | None = None,
) -> Facts:
    """Put together what is known.

    Args:
        runs: The first is compared with each of the others.
        examples: Mistakes and close calls of the first run, without their pictures.
        faithfulness: Deletion and insertion by the first run's maps.

    Returns:
        Plain data; what is undefined is None.

    Raises:
        ValueError: Runs to compare are not of the same clips.
    """
    names = _distinct([run.files.name for run in runs])
    first = runs[0].predictions
    comparisons = []
    for name, run in zip(names[1:], runs[1:], strict=True):
        try:
            comparison = compare(first, run.predictions)
        except ValueError as error:
            raise ValueError(f'{runs[0].dump} and {run.dump}: {error}') from None
        comparisons.append({'first': names[0], 'second': name, **asdict(comparison)})
    facts = {
        'schema_version': SCHEMA_VERSION,
        'made': datetime.now(timezone.utc).isoformat(timespec='seconds'),
        'made_by': f'mmaction_timesformer {__version__}',
        'command': sys.argv,
        'classes': list(first.classes),
        'multi_label': first.multi_label,
        'runs': [_run_facts(name, run) for name, run in zip(names, runs, strict=True)],
        'comparisons': comparisons,
        'examples': [dict(example) for example in examples],
        'faithfulness': faithfulness,
    }
    return plain(facts)


def _run_facts(name: str, run: AnalysedRun) -> Facts:
    predictions = run.predictions
    measured = measure_clips(predictions)
    return {
        'name': name,
        'work_dir': str(run.files.folder),
        'config_name': Path(run.files.config.filename).stem,
        'dump': run.dump,
        'checkpoint': run.files.checkpoint and str(run.files.checkpoint),
        'figures': classification_metrics(predictions).to_dict(),
        'curves': {
            'train': run.files.train_curve,
            'train_accuracy': run.files.train_accuracy,
            'val': run.files.val_curve,
        },
        'precision_recall': _precision_recall(predictions),
        'roc': _roc(predictions),
        'reliability': [asdict(part) for part in reliability(predictions)],
        'temperature_left': fit_temperature(predictions),
        'thresholds': {
            class_name: [asdict(row) for row in rows]
            for class_name, rows in threshold_table(predictions).items()
        },
        'thresholds_for_recall': {
            class_name: [asdict(row) for row in rows]
            for class_name, rows in thresholds_for_recall(predictions).items()
        },
        'by_recording': accuracy_by_recording(predictions),
        'by_duration': accuracy_by_value(
            predictions, measured['duration_seconds'], '{:.1f} to {:.1f} s'
        ),
        'by_light': accuracy_by_value(
            predictions, measured['brightness'], 'brightness {:.0f} to {:.0f}'
        ),
        'cost': run.cost and asdict(run.cost),
        'records': run.files.records,
        'config': run.files.config.pretty_text,
    }


def _precision_recall(predictions: Predictions) -> dict[str, dict[str, list[float]]]:
    curves = {}
    for k, name in enumerate(predictions.classes[:MOST_CURVES]):
        if predictions.truth[:, k].any():
            precision, recall, _ = precision_recall_curve(
                predictions.truth[:, k], predictions.scores[:, k]
            )
            curves[name] = {'recall': _thin(recall), 'precision': _thin(precision)}
    return curves


def _roc(predictions: Predictions) -> dict[str, dict[str, list[float]]]:
    curves = {}
    for k, name in enumerate(predictions.classes[:MOST_CURVES]):
        if 0 < predictions.truth[:, k].sum() < len(predictions):
            false_alarms, recall, _ = roc_curve(predictions.truth[:, k], predictions.scores[:, k])
            curves[name] = {'false_alarm_rate': _thin(false_alarms), 'recall': _thin(recall)}
    return curves


def _thin(values: np.ndarray) -> list[float]:
    """At most so many points, first and last among them."""
    places = np.linspace(0, len(values) - 1, min(len(values), MOST_CURVE_POINTS))
    return values[places.round().astype(int)].tolist()


def _distinct(names: Sequence[str]) -> list[str]:
    """Names of runs, numbered where folders are called alike."""
    return [
        name if names.count(name) == 1 else f'{name} ({number})'
        for number, name in enumerate(names, start=1)
    ]
