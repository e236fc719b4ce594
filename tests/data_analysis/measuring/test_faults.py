"""The measures and findings of odd files, and every finding through every table."""

import os
from dataclasses import fields
from pathlib import Path

import numpy as np
import pandas as pd

from data_analysis.checks import gather_evidence, run_checks
from data_analysis.checks.settings import CheckSettings
from data_analysis.cli import main
from data_analysis.measuring.clip_table import clip_table
from data_analysis.measuring.file_measurement import FileMeasurement
from data_analysis.measuring.measure import MeasureSettings, Tier, measure_files
from data_analysis.measuring.tables import (
    balance,
    class_table,
    distributions,
    picture_table,
    totals,
)
from tests.data_analysis.clip_tables import clips_of
from tests.data_analysis.rendering import render_video
from tests.video_clips.reading.field_coded import render_fields

SETTINGS = CheckSettings(classes=('a',), few_samples=1)
ORDINARY = {
    *('too_short', 'no_frame_count', 'no_duration', 'several_video_streams', 'near_identical'),
}


def findings(paths: list[Path], store: Path) -> dict[str, set[str]]:
    """The codes of each file, without those that are no fault of it."""
    measured, _ = measure_files(map(str, paths), store, MeasureSettings(tier=Tier.DECODE))
    annotated = pd.DataFrame({'path': [p.name for p in paths], 'file': list(map(str, paths))})
    clips = clip_table(
        annotated.assign(
            label='a', split='', recording='', start_seconds=np.nan, end_seconds=np.nan
        ),
        measured,
    )
    problems = run_checks(clips, SETTINGS, gather_evidence(clips, SETTINGS))
    return {
        path.name: set(problems.loc[problems['path'] == path.name, 'code']) - ORDINARY
        for path in paths
    }


def test_good_files_have_no_finding(tmp_path: Path) -> None:
    ticks = [100 * n for n in range(60) if n % 9]
    videos = [
        render_video(tmp_path / 'one.webm', 1, codec='libvpx'),
        render_video(tmp_path / 'dropped.avi', len(ticks), codec='mpeg4', ticks=ticks),
        render_video(tmp_path / 'mpeg4.mp4', 12, codec='mpeg4'),
        render_video(tmp_path / 'raw.h264', 12),
        render_fields(tmp_path / 'fields.ts', 20),
        render_video(tmp_path / 'sparse.mkv', 3, ticks=[0, 15000, 30000]),
    ]
    found = findings(videos, tmp_path / 'store')
    right = {'fields.ts': {'interlaced'}, 'dropped.avi': {'variable_frame_rate'}}
    assert found == {path.name: right.get(path.name, set()) for path in videos}


def test_cut_matroska_is_truncated(tmp_path: Path) -> None:
    path = render_video(tmp_path / 'a.mkv', 60)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    assert 'truncated' in findings([path], tmp_path / 'store')['a.mkv']


def test_findings_of_the_files_of_strangers(real_videos: Path, tmp_path: Path) -> None:
    expected = {
        'avi_mpeg4_mp3.avi': set(),
        'audio_longer.mkv': set(),
        'vp8_altref.webm': set(),
        'mpeg4_aac.mp4': set(),
        'h264_stsd_0x0.mp4': set(),
        'video_starts_at_2.5s.mp4': set(),
        'raw_10fps.h264': set(),
        'one_frame.mp4': set(),
        'matrix_zero.mp4': set(),
        'mpeg4_no_stss.mp4': set(),
        'pid_change.ts': set(),
        'matrix_hflip.mp4': {'mirrored'},
        'h264_stsd_240x320.mp4': {'header_size_differs'},
        'sar_1_2_704x288.mp4': {'non_square_pixels'},
        'interlaced_tff.mp4': {'interlaced'},
        'damaged_10_bits.mp4': {'damaged_frames', 'odd_first_frame'},
        'avi_dropped_frames.avi': {'variable_frame_rate'},
        'avi_dropped_frames_bframes.avi': {'variable_frame_rate'},
    }
    paths = [real_videos / 'faults' / name for name in expected]
    assert findings(paths, tmp_path / 'store') == expected


def test_frame_rates_of_files_without_frames_do_not_count() -> None:
    rows = [{}, {'fps': 90_000.0, 'num_frames': 1}, {'fps': 9e4, 'status': 'no_video_stream'}]
    problems = run_checks(clips_of(rows), SETTINGS, gather_evidence(clips_of(rows), SETTINGS))
    assert 'mixed_frame_rates' not in set(problems['code'])


STRANGE = (0.0, -1.0, 1e-9, 1e18, np.nan)
STATUSES = ('ok', 'missing', 'empty', 'unreadable', 'no_video_stream', 'timed_out', 'crashed')


def test_any_measurement_goes_through_every_check_and_table() -> None:
    """One file with each measure at its strangest, beside ordinary ones of its class."""
    numbers = [field.name for field in fields(FileMeasurement) if field.type == 'float']
    assert len(numbers) > 25
    for value in STRANGE:
        everything = dict.fromkeys(numbers, value)
        rows = [{}, {}, *({name: value} for name in numbers)]
        rows += [everything | {'status': status} for status in STATUSES]
        clips = clips_of(rows)
        run_checks(clips, SETTINGS, gather_evidence(clips, SETTINGS))
        for table in (totals(clips), class_table(clips, ['a']), picture_table(clips)):
            assert table
        assert balance(clips, ['a'])
        assert distributions(clips, ['a'])['num_frames']['classes']['a']['clips'] >= len(numbers)


def test_names_that_cannot_be_opened_end_no_analysis(tmp_path: Path) -> None:
    folder = tmp_path / 'set' / 'a'
    folder.mkdir(parents=True)
    video = render_video(tmp_path / 'good.mp4', 9)
    (folder / os.fsdecode(b'caf\xe9.mp4')).write_bytes(video.read_bytes())
    (folder / 'loop.mp4').symlink_to('loop.mp4')
    os.mkfifo(folder / 'pipe.mp4')
    assert main([str(tmp_path / 'set'), '--out', str(tmp_path / 'out'), '--workers', '0']) == 0
    table = (tmp_path / 'out' / 'clips.csv').read_text(errors='surrogateescape')
    assert os.fsdecode(b'a/caf\xe9.mp4') in table
    problems = (tmp_path / 'out' / 'problems.csv').read_text(errors='surrogateescape')
    assert 'unreadable,error,a/loop.mp4' in problems
    assert 'unreadable,error,a/pipe.mp4' in problems
    assert (tmp_path / 'out' / 'report.html').is_file()
