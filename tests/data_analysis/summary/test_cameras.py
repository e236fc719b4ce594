"""Recordings, light and doubtful labels of a set, by hand."""

import numpy as np
import pytest

from data_analysis.measuring.thumbnails import THUMBNAIL_HEIGHT, THUMBNAIL_WIDTH, encode_thumbnail
from data_analysis.summary.cameras import class_by_recording, label_doubts, looks
from tests.data_analysis.clip_tables import clips_of, signature_of


def test_the_recording_names_the_class_of_clips_that_share_one() -> None:
    rows = [*[('x', 'a')] * 3, ('x', 'b'), *[('y', 'b')] * 2, ('alone', 'a')]
    found = class_by_recording(clips_of({'recording': r, 'label': c} for r, c in rows), ('a', 'b'))
    assert found['rows'][0] == {'recording': 'x', 'clips': [3, 1]}
    # In x the three of a see two others of a; b sees none of its own. In y both are right.
    assert found['accuracy'] == pytest.approx(5 / 6)
    assert found['guessing'] == pytest.approx(4 / 7)
    assert class_by_recording(clips_of([{'recording': ''}]), ('a', 'b')) is None


def test_brightness_and_contrast_of_a_class() -> None:
    flat = np.full((THUMBNAIL_HEIGHT, THUMBNAIL_WIDTH), 40)
    halves = flat.copy()
    halves[: THUMBNAIL_HEIGHT // 2] = 80
    rows = [{'signature': encode_thumbnail(picture), 'label': 'a'} for picture in (flat, halves)]
    (row,) = looks(clips_of(rows), ('a', 'b'))
    assert row['brightness'] == pytest.approx([45, 50, 55])
    assert row['contrast'] == pytest.approx([5, 10, 15])


def test_a_clip_among_those_of_another_class_is_doubted() -> None:
    rows = [{'label': 'a', 'signature': signature_of(1, 6, n)} for n in range(5)]
    rows += [{'label': 'b', 'signature': signature_of(2, 6, n)} for n in range(5)]
    assert label_doubts(clips_of(rows), ('a', 'b')) == []
    rows[3]['label'] = 'b'
    (doubt,) = [row for row in label_doubts(clips_of(rows), ('a', 'b')) if row['label'] == 'b']
    assert doubt['path'] == 'clip3.mp4'
    assert doubt['twin_label'] == 'a'
