import numpy as np
import pandas as pd
import pytest

from data_analysis.checks.sampling import check_length
from data_analysis.checks.settings import CheckSettings
from data_analysis.inputs.sampler import RULES, SamplerSettings, needed_frames, sample_indices
from data_analysis.summary.sampler_view import largest_fitting_interval, sampler_view
from tests.data_analysis.clip_tables import clips_of
from video_clips.sampling import SHORT_CLIP_RULES, sample_frames


def test_the_default_loops_sixty_frames_as_mmaction2_does() -> None:
    assert sample_indices(SamplerSettings(), 60, 25.0).tolist() == [0, 32, 4, 36, 8, 40, 12, 44]


@pytest.mark.parametrize(
    ('rule', 'expected'),
    [
        ('repeat_last', [0, 32, 59, 59, 59, 59, 59, 59]),
        ('shrink_interval', [1, 9, 17, 25, 33, 41, 49, 57]),
        ('uniform', [3, 11, 18, 26, 33, 41, 48, 56]),
        ('error', []),
    ],
)
def test_the_other_rules_keep_time_in_order(rule: str, expected: list[int]) -> None:
    settings = SamplerSettings(short_clip=rule)
    assert sample_indices(settings, 60, 25.0).tolist() == expected
    long = sample_indices(settings, 225, 25.0)
    assert long.tolist() == list(range(0, 225, 32))


def test_of_several_samples_the_middle_one_is_shown() -> None:
    settings = SamplerSettings(clip_len=2, frame_interval=10, num_clips=3)
    assert sample_indices(settings, 111, 25.0).tolist() == [50, 60]


def test_needed_frames_follow_the_rate_where_time_is_meant() -> None:
    fps = pd.Series([25.0, 50.0])
    assert needed_frames(SamplerSettings(), fps).tolist() == [225, 225]
    assert needed_frames(SamplerSettings(target_fps=25), fps).tolist() == [225, 449]
    by_span = SamplerSettings(span_seconds=10.24, short_clip='repeat_last')
    assert needed_frames(by_span, fps).tolist() == [225, 449]
    assert sample_indices(by_span, 512, 50.0).tolist() == list(range(31, 512, 64))


def test_frames_spread_over_the_clip_fit_any_length() -> None:
    settings = SamplerSettings(8, frame_interval=None, short_clip='repeat_last')
    assert sample_indices(settings, 80, 25.0).tolist() == [5, 15, 25, 35, 45, 55, 65, 75]
    view = sampler_view(clips_of([{'num_frames': 7}, {'num_frames': 900}]), ['a'], settings)
    assert (view['frames_needed'], view['short_share'], view['unshifted_share']) == (8, 0.5, 0)
    assert view['short_example'] is None
    assert 'any clip of 8 frames' in view['sentence']


def test_largest_interval_that_nineteen_of_twenty_fit() -> None:
    lengths = pd.Series([10] + [72] * 19)
    assert largest_fitting_interval(lengths, 8) == 10  # 7 * 10 + 1 = 71
    assert largest_fitting_interval(pd.Series([10, 10] + [72] * 18), 8) == 1
    assert largest_fitting_interval(pd.Series([3] * 20), 8) is None
    assert largest_fitting_interval(pd.Series([], dtype=float), 8) is None


def test_shares_of_each_class() -> None:
    clips = clips_of(
        [
            *({'label': 'a', 'num_frames': frames} for frames in (100, 224, 225, 256)),
            *({'label': 'b', 'num_frames': frames} for frames in (257, 300)),
            {'label': 'b', 'num_frames': np.nan, 'status': 'unreadable'},
        ]
    )
    view = sampler_view(clips, ['a', 'b'], SamplerSettings())
    rows = {row['label']: row for row in view['classes']}
    assert (rows['a']['short'], rows['a']['short_share']) == (2, 0.5)
    assert (rows['b']['clips'], rows['b']['short']) == (2, 0)
    assert rows['']['short_share'] == pytest.approx(2 / 6)
    # mmaction2 moves the start of a training clip only from 257 frames on.
    assert (rows['a']['unshifted'], rows['b']['unshifted']) == (4, 0)
    assert view['coverage']['shares']['a'][31] == 0.5
    assert view['coverage']['shares']['b'][31] == 1
    assert view['frames_needed'] == 225
    assert view['examples'][0]['indices'] == sample_indices(SamplerSettings(), 100, 25.0).tolist()


def test_a_short_clip_is_shown_under_every_rule() -> None:
    view = sampler_view(clips_of([{'num_frames': 60}]), ['a'], SamplerSettings())
    rules = view['short_example']['rules']
    assert [rule['name'] for rule in rules] == list(RULES[:-1])
    assert [rule['in_order'] for rule in rules] == [False, True, True, True]
    assert sampler_view(clips_of([{}]), ['a'], SamplerSettings())['short_example'] is None


def test_settings_are_checked() -> None:
    with pytest.raises(ValueError, match="'wrap' is no rule"):
        SamplerSettings(short_clip='wrap')
    with pytest.raises(ValueError, match='at least 1'):
        SamplerSettings(frame_interval=0)


@pytest.mark.parametrize(
    ('num_frames', 'rule', 'always'),
    [
        (50, 'shrink_interval', True),  # 7 frames apart take all 50
        (55, 'shrink_interval', False),  # 7 frames apart leave 5 over
        (55, 'repeat_last', True),
        (55, 'uniform', False),
        (256, 'loop', True),
        (256, 'repeat_last', False),
    ],
)
def test_who_always_starts_at_frame_0(num_frames: int, rule: str, always: bool) -> None:
    clips = clips_of([{'num_frames': num_frames}])
    view = sampler_view(clips, ['a'], SamplerSettings(short_clip=rule))
    assert view['unshifted_share'] == always
    if rule in SHORT_CLIP_RULES:
        rng = np.random.default_rng(0)
        starts = {
            int(sample_frames(num_frames, 8, 32, short_clip=rule, rng=rng)[0, 0]) for _ in range(50)
        }
        assert (starts == {0}) == always


def test_a_sampler_that_adapts_gets_one_finding() -> None:
    clips = clips_of([{'num_frames': 50}] * 3)
    found = {
        rule: [
            p.code
            for p in check_length(clips, CheckSettings(sampler=SamplerSettings(short_clip=rule)))
        ]
        for rule in ('loop', 'shrink_interval')
    }
    assert found == {'loop': ['too_short'] * 3, 'shrink_interval': ['shown_faster']}
