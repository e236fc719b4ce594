"""A set of stories: labels are balanced on every day, and a run that was cut short resumes."""

import pandas as pd
import pytest

from demo_yard.acting.stories import STORY_LABELS
from demo_yard.rendering import stories
from demo_yard.rendering.stories import render_stories


@pytest.fixture
def brief(monkeypatch):
    """Stories of four pictures."""
    monkeypatch.setattr(stories, 'STORY_FPS', 4 / stories.STORY_SECONDS)


def test_stories_and_their_list(brief, tmp_path):
    table = pd.read_csv(render_stories(tmp_path, 16, (64, 48)))
    counts = table.groupby(['day', 'label']).size()
    assert counts.to_dict() == {(d, name): 2 for d in ('day0', 'day1') for name in STORY_LABELS}
    files = [tmp_path / 'videos' / name for name in table['filename']]
    content = [file.read_bytes() for file in files]
    assert len(set(content)) == 16
    files[3].unlink()
    render_stories(tmp_path, 16, (64, 48))
    assert [file.read_bytes() for file in files] == content


def test_too_few(tmp_path):
    with pytest.raises(ValueError, match='16 or more'):
        render_stories(tmp_path, 15, (64, 48))
