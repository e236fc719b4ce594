"""Accuracy by what a clip is like."""

import numpy as np
import pandas as pd
import pytest

from mmaction_timesformer.evaluation import Predictions, load_dump, predictions_from_samples
from mmaction_timesformer.reports.results.clip_names import with_clip_names
from mmaction_timesformer.reports.results.conditions import (
    accuracy_by_recording,
    accuracy_by_value,
    measure_clips,
)
from mmaction_timesformer.reports.results.run_files import RunFiles


def predictions(hits, recordings=None):
    hits = np.asarray(hits, bool)
    scores = np.where(hits[:, None], [0.9, 0.1], [0.1, 0.9])
    clips = pd.DataFrame() if recordings is None else pd.DataFrame({'recording': recordings})
    return Predictions(scores, np.zeros(len(hits), int), ('a', 'b'), clips)


def test_recordings_by_hand():
    rows = accuracy_by_recording(predictions([1, 1, 0, 0, 0, 1], list('xxyyyz')))
    assert [(row['name'], row['clips'], row['top1']) for row in rows] == [
        ('y', 3, 0.0),
        ('x', 2, 1.0),
        ('z', 1, 1.0),
    ]
    assert 0 < rows[0]['high'] < 0.7
    assert accuracy_by_recording(predictions([1, 0])) == []


def test_thirds_by_hand():
    """Nine clips: the three shortest are wrong."""
    hits, seconds = [1, 0, 1, 0, 1, 1, 0, 1, 1], [9, 1, 8, 2, 7, 6, 3, 5, 4]
    rows = accuracy_by_value(predictions(hits), seconds, '{:.0f} to {:.0f} s')
    assert [(row['name'], row['clips'], row['top1']) for row in rows] == [
        ('1 to 3 s', 3, 0.0),
        ('4 to 6 s', 3, 1.0),
        ('7 to 9 s', 3, 1.0),
    ]


@pytest.mark.parametrize('values', [[1.0] * 9, [np.nan] * 9, [1, 2, np.nan] * 2 + [np.nan] * 3])
def test_values_that_say_nothing_give_no_rows(values):
    assert accuracy_by_value(predictions([1] * 9), values, '{} {}') == []


def test_length_and_light_are_measured_from_the_videos(tiny_run):
    dump = predictions_from_samples(load_dump(tiny_run / 'test.pkl'))
    table = measure_clips(dump)
    np.testing.assert_allclose(table['duration_seconds'], 2.0, atol=0.01)
    # Recordings differ in light, the clips of one do not.
    light = table['brightness'].groupby(dump.clips['recording'])
    assert light.mean().max() > 1.3 * light.mean().min()
    assert light.std().max() < 0.2 * light.mean().max()


def test_videos_that_are_gone_have_no_measures():
    clips = pd.DataFrame({'filename': ['/nowhere/a.mp4', '/nowhere/b.mp4']})
    gone = Predictions(np.full((2, 2), 0.5), np.zeros(2, int), ('a', 'b'), clips)
    assert measure_clips(gone).isna().all(axis=None)


def test_clips_without_names_are_named_by_the_annotations(tiny_run):
    samples = load_dump(tiny_run / 'test.pkl')
    named = predictions_from_samples(samples)
    for sample in samples:
        del sample['filename'], sample['recording']
    nameless = predictions_from_samples(samples)
    config = RunFiles.read(tiny_run).config
    found = with_clip_names(nameless, config)
    assert found.clips['filename'].tolist() == named.clips['filename'].tolist()
    assert found.groups.tolist() == named.groups.tolist()
    assert with_clip_names(nameless.subset(np.arange(5)), config).clips.empty
    swapped = Predictions(nameless.scores, nameless.labels[::-1], nameless.classes)
    assert with_clip_names(swapped, config).clips.empty
