"""A guard that could be blind, mute or doubled says so and exits with an error."""

import errno
import json
import os
import subprocess
import threading

import numpy as np
import pytest
import torch
from mmengine.logging import MMLogger

from mmaction_timesformer.detection.command import DetectArguments, detect_command
from mmaction_timesformer.detection.events.events import DangerEvent
from mmaction_timesformer.detection.results.event_log import GrowingFile, read_events
from mmaction_timesformer.detection.results.folder import EVENTS
from mmaction_timesformer.detection.running import run
from mmaction_timesformer.detection.sources.sources import Source, parse_source
from tests.detection.signal_videos import every, make_detector, read_colours, write_video
from tests.detection.test_from_config import config, model_files  # noqa: F401
from tests.warm_python import loaded_python
from video_clips.growing_files import FolderLock


@pytest.fixture(scope='module')
def recording(tmp_path_factory):
    path = tmp_path_factory.mktemp('recordings') / 'yard.mp4'
    return write_video(path, every(10, 8.0), [(2.0, 5.0)])


@pytest.mark.parametrize('value', [float('nan'), float('inf')])
def test_scores_that_are_not_finite_end_the_run(recording, tmp_path, value):
    def score(clips):
        return read_colours(clips) + value

    with pytest.raises(ValueError, match='not finite'):
        run(make_detector(score), [Source('yard', str(recording))], tmp_path)


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        ({'detection.temperature': float('inf')}, 'temperature=inf'),
        ({'detection.temperature': float('nan')}, 'temperature=nan'),
        ({'detection.hop_seconds': 1e9}, 'hop_seconds=1000000000.0'),
        ({'detection.heartbeat_seconds': float('nan')}, 'heartbeat_seconds=nan'),
        ({'detection.dangers': ['noFight']}, "names ['noFight'], but the classes"),
    ],
)
def test_settings_that_make_a_guard_blind_are_refused(
    model_files,  # noqa: F811
    recording,
    tmp_path,
    capsys,
    options,
    message,
):
    arguments = DetectArguments(*model_files, [str(recording)], str(tmp_path / 'out'))
    assert detect_command(DetectArguments(**vars(arguments) | {'cfg_options': options})) == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize('name', ['time_embed', 'fc_cls.weight'])
def test_weights_that_are_not_finite_are_refused(
    model_files,  # noqa: F811
    recording,
    tmp_path,
    capsys,
    name,
):
    content = torch.load(model_files[1], weights_only=True)
    matching = [key for key in content['state_dict'] if key.endswith(name)]
    content['state_dict'][matching[0]].flatten()[0:1].fill_(float('nan'))
    torch.save(content, model_files[1])
    arguments = DetectArguments(*model_files, [str(recording)], str(tmp_path / 'out'))
    assert detect_command(arguments) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert matching[0] in line


def test_a_danger_may_be_named_alone(model_files, recording, tmp_path):  # noqa: F811
    options = {'detection.dangers': 'Cabin-Worker'}
    arguments = DetectArguments(
        *model_files, [str(recording)], str(tmp_path / 'out'), cfg_options=options
    )
    assert detect_command(arguments) == 0
    manifest = json.loads((tmp_path / 'out' / 'run.json').read_text())
    assert list(manifest['rules']) == ['Cabin-Worker']


def test_a_folder_has_one_writer(recording, tmp_path):
    lock = FolderLock(tmp_path)
    with pytest.raises(ValueError, match='another run writes there'):
        run(make_detector(), [Source('yard', str(recording))], tmp_path)
    lock.release()
    assert run(make_detector(), [Source('yard', str(recording))], tmp_path).num_events == 1


def test_a_folder_among_the_recordings_is_refused(
    model_files,  # noqa: F811
    recording,
    tmp_path,
    capsys,
):
    folder = recording.parent
    for sources, out in (([folder], folder / 'out'), ([recording], folder)):
        arguments = DetectArguments(*model_files, [str(s) for s in sources], str(out))
        assert detect_command(arguments) == 2
        assert 'lies inside' in capsys.readouterr().err
    assert os.listdir(folder) == ['yard.mp4']


class Mute:
    """A receiver that gets nothing."""

    def write(self, record):
        pass

    def close(self):
        return 'webhook x: 3 records undelivered and kept'


def test_what_was_not_delivered_stands_in_the_last_line(recording, tmp_path):
    summary = run(make_detector(), [Source('yard', str(recording))], tmp_path, [Mute()])
    assert summary.exit_code == 1
    assert str(summary).endswith('; webhook x: 3 records undelivered and kept')


def test_receivers_that_are_away_are_waited_for_together(recording, tmp_path):
    together = threading.Barrier(2)

    class Slow(Mute):
        def close(self):
            together.wait(timeout=20)
            return ''

    summary = run(make_detector(), [Source('yard', str(recording))], tmp_path, [Slow(), Slow()])
    assert summary.exit_code == 0


