import base64
import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from data_analysis.checks import Evidence, run_checks
from data_analysis.checks.problems import Problem, problem_table
from data_analysis.checks.settings import CheckSettings
from data_analysis.inputs.sampler import SamplerSettings
from data_analysis.summary.strips import choose_strips, decode_strips
from tests.data_analysis.clip_tables import clips_of
from tests.data_analysis.rendering import number_in, render_video


def test_a_class_is_shown_by_its_clip_of_median_length() -> None:
    clips = clips_of(
        {'path': f'{frames}.mp4', 'label': 'a', 'num_frames': frames} for frames in (300, 60, 80)
    )
    (strip,) = choose_strips(clips, problem_table([]), ('a', 'b'), SamplerSettings())
    assert (strip.kind, strip.key, strip.path) == ('class', 'a', '80.mp4')
    assert strip.frames == (0, 32, 64, 16, 48, 0, 32, 64)


def test_a_part_of_a_file_is_shown_from_its_start() -> None:
    clips = clips_of([{'start_seconds': 4.0, 'end_seconds': 6.0, 'num_frames': 50}])
    settings = SamplerSettings(clip_len=2, frame_interval=10, short_clip='repeat_last')
    (strip,) = choose_strips(clips, problem_table([]), ('a',), settings)
    assert strip.frames == (119, 129)
    assert strip.start_frame == 100


def test_problems_are_shown_with_what_they_relate_to() -> None:
    clips = clips_of([{'path': name, 'label': ''} for name in ('a', 'b', 'c', 'd', 'e')])
    problems = problem_table(
        [
            Problem('odd_first_frame', 'a', '', file='videos/a'),
            Problem('byte_identical', 'b', '', file='videos/b', related_file='videos/c'),
            Problem('rotated', 'c', '', file='videos/c'),
            Problem('rotated', 'd', '', file='videos/d'),
            Problem('rotated', 'e', '', file='videos/e'),
            Problem('missing', 'gone', '', file='videos/gone'),
            Problem('imbalance', '', ''),
        ]
    )
    strips = choose_strips(clips, problems, (), SamplerSettings())
    assert [(strip.key, strip.path) for strip in strips] == [
        ('rotated', 'c'),
        ('rotated', 'd'),
        ('odd_first_frame', 'a'),
        ('byte_identical', 'b'),
        ('byte_identical', 'c'),
    ]
    assert strips[2].frames[:3] == (0, 1, 2)


def test_a_problem_is_shown_with_its_own_file() -> None:
    """Two splits with a root each may have the same paths."""
    clips = clips_of(
        {'path': 'a.mp4', 'file': f'{split}/a.mp4', 'split': split, 'label': '', 'num_frames': 9}
        for split in ('train', 'val')
    )
    problems = run_checks(clips.assign(rotation=[0, 90]), CheckSettings(), Evidence())
    strips = choose_strips(clips, problems[problems['code'] == 'rotated'], (), SamplerSettings())
    assert [(strip.path, strip.file) for strip in strips] == [('a.mp4', 'val/a.mp4')]


def test_classes_of_clips_that_have_several_are_shown() -> None:
    clips = clips_of({'path': name, 'label': 'a;b'} for name in ('1', '2', '3'))
    strips = choose_strips(clips, problem_table([]), ('a', 'b', 'c'), SamplerSettings())
    assert [(strip.key, strip.path) for strip in strips] == [('a', '2'), ('b', '2')]


@pytest.mark.parametrize('num_workers', [0, 1])
def test_pictures_are_the_frames_asked_for(tmp_path: Path, num_workers: int) -> None:
    video = str(render_video(tmp_path / 'a.mp4', 50))
    broken = tmp_path / 'b.mp4'
    broken.write_text('nothing')
    wanted = [
        {'file': video, 'frames': [0, 32, 4, 36]},
        {'file': str(broken), 'frames': [0]},
        {'file': video, 'frames': [99]},
    ]
    first, second, third = decode_strips(wanted, num_workers)
    shown = [Image.open(io.BytesIO(base64.b64decode(data))) for data in first.pictures]
    assert [number_in(np.asarray(picture)) for picture in shown] == [0, 32, 4, 36]
    assert {picture.size for picture in shown} == {(149, 112)}
    assert second.pictures == ()
    assert second.reason
    (last,) = third.pictures
    assert number_in(np.asarray(Image.open(io.BytesIO(base64.b64decode(last))))) == 49


def test_tall_pictures_are_made_as_high_as_the_others(tmp_path: Path) -> None:
    video = str(render_video(tmp_path / 'a.mp4', 3, size=(48, 96)))
    (strip,) = decode_strips([{'file': video, 'frames': [1]}], 0)
    picture = Image.open(io.BytesIO(base64.b64decode(strip.pictures[0])))
    assert picture.size == (56, 112)
