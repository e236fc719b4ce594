from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from data_analysis.report.charts import FIGURES, draw_figures
from tests.data_analysis.clip_tables import clips_of
from tests.data_analysis.summaries import summary_of, varied_clips


def test_every_figure_is_drawn_with_a_sentence(tmp_path: Path) -> None:
    drawn = draw_figures(summary_of(), tmp_path)
    assert [figure.kind.name for figure in drawn] == [kind.name for kind in FIGURES]
    for figure in drawn:
        assert figure.sentence.endswith('.'), figure.kind.name
        pixels = np.asarray(Image.open(figure.file).convert('L'))
        assert pixels.shape[1] == 1000
        assert pixels.min() < 120 < pixels.max(), figure.kind.name
    assert {file.name for file in tmp_path.iterdir()} == {f'{kind.name}.png' for kind in FIGURES}


def test_a_set_without_labels_or_splits_has_fewer(tmp_path: Path) -> None:
    clips = varied_clips().assign(label='', split='', recording='')
    (tmp_path / 'class_counts.png').touch()
    names = {figure.kind.name for figure in draw_figures(summary_of(clips, ()), tmp_path)}
    assert 'duration_histogram' in names
    assert not names & {'class_counts', 'split_table', 'leakage', 'duration_violins'}
    assert not (tmp_path / 'class_counts.png').exists()


def test_nothing_readable_is_no_trouble(tmp_path: Path) -> None:
    broken = clips_of(
        {
            'status': 'missing',
            'num_frames': np.nan,
            'fps': np.nan,
            'duration_seconds': np.nan,
            'bytes': np.nan,
        }
        for _ in range(3)
    )
    drawn = draw_figures(summary_of(broken, ('a',)), tmp_path)
    assert 'class_counts' in {figure.kind.name for figure in drawn}


def test_hundreds_of_classes_are_cut_to_the_largest_and_smallest(tmp_path: Path) -> None:
    names = tuple(f'a class with a long name {number}' for number in range(120))
    clips = clips_of(
        {'label': name, 'num_frames': 100 + number}
        for number, name in enumerate(names)
        for _ in range(1 + number % 7)
    )
    drawn = {
        figure.kind.name: figure for figure in draw_figures(summary_of(clips, names), tmp_path)
    }
    height = Image.open(drawn['class_counts'].file).height
    assert height < 2200


@pytest.mark.parametrize('interval', [1, 100])
def test_sentences_follow_the_numbers(interval: int) -> None:
    from data_analysis.report.charts.sampling import explain_sampler_coverage

    summary = summary_of()
    summary['sampler']['interval'] = interval
    summary['sampler']['largest_interval_for_95_percent'] = 10
    sentence = explain_sampler_coverage(summary)
    assert ('is safe' in sentence) == (interval == 1)
    assert ('does not wrap' in sentence) == (interval == 100)
