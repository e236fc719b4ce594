"""The steps of the demo that make pages to read: results, explanations, and the index of all."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from demo_yard.walkthrough.demo_run import CONFIG, DemoRun
from demo_yard.walkthrough.steps import last_checkpoint
from mmaction_timesformer.evaluation import load_dump, predictions_from_samples
from mmaction_timesformer.reports.index_page import write_index

INDEX_FIGURES = {'acc/top1': 'top-1 accuracy', 'acc/mean1': 'mean-class accuracy'}


def show_results(run: DemoRun) -> None:
    """Make the page of results by `tools/analyze_results.py`."""
    folder = run.options.work_dir / 'results'
    checkpoint = last_checkpoint(run.training)
    arguments: list[str | Path] = [run.training.resolve(), run.dump.resolve()]
    arguments += ['--checkpoint', checkpoint, '--out', folder.resolve()]
    examples, checked = (2, 1) if run.options.quick else (10, 8)
    arguments += ['--examples', str(examples), '--checked', str(checked)]
    run.command(['tools/analyze_results.py', *arguments])
    run.publish(
        'Results',
        'How good the model is and how far that can be trusted, class by class, with the mistakes '
        'that it was surest of.',
        folder / 'report.html',
        folder / 'figures' / 'confusion.png',
    )


def explain(run: DemoRun) -> None:
    """Explain a decision of each class, quickly of two, by `tools/visualize_attention.py`."""
    folder = run.options.work_dir / 'explanations'
    checkpoint = last_checkpoint(run.training)
    videos = clips_to_explain(run.dump)[: 2 if run.options.quick else None]
    arguments: list[str | Path] = ['tools/visualize_attention.py', CONFIG, checkpoint, *videos]
    run.command([*arguments, '--out', folder.resolve(), '--check'])
    run.publish(
        'Explanations',
        'What the model looked at in a clip of each class, frame by frame, as video and as strip.',
        folder / 'index.html',
        folder / f'01 {videos[0].stem}' / 'strip.png',
    )


def clips_to_explain(dump: Path) -> list[Path]:
    """The clip of each class that the model was surest of and right about.

    Where it is right about none of a class, the clip of that class that it came nearest to.
    """
    predictions = predictions_from_samples(load_dump(dump))
    chosen = []
    for label in range(predictions.num_classes):
        of_class = predictions.labels == label
        if of_class.any():
            row = int(np.argmax(np.where(of_class, predictions.scores[:, label], -1)))
            chosen.append(Path(predictions.clips['filename'].iloc[row]))
    return chosen


def write_demo_index(run: DemoRun) -> None:
    """Write the page that links all pages that the steps before have made."""
    index = run.options.work_dir / 'index.html'
    figures = {
        title: f'{run.metrics[name]:.1%}'
        for name, title in INDEX_FIGURES.items()
        if name in run.metrics
    }
    write_index(
        index,
        'A railway yard, rendered and learnt',
        'A TimeSformer learnt four situations of a rendered yard from nothing; the figures are of '
        'recordings that it never saw.',
        run.pages,
        figures,
        f'Seed {run.options.seed}.',
    )
    run.results['index'] = index
