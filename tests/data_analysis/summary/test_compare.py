from data_analysis.summary.compare import Change, compare_summaries
from tests.data_analysis.summaries import summary_of, varied_clips


def test_nothing_changed() -> None:
    assert compare_summaries(summary_of(), summary_of()) == []


def test_changes_are_named_with_both_values() -> None:
    clips = varied_clips()
    repaired = clips.assign(rotation=0)
    fewer = repaired.drop(index=[0])
    changes = compare_summaries(summary_of(clips), summary_of(fewer))
    assert Change('set', 'clips', '60', '59') in changes
    assert Change('classes', 'a in train', '20 clips', '19 clips') in changes
    assert Change('problems', 'rotated (Header asks for a rotation)', '1', '') in changes
    assert not [change for change in changes if change.what == 'classes']


def test_a_new_class_and_split_appear() -> None:
    clips = varied_clips()
    more = clips.copy()
    more.loc[7, ['label', 'split']] = ['c', 'test']
    changes = compare_summaries(summary_of(clips), summary_of(more, ('a', 'b', 'c')))
    assert Change('set', 'classes', 'a, b', 'a, b, c') in changes
    assert Change('set', 'splits', 'train, val', 'train, val, test') in changes
    assert Change('classes', 'c in test', '', '1 clips') in changes
