import argparse
import json
import shutil
import sys

from benchmarks.clips import analysis
from tests.data_analysis.rendering import render_video
from tests.warm_python import loaded_python


def test_the_record_counts_the_clips_of_the_set_and_of_the_killed_run(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, 'executable', loaded_python())
    folder = tmp_path / 'set'
    for name in ('digging', 'idle'):
        (folder / name).mkdir(parents=True)
    render_video(folder / 'digging' / '0.mp4', 12)
    shutil.copy(folder / 'digging' / '0.mp4', folder / 'idle' / '1.mp4')
    parser = argparse.ArgumentParser()
    analysis.add_arguments(parser)
    options = parser.parse_args(
        [*map(str, (folder, '--repeats', 1, '--large', 6, '--kill-after', 0.1, '--workers', 1))]
    )
    options.out = tmp_path / 'records'

    analysis.run(options)

    results = json.loads((options.out / 'analysis.json').read_text())['results']
    assert [(row['tier'], row['clips']) for row in results['speed']] == [
        ('header', 2),
        ('packets', 2),
        ('decode', 2),
    ]
    large = results['large_set']
    assert large['files_remembered'] + large['files_measured'] == 6
    page = (options.out / 'analysis.md').read_text()
    assert f'| packets | 2 | {results["speed"][1]["clips_per_second"]} |' in page
    assert '6 clips: the run is killed' in page
