"""From a run's files to its page: the same facts everywhere, and nothing from elsewhere."""

import json
import pickle
import re

import numpy as np
import pytest
import torch

from mmaction_timesformer.evaluation import load_dump, predictions_from_samples
from mmaction_timesformer.reports.results.analysis import AnalysisOptions, analyze_runs
from mmaction_timesformer.reports.results.examples import choose
from tests.tiny_run import CLASSES


@pytest.fixture(scope='module')
def other_dump(tiny_run, tmp_path_factory):
    """The same clips in another order, by a model that answers at random."""
    generator = torch.Generator().manual_seed(0)
    samples = load_dump(tiny_run / 'test.pkl')[::-1]
    for sample in samples:
        sample['pred_score'] = torch.rand(4, generator=generator).softmax(0)
    path = tmp_path_factory.mktemp('other') / 'random.pkl'
    path.write_bytes(pickle.dumps(samples))
    return path


@pytest.fixture(scope='module')
def report(tiny_run, other_dump, tmp_path_factory):
    out = tmp_path_factory.mktemp('report') / 'results'
    runs = [(tiny_run, tiny_run / 'test.pkl'), (tiny_run, other_dump)]
    page = analyze_runs(runs, out, AnalysisOptions(num_examples=3, num_checked=8, with_cost=False))
    return json.loads((out / 'results.json').read_text()), page.read_text()


def test_figures_are_those_that_the_test_printed(report, tiny_run):
    facts, _ = report
    first = facts['runs'][0]['figures']
    logged = json.loads(max(tiny_run.glob('*/2*.json')).read_text())
    assert first['whole']['top1']['value'] == pytest.approx(logged['cls/top1'])
    assert first['confusion'] == logged['cls/confusion_matrix']
    assert facts['classes'] == list(CLASSES)
    assert first['resampled'] == 'recordings'
    assert first['num_groups'] == 4


def test_the_comparison_is_of_the_same_clips(report):
    facts, _ = report
    (comparison,) = facts['comparisons']
    assert (comparison['first'], comparison['second']) == ('run (1)', 'run (2)')
    first, second = (run['figures']['whole']['top1']['value'] for run in facts['runs'])
    changed = len(comparison['only_second_right']) - len(comparison['only_first_right'])
    assert changed == round(32 * (second - first))
    assert comparison['differences']['top1']['difference'] == pytest.approx(second - first)


def test_examples_have_pictures_and_maps_are_checked(report):
    facts, page = report
    assert len(facts['examples']) == 3
    for example in facts['examples']:
        assert sum(example['frame_importance']) == pytest.approx(1)
        assert 'reason' not in example
    assert page.count('data:image/jpeg;base64,') == 3


def test_the_maps_of_a_trained_model_beat_random_ones(report):
    facts, page = report
    checked = facts['faithfulness']
    assert checked['num_clips'] == 8
    telling = [row for row in checked['by_class'].values() if row['empty'] < 0.5]
    assert telling
    assert sum(row['deletion'] - row['random_deletion'] for row in telling) < 0
    assert sum(row['insertion'] - row['random_insertion'] for row in telling) > 0
    assert 'Can the maps be trusted' in page


def test_the_page_loads_nothing(report):
    _, page = report
    assert "default-src 'none'" in page
    sources = re.findall(r'(?:src|href)="([^"]*)"', page)
    assert sources
    assert all(source.startswith(('data:image/', '#')) for source in sources)
    assert not re.search(r'url\(|@import|https?://(?!arxiv)', page.split('<pre>')[0])


def test_the_page_shows_the_facts(report):
    facts, page = report
    top1 = facts['runs'][0]['figures']['whole']['top1']
    assert f'{top1["value"]:.3f} ({top1["low"]:.3f} to {top1["high"]:.3f})' in page
    for name in CLASSES:
        assert name in page
    for clip in facts['comparisons'][0]['only_first_right']:
        assert f'<code>{clip}</code>' in page
    assert facts['runs'][0]['records'][0]['data']['train']['sha256'][:12] in page


def test_a_run_without_its_checkpoint_has_examples_without_pictures(tiny_run, tmp_path):
    folder = tmp_path / 'run'
    folder.mkdir()
    (folder / 'config.py').write_bytes((tiny_run / 'config.py').read_bytes())
    runs = [(folder, tiny_run / 'test.pkl')]
    page = analyze_runs(
        runs, tmp_path / 'out', AnalysisOptions(num_examples=2, with_cost=False)
    ).read_text()
    assert 'holds no checkpoint' in page
    facts = json.loads((tmp_path / 'out' / 'results.json').read_text())
    assert facts['faithfulness'] is None


def test_a_checkpoint_that_does_not_fit_is_refused_and_leaves_nothing(tiny_run, tmp_path):
    checkpoint = tmp_path / 'other.pth'
    torch.save({'state_dict': {'backbone.cls_token': torch.zeros(1, 1, 7)}}, checkpoint)
    runs = [(tiny_run, tiny_run / 'test.pkl')]
    with pytest.raises(ValueError, match=r'other\.pth'):
        analyze_runs(
            runs, tmp_path / 'out', AnalysisOptions(checkpoint=checkpoint, with_cost=False)
        )
    assert {path.name for path in tmp_path.iterdir()} == {'other.pth'}


OTHER_SCORES = pickle.dumps([dict(pred_score={'item': 1}, gt_label=0)])


@pytest.mark.parametrize('content', [b'', b'\x80\x04', pickle.dumps([1, 2]), OTHER_SCORES])
def test_a_foreign_dump_is_refused_and_leaves_nothing(tiny_run, tmp_path, content):
    dump = tmp_path / 'foreign.pkl'
    dump.write_bytes(content)
    with pytest.raises(ValueError, match=r'foreign\.pkl: .*(test\.py --dump|expected numbers)'):
        analyze_runs([(tiny_run, dump)], tmp_path / 'out')
    assert {path.name for path in tmp_path.iterdir()} == {'foreign.pkl'}


def test_other_clips_cannot_be_compared(tiny_run, tmp_path):
    dump = tmp_path / 'fewer.pkl'
    dump.write_bytes(pickle.dumps(load_dump(tiny_run / 'test.pkl')[:-1]))
    runs = [(tiny_run, tiny_run / 'test.pkl'), (tiny_run, dump)]
    options = AnalysisOptions(num_examples=0, num_checked=0, with_cost=False)
    with pytest.raises(ValueError, match=r'fewer\.pkl: the runs have 32 and 31 clips'):
        analyze_runs(runs, tmp_path / 'out', options)


def test_examples_are_the_surest_mistakes_and_the_closest_hits():
    scores = np.array([[0.9, 0.1], [0.6, 0.4], [0.2, 0.8], [0.45, 0.55], [0.95, 0.05]])
    samples = [
        dict(pred_score=torch.tensor(row), gt_label=torch.tensor([label]))
        for row, label in zip(scores, [1, 0, 1, 0, 1], strict=True)
    ]
    chosen = choose(predictions_from_samples(samples), num_mistakes=2, num_close=2)
    assert chosen == [('mistake', 4), ('mistake', 0), ('close call', 1), ('close call', 2)]
