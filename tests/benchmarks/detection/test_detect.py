import argparse
import json
import sys

import pytest
from mmengine.config import Config

from benchmarks.detection import detect, event_trial
from benchmarks.detection.speed import make_checkpoint
from demo_yard.acting.acts import LABELS
from demo_yard.rendering.recordings import UNSEEN_SEED, render_recordings
from demo_yard.walkthrough.demo_run import CONFIG
from tests.warm_python import loaded_python


def options_for(tmp_path, *words):
    parser = argparse.ArgumentParser()
    detect.add_arguments(parser)
    options = parser.parse_args([str(word) for word in words])
    options.out = tmp_path / 'records'
    return options


@pytest.mark.slow
def test_an_hour_is_watched_in_one_go_and_over_a_kill(tmp_path, root, monkeypatch):
    monkeypatch.chdir(root)
    monkeypatch.setattr(sys, 'executable', loaded_python())
    options = options_for(tmp_path, 'hour', '--seconds', 120, '--pace', 40)

    detect.run(options)

    trials = json.loads((options.out / 'detect_hour.json').read_text())['results']
    *recorded, live = [trial['true_events'] for trial in trials]
    # The later a kill comes, the more of the live source has been seen.
    assert (recorded, live >= 3) == ([2, 2], True)
    assert [trial['events'] for trial in trials] == [2, 2, live]
    assert all(trial['events_lost'] == trial['records_told_twice'] == 0 for trial in trials)
    assert [trial['gaps'] for trial in trials] == [0, 0, 1]
    assert all(0 < trial['mib_after_a_tenth'] <= trial['mib_peak'] for trial in trials)
    assert f'| {trials[2]["mib_peak"]} |' in (options.out / 'detect_hour.md').read_text()


@pytest.mark.slow
def test_speed_is_compared_with_two_other_ways(tmp_path, root, monkeypatch):
    monkeypatch.setitem(detect.SECONDS, 'tiny', 12.0)
    options = options_for(
        tmp_path, 'speed', '--configs', root / 'configs/railway_yard', '--rounds', 1
    )

    detect.run(options)

    rows = json.loads((options.out / 'detect_speed_tiny.json').read_text())['results']
    by_method = {row['method']: row for row in rows}
    assert by_method['each window afresh']['times_each_window_afresh'] == 1.0
    assert {'this detector, float32', "long_video_demo's way"} < set(by_method)
    assert all(row['video_seconds_per_second'] > 0 for row in rows)


@pytest.mark.slow
def test_events_of_rendered_recordings_are_tuned_and_counted(tmp_path, monkeypatch):
    truth = {}

    def render(folder, seed, *arguments):
        rendered = render_recordings(folder, seed, *arguments)
        truth[seed] = json.loads((rendered / 'events.json').read_text())
        return rendered

    monkeypatch.setattr(event_trial, 'render_recordings', render)
    checkpoint = tmp_path / 'untrained.pth'
    make_checkpoint(Config.fromfile(CONFIG), checkpoint)
    options = options_for(
        tmp_path, 'events', CONFIG, checkpoint, '--tuning-minutes', 0.7, '--minutes', 0.7
    )

    detect.run(options)

    record = json.loads((options.out / 'detect_events.json').read_text())
    rows = [row for row in record['results']['figures'] if row['threshold'] == 0.3]
    assert [row['label'] for row in rows] == ['all', *LABELS[:3]]
    unseen = truth[UNSEEN_SEED].values()
    labels = [event['label'] for recording in unseen for event in recording['events']]
    assert len(labels) > 1
    assert [row['num_true'] for row in rows] == [len(labels), *map(labels.count, LABELS[:3])]
    assert [rule['label'] for rule in record['results']['rules']] == list(LABELS[:3])
