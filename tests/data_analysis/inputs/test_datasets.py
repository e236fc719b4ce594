from pathlib import Path

import pytest

from data_analysis.inputs.datasets import (
    INPUT_COLUMNS,
    SplitFile,
    input_from_annotations,
    input_from_folder,
)


def touch(*paths: Path) -> None:
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def test_a_folder_per_class(tmp_path: Path) -> None:
    touch(tmp_path / 'b c' / 'rec1 x.mp4', tmp_path / 'a' / 'rec2.avi', tmp_path / 'a' / 'no.txt')
    found = input_from_folder(str(tmp_path), recording_regex=r'rec\d')
    assert found.classes == ('a', 'b c')
    assert list(found.clips.columns) == list(INPUT_COLUMNS)
    assert found.clips['path'].tolist() == ['a/rec2.avi', 'b c/rec1 x.mp4']
    assert found.clips['file'].tolist() == [str(tmp_path / path) for path in found.clips['path']]
    assert found.clips['label'].tolist() == ['a', 'b c']
    assert found.clips['recording'].tolist() == ['rec2', 'rec1']
    assert found.clips['split'].tolist() == ['', '']


def test_a_folder_of_videos_has_no_labels(tmp_path: Path) -> None:
    touch(tmp_path / 'b.mp4', tmp_path / '-a.mkv', tmp_path / 'list.csv')
    found = input_from_folder(str(tmp_path))
    assert found.classes == ()
    assert found.clips['path'].tolist() == ['-a.mkv', 'b.mp4']
    assert found.clips['label'].tolist() == ['', '']


def test_a_folder_without_videos_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match='no subfolder holds a video'):
        input_from_folder(str(tmp_path))
    with pytest.raises(FileNotFoundError, match='absent'):
        input_from_folder(str(tmp_path / 'absent'))


def test_text_and_csv_splits_with_spaces_in_paths(tmp_path: Path) -> None:
    (tmp_path / 'train.txt').write_text('x/a b.mp4 1\nc.mp4 0\n')
    (tmp_path / 'val.csv').write_text(
        'path,label,camera,start_seconds,end_seconds\nd e.mp4,up,cam 1,1.5,4\nf.mp4,1,cam 2,,\n'
    )
    found = input_from_annotations(
        [
            SplitFile('train', tmp_path / 'train.txt', 'videos'),
            SplitFile('val', tmp_path / 'val.csv', '/else/where'),
        ],
        classes=('down', 'up'),
        recording_column='camera',
    )
    assert found.clips['label'].tolist() == ['up', 'down', 'up', 'up']
    assert found.clips['split'].tolist() == ['train', 'train', 'val', 'val']
    assert found.clips['file'].tolist() == [
        'videos/x/a b.mp4',
        'videos/c.mp4',
        '/else/where/d e.mp4',
        '/else/where/f.mp4',
    ]
    assert found.clips['recording'].tolist() == ['', '', 'cam 1', 'cam 2']
    assert found.clips['start_seconds'].tolist()[2] == 1.5
    assert not found.multi_label


def test_wrong_labels_are_kept_to_be_reported(tmp_path: Path) -> None:
    (tmp_path / 'list.csv').write_text('path,label\na.mp4,up\nb.mp4,sideways\nc.mp4,7\nd.mp4,\n')
    found = input_from_annotations([SplitFile('s', tmp_path / 'list.csv')], classes=('down', 'up'))
    assert found.clips['label'].tolist() == ['up', 'sideways', '7', '']
    assert found.classes == ('down', 'up')


def test_classes_come_from_the_names_or_from_the_highest_index(tmp_path: Path) -> None:
    (tmp_path / 'names.csv').write_text('path,label\na.mp4,up\nb.mp4,down\n')
    assert input_from_annotations([SplitFile('', tmp_path / 'names.csv')]).classes == ('down', 'up')
    (tmp_path / 'indices.txt').write_text('a.mp4 2\nb.mp4 0\n')
    assert input_from_annotations([SplitFile('', tmp_path / 'indices.txt')]).classes == (
        '0',
        '1',
        '2',
    )


def test_several_classes_a_clip(tmp_path: Path) -> None:
    (tmp_path / 'list.csv').write_text('path,label\na.mp4,up;down\nb.mp4,down\n')
    found = input_from_annotations([SplitFile('', tmp_path / 'list.csv')])
    assert found.multi_label
    assert found.clips['label'].tolist() == ['up;down', 'down']


def test_something_must_be_given() -> None:
    with pytest.raises(ValueError, match='no annotation file'):
        input_from_annotations([])


def test_one_wrong_index_does_not_make_thousands_of_classes(tmp_path: Path) -> None:
    for wrong in (20_000, 10**6, 10**12):
        (tmp_path / 'list.txt').write_text(f'a.mp4 1\nb.mp4 {wrong}\n')
        found = input_from_annotations([SplitFile('train', tmp_path / 'list.txt')])
        assert found.classes == ('0', '1')
        assert found.clips['label'].tolist() == ['1', str(wrong)]


def test_numbered_folders_are_the_same_classes_in_every_list(tmp_path: Path) -> None:
    classes = ['1', '10', '2', '3']
    (tmp_path / 'list.txt').write_text(''.join(f'{c}/a.mp4 {i}\n' for i, c in enumerate(classes)))
    (tmp_path / 'list.csv').write_text(
        'path,label\n' + ''.join(f'{c}/a.mp4,{c}\n' for c in classes)
    )
    for name in ('list.txt', 'list.csv'):
        found = input_from_annotations([SplitFile('', tmp_path / name)], classes)
        assert (found.clips['label'] == found.clips['path'].str.split('/').str[0]).all()


def make(folder: Path, *files: str) -> None:
    for file in files:
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        (folder / file).touch()


def test_split_folders_with_class_folders_inside(tmp_path: Path) -> None:
    make(tmp_path, 'train/a/1.mp4', 'train/b/2.mp4', 'Testing/b/3.mp4')
    found = input_from_folder(str(tmp_path))
    assert found.classes == ('a', 'b')
    rows = found.clips.set_index('path')[['split', 'label']].apply(tuple, axis=1)
    assert rows.to_dict() == {
        'train/a/1.mp4': ('train', 'a'),
        'train/b/2.mp4': ('train', 'b'),
        'Testing/b/3.mp4': ('test', 'b'),
    }
    assert any('are splits' in note for note in found.notes)


def test_split_folders_without_class_folders(tmp_path: Path) -> None:
    make(tmp_path, 'train/1.mp4', 'test/2.mp4')
    with pytest.raises(ValueError, match='--classes test,train'):
        input_from_folder(str(tmp_path))
    assert input_from_folder(str(tmp_path), ['test', 'train']).classes == ('test', 'train')


def test_files_left_out_are_counted_and_named(tmp_path: Path) -> None:
    make(tmp_path, 'a/1.mp4', 'a/2.DAV', 'a/readme.txt', 'b/3.h264', 'b/x.jpg', 'b/y.jpg', '.z')
    make(tmp_path, 'beside.mp4')
    found = input_from_folder(str(tmp_path))
    assert found.clips['path'].tolist() == ['a/1.mp4', 'a/2.DAV', 'b/3.h264']
    others, beside = found.notes
    assert '3 files are left out' in others
    assert '2 .jpg, 1 .txt' in others
    assert 'a/readme.txt' in others
    assert '1 videos lie beside the class folders and are left out: beside.mp4' in beside
    make(tmp_path / 'flat', '1.mp4')
    assert 'no labels' in input_from_folder(str(tmp_path / 'flat')).notes[0]
