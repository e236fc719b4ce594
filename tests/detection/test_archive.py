"""Recordings watched by two Ray workers give what one process gives."""

import pytest

from mmaction_timesformer.detection.command import DetectArguments, detect_command
from mmaction_timesformer.detection.results.folder import EVENTS, SCORES, read_history
from mmaction_timesformer.detection.results.score_log import read_scores
from tests.detection.signal_videos import every, write_video
from tests.detection.test_from_config import config, model_files  # noqa: F401


@pytest.mark.slow
@pytest.mark.usefixtures('two_ray_workers')
def test_an_archive_on_ray_equals_one_process(model_files, tmp_path, capsys):  # noqa: F811
    folder = tmp_path / 'archive'
    folder.mkdir()
    for number in range(2):
        write_video(folder / f'{number}.mp4', every(10, 6.0 + number), [(1.0, 3.0)])
    here, there = tmp_path / 'here', tmp_path / 'there'
    assert detect_command(DetectArguments(*model_files, [str(folder)], str(here))) == 0

    def watch_on_ray(source):
        arguments = DetectArguments(*model_files, [str(source)], str(there), ray='local')
        return detect_command(arguments)

    assert watch_on_ray(folder) == 0
    capsys.readouterr()
    assert watch_on_ray(folder) == 0
    assert '2 sources were finished before' in capsys.readouterr().err
    assert read_scores(there / SCORES) == read_scores(here / SCORES)
    states = {name: past.state for name, past in read_history(there / EVENTS).items()}
    assert states == {str(folder / f'{number}.mp4'): 'finished' for number in range(2)}
    assert (there / 'report.html').exists()


def test_what_ray_cannot_watch_is_refused(model_files, tmp_path, capsys):  # noqa: F811
    assert (
        detect_command(
            DetectArguments(*model_files, ['rtsp://camera'], str(tmp_path / 'out'), ray='local')
        )
        == 2
    )
    assert '--ray is for recordings; rtsp://' in capsys.readouterr().err