@pytest.fixture
def full_disk(monkeypatch):
    """Set it, and no file of results grows any more."""
    is_full = threading.Event()
    append = GrowingFile.append

    def append_or_fail(self, text):
        if is_full.is_set():
            raise OSError(errno.ENOSPC, 'No space left on device', str(self._file))
        append(self, text)

    monkeypatch.setattr(GrowingFile, 'append', append_or_fail)
    return is_full


class Receiver:
    """Takes records; the disk is full from the first alarm on."""

    def __init__(self, full, stop):
        self.events, self._full, self._stop = [], full, stop

    def write(self, record):
        if record['record'] == 'event':
            self.events.append(record['state'])
            self._full.set()
            if self.events.count('growing') == 2:
                self._stop.set()

    def close(self):
        return ''


def test_a_guard_goes_on_watching_and_delivering_when_the_disk_is_full(full_disk, tmp_path, caplog):
    stop = threading.Event()
    receiver = Receiver(full_disk, stop)
    red = parse_source('red=lavfi:color=c=0xdc001e:size=32x32:rate=25,realtime')
    summary = run(make_detector(), [red], tmp_path, [receiver], stop=stop)
    assert receiver.events == ['open', 'growing', 'growing', 'closed']
    assert summary.exit_code == 1
    assert 'records not written to the folder' in str(summary)
    (line,) = [text for text in caplog.messages if 'cannot be written' in text]
    assert str(tmp_path) in line


def test_a_full_disk_ends_a_run_over_recordings_and_names_the_file(full_disk, recording, tmp_path):
    full_disk.set()
    with pytest.raises(OSError, match='No space left') as failed:
        run(make_detector(), [Source('yard', str(recording))], tmp_path)
    assert failed.value.filename.startswith(str(tmp_path))


def test_half_a_line_on_a_full_disk_is_removed_before_the_next(tmp_path):
    file = GrowingFile(tmp_path / 'events.jsonl')
    file.append('{"a": 1}\n')

    class HalfWritten:
        def write(self, data):
            (tmp_path / 'events.jsonl').open('ab').write(data[:3])
            return 3

        def close(self):
            pass

    file._stream = HalfWritten()
    with pytest.raises(OSError, match='No space left') as failed:
        file.append('{"b": 2}\n')
    assert failed.value.filename == str(tmp_path / 'events.jsonl')
    file.append('{"c": 3}\n')
    assert (tmp_path / 'events.jsonl').read_text() == '{"a": 1}\n{"c": 3}\n'


def test_names_that_are_not_utf8_do_not_end_a_run(recording, tmp_path):
    name = os.fsdecode(b'caf\xe9\x1b.mp4')
    odd = tmp_path / name
    odd.write_bytes(recording.read_bytes())
    summary = run(make_detector(), [Source(name, str(odd))], tmp_path / 'out')
    assert summary.num_failed in (0, 1)
    assert all(isinstance(e, DangerEvent) for e in read_events(tmp_path / 'out' / EVENTS))


def test_a_run_counts_the_video_that_it_watched(recording, tmp_path):
    summary = run(make_detector(), [Source('yard', str(recording))], tmp_path)
    assert summary.video_seconds == pytest.approx(8.0, abs=0.1)


def test_json_output_holds_nothing_else(model_files, recording, root, tmp_path):  # noqa: F811
    command = [loaded_python(), str(root / 'tools' / 'detect.py'), *model_files, str(recording)]
    done = subprocess.run(
        [*command, '--json', '--out', str(tmp_path / 'out')],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, 'PYTHONPATH': str(root)},
    )
    kinds = [json.loads(line)['record'] for line in done.stdout.splitlines()]
    assert np.isin(['source', 'heartbeat'], kinds).all()


def test_a_loop_of_links_is_one_source_that_failed(
    model_files,  # noqa: F811
    recording,
    tmp_path,
    capsys,
):
    folder = tmp_path / 'recordings'
    folder.mkdir()
    (folder / 'a.mp4').symlink_to(recording)
    (folder / 'loop.mp4').symlink_to('loop.mp4')
    arguments = DetectArguments(*model_files, [str(folder)], str(tmp_path / 'out'))
    assert detect_command(arguments) == 1
    printed = capsys.readouterr()
    assert 'from 1 sources' in printed.err
    assert '1 sources failed' in printed.err
    assert f'{folder}/loop.mp4: cannot be read: Too many levels of symbolic links' in printed.out


def test_standard_output_holds_records_alone(
    model_files,  # noqa: F811
    recording,
    tmp_path,
    capsys,
):
    """A logger of mmengine that was made before has standard output for good."""
    MMLogger.get_instance('before', logger_name='mmengine')
    out = str(tmp_path / 'out')
    assert detect_command(DetectArguments(*model_files, [str(recording)], out, json=True)) == 0
    printed = capsys.readouterr()
    kinds = [json.loads(line)['record'] for line in printed.out.splitlines()]
    assert kinds[-1] == 'source'
    MMLogger.get_current_instance().warning('later')
    assert 'later' not in capsys.readouterr().out
