import numpy as np
import pandas as pd

from data_analysis.inputs.datasets import INPUT_COLUMNS
from data_analysis.measuring.clip_table import CLIP_COLUMNS, by_class, clip_table
from tests.data_analysis.clip_tables import clips_of


def annotated(*rows: tuple) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=list(INPUT_COLUMNS)).astype(
        {'start_seconds': float, 'end_seconds': float}
    )


def measured(**files: float) -> pd.DataFrame:
    """Files of so many seconds at 25 frames a second."""
    rows = clips_of(
        {'path': name, 'duration_seconds': seconds, 'num_frames': 25 * seconds}
        for name, seconds in files.items()
    )
    return rows.drop(
        columns=['path', 'label', 'split', 'recording', 'start_seconds', 'end_seconds']
    ).assign(file=list(files))


def test_files_are_joined_to_their_clips() -> None:
    table = clip_table(
        annotated(('p/a', 'a', 'x', 'train', 'r1', None, None), ('p/b', 'b', 'y', '', '', None, 9)),
        measured(a=4.0, b=20.0),
    )
    assert list(table.columns) == list(CLIP_COLUMNS)
    assert table['path'].tolist() == ['p/a', 'p/b']
    assert table['num_frames'].tolist() == [100, 225]
    assert table['recording'].tolist() == ['r1', 'b']


def test_a_part_has_the_length_of_the_part_and_the_file_as_recording() -> None:
    table = clip_table(
        annotated(
            ('a', 'a', 'x', '', '', 2.0, 6.0),
            ('a', 'a', 'x', '', 'mine', 18.0, None),
            ('a', 'a', 'x', '', '', 15.0, 99.0),
            ('a', 'a', 'x', '', '', 30.0, None),
        ),
        measured(a=20.0),
    )
    assert table['duration_seconds'].tolist() == [4, 2, 5, 0]
    assert table['num_frames'].tolist() == [100, 50, 125, 0]
    assert table['recording'].tolist() == ['a', 'mine', 'a', 'a']


def test_a_clip_of_two_classes_counts_for_both() -> None:
    clips = clips_of([{'label': 'a;b'}, {'label': 'b'}, {'label': ''}])
    named = by_class(clips)
    assert named['label'].tolist() == ['a', 'b', 'b', '']
    assert named.index.tolist() == [0, 0, 1, 2]
    single = clips_of([{'label': 'a'}])
    assert by_class(single) is single
    assert np.isnan(single['num_decoded_frames'][0])
