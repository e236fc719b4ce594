import numpy as np
import pandas as pd
import pytest

from data_analysis.checks.metadata import metadata_problems, metadata_skills
from data_analysis.checks.settings import CheckSettings
from tests.data_analysis.clip_tables import clips_of

SETTINGS = CheckSettings(classes=('a', 'b'))


def made(shift: float, with_recordings: bool = False) -> pd.DataFrame:
    """Forty clips a class whose durations differ by a shift between the classes."""
    draw = np.random.default_rng(0).normal(10, 1, 80)
    return clips_of(
        {
            'label': 'ab'[number % 2],
            'duration_seconds': draw[number] + shift * (number % 2),
            'recording': f'r{number % 10}' if with_recordings else '',
            'fps': 25.0,
        }
        for number in range(80)
    )


def test_a_duration_that_tells_the_class_is_a_shortcut() -> None:
    skills = {skill.property: skill for skill in metadata_skills(made(5.0), SETTINGS)}
    assert list(skills) == ['duration']  # nothing else varies
    assert skills['duration'].shortcut
    assert skills['duration'].balanced_accuracy > 0.9
    assert skills['duration'].p_value < 0.05
    (problem,) = metadata_problems(skills.values())
    assert problem.detail.startswith('duration alone names the class')


def test_a_duration_that_does_not_is_none() -> None:
    (skill,) = metadata_skills(made(0.0), SETTINGS)
    assert not skill.shortcut
    assert skill.chance == 0.5


def test_what_tells_the_recording_tells_nothing_of_a_new_one() -> None:
    """Each recording has its own size and one class; across recordings, size says nothing."""
    sizes = np.random.default_rng(1).permutation(20) * 10 + 100
    clips = clips_of(
        {
            'label': 'ab'[recording % 2],
            'recording': f'r{recording}',
            'width': int(sizes[recording]),
            'height': int(sizes[recording]),
        }
        for recording in range(20)
        for _ in range(6)
    )
    (kept_apart,) = metadata_skills(clips, SETTINGS)
    (mixed,) = metadata_skills(clips.assign(recording=''), SETTINGS)
    assert not kept_apart.shortcut
    assert mixed.shortcut


@pytest.mark.parametrize('seed', [1, 16])
def test_recordings_that_match_by_chance_are_no_shortcut(seed: int) -> None:
    """Labels and durations of recordings, drawn apart from each other."""
    rng = np.random.default_rng(seed)
    recordings = np.repeat(np.arange(20), rng.integers(2, 12, size=20))
    labels = rng.integers(2, size=20)[recordings]
    durations = rng.normal(10, 2, 20)[recordings] + rng.normal(0, 0.2, len(recordings))
    clips = clips_of(
        {'label': 'ab'[label], 'recording': f'r{recording}', 'duration_seconds': seconds}
        for label, recording, seconds in zip(labels, recordings, durations, strict=True)
    )
    (skill,) = metadata_skills(clips, SETTINGS)
    assert skill.balanced_accuracy > 0.62
    assert not skill.shortcut


def test_too_few_clips_say_nothing() -> None:
    assert metadata_skills(made(5.0).head(6), SETTINGS) == []
    assert metadata_skills(made(5.0).assign(label='a'), SETTINGS) == []
