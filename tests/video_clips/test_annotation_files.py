"""Annotation files: both formats, what stands in real ones, and what is refused."""

import re

import pytest

from video_clips.annotation_files import (
    Clip,
    class_names_in,
    find_clips,
    read_annotations,
    write_annotations,
)
from video_clips.labels import check_class_names

CLASSES = ('Track-Excavator', 'Bucket-Worker', 'Cabin-Worker', 'Other')


@pytest.fixture
def written(tmp_path):
    """Writes a file of the given name and text and returns its path."""

    def write(name, text):
        path = tmp_path / name
        path.write_bytes(text.encode('utf-8', 'surrogateescape'))
        return path

    return write


@pytest.mark.parametrize(
    ('line', 'clip'),
    [
        ('some/path/000.mp4 1', Clip('some/path/000.mp4', 1)),
        ('a folder/rec 003 clip 02.mp4 2', Clip('a folder/rec 003 clip 02.mp4', 2)),
        ('tab.MKV\t3', Clip('tab.MKV', 3)),
        ('names.mp4 Bucket-Worker', Clip('names.mp4', 1)),
        ('no_suffix/0001 3', Clip('no_suffix/0001', 3)),
        ('no label.mp4', Clip('no label.mp4')),
        ('no_label_either', Clip('no_label_either')),
        ('hidden_label.mp4 -1', Clip('hidden_label.mp4')),
        ('two.mp4 of them.mp4 0', Clip('two.mp4 of them.mp4', 0)),
        ('-starts-with-a-dash.mp4 0', Clip('-starts-with-a-dash.mp4', 0)),
        ('kilo.mp4.part 1', Clip('kilo.mp4.part', 1)),
    ],
)
def test_text_line(written, line, clip):
    assert read_annotations(written('list.txt', f'{line}\n'), CLASSES) == [clip]


def test_class_name_with_spaces_in_a_text_list(written):
    file = written('list.txt', 'my clip.mp4 worker in bucket\n')
    assert read_annotations(file, ['other', 'worker in bucket']) == [Clip('my clip.mp4', 1)]


def test_text_list_skips_blank_lines_byte_order_mark_and_carriage_returns(written):
    file = written('list.txt', '\ufeffa.mp4 1\r\n\r\n  \r\nb.mp4 2\r\n')
    assert read_annotations(file) == [Clip('a.mp4', 1), Clip('b.mp4', 2)]


@pytest.mark.parametrize(
    ('line', 'clip'),
    [
        ('a b.mp4 1 3', Clip('a b.mp4', (1, 3))),
        ('a.mp4 Other;Cabin-Worker', Clip('a.mp4', (3, 2))),
        ('folder 7 1 3', Clip('folder', (7, 1, 3))),
        ('a.mp4', Clip('a.mp4')),
    ],
)
def test_multi_label_text_line(written, line, clip):
    classes = [*CLASSES, '4', '5', '6', '7']
    assert read_annotations(written('list.txt', line), classes, multi_label=True) == [clip]


def test_delimiter_as_in_mmaction2(written):
    file = written('list.txt', 'a b,c\t1\n')
    assert read_annotations(file, delimiter='\t') == [Clip('a b,c', 1)]


def test_csv_with_all_columns(written):
    file = written(
        'train.csv',
        'path, label, recording, start_seconds, end_seconds, weather\n'
        'yard/a.mp4,Bucket-Worker,rec1,2.5,12.5,rain\n'
        '"with, comma.mp4",3,,,,\n'
        '\n'
        'unlabelled.mp4,,rec2,0,,\n',
    )
    assert read_annotations(file, CLASSES) == [
        Clip('yard/a.mp4', 1, 'rec1', 2.5, 12.5),
        Clip('with, comma.mp4', 3),
        Clip('unlabelled.mp4', None, 'rec2', 0.0, None),
    ]


def test_csv_with_other_column_names(written):
    file = written('clips.csv', 'filename,label,camera,start,end\na.mp4,1,gate,1,2\n')
    assert read_annotations(file, recording_column='camera') == [Clip('a.mp4', 1, 'gate', 1.0, 2.0)]


def test_multi_label_csv(written):
    file = written('train.csv', 'path,label\na.mp4,0;Other\nb.mp4,2\n')
    clips = read_annotations(file, CLASSES, multi_label=True)
    assert [clip.label for clip in clips] == [(0, 3), (2,)]


def test_class_names_in_csv_files(written):
    first = written('a.csv', 'path,label\na.mp4,walk\nb.mp4,run;walk\n')
    second = written('b.csv', 'path,label\na.mp4,3\nb.mp4,jump\nc.mp4,\n')
    assert class_names_in([first, second]) == ('jump', 'run', 'walk')


@pytest.mark.parametrize(
    ('name', 'text', 'message'),
    [
        (
            'a.txt',
            'a.mp4 0\nb.mp4 4\n',
            'a.txt, line 2: label 4 is outside the classes (4 classes: 0',
        ),
        ('a.txt', 'a.mp4 -2\n', 'line 1: label -2 is outside'),
        ('a.txt', 'b.mp4 Buket\n', "line 1: label 'Buket' is neither an index nor a class name"),
        ('a.txt', 'b.mp4 1 2\n', "line 1: has 2 labels ('1 2'), but multi_label is off"),
        ('a.txt', ' \n', 'a.txt: the annotation file names no clip'),
        ('a.csv', 'video,label\na,1\n', 'a.csv, line 1: the header needs a column path'),
        ('a.csv', '', 'it has nothing'),
        ('a.csv', 'path,label\na.mp4,1\nb,c.mp4,1\n', 'line 3: has 3 fields, the header 2'),
        ('a.csv', 'path,label\n,1\n', 'line 2: the path is empty'),
        ('a.csv', 'path,start\na.mp4,soon\n', "line 2: 'soon' is no number of seconds"),
        ('a.csv', 'path,start\na.mp4,-1\n', 'line 2: start must be a number of seconds from 0'),
        ('a.csv', 'path,start,end\na,3,3\n', 'line 2: the clip ends (3.0 s) before it starts (3.0'),
    ],
)
def test_errors_name_file_and_line(written, name, text, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        read_annotations(written(name, text), CLASSES)


def test_missing_file_and_unusable_arguments(tmp_path, written):
    with pytest.raises(FileNotFoundError, match=re.escape('nowhere.txt: no such annotation file')):
        read_annotations(tmp_path / 'nowhere.txt')
    file = written('a.csv', 'path,label\na.mp4,walk\n')
    with pytest.raises(ValueError, match='no class names were given'):
        read_annotations(file)
    with pytest.raises(ValueError, match='must differ'):
        read_annotations(file, ['walk', 'walk'])
    with pytest.raises(ValueError, match="there is no column 'camera'"):
        read_annotations(file, ['walk'], recording_column='camera')


@pytest.mark.parametrize('classes', [None, CLASSES])
def test_csv_comes_back_as_written(tmp_path, classes):
    clips = [
        Clip('a, "b" c.mp4', 2, 'rec1', 0.1, 1 / 3),
        Clip('c.mp4', None, None, 7.0),
    ]
    write_annotations(tmp_path / 'new' / 'a.csv', clips, classes)
    assert read_annotations(tmp_path / 'new' / 'a.csv', classes) == clips
    assert ('Cabin-Worker' in (tmp_path / 'new' / 'a.csv').read_text()) == (classes is not None)


def test_csv_refuses_a_path_with_white_space_around_it(tmp_path):
    with pytest.raises(ValueError, match='starts or ends with white space'):
        write_annotations(tmp_path / 'a.csv', [Clip(' a.mp4', 0)])
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize('multi_label', [False, True])
def test_text_comes_back_as_written(tmp_path, multi_label):
    labels = [(3,), (0, 2), None] if multi_label else [3, 0, None]
    paths = ['a b 1.mp4', 'caf\udce9.avi', 'frames_only']
    clips = [Clip(path, label) for path, label in zip(paths, labels, strict=True)]
    write_annotations(tmp_path / 'list.txt', clips)
    assert read_annotations(tmp_path / 'list.txt', CLASSES, multi_label) == clips


@pytest.mark.parametrize(
    'clip', [Clip('a.mp4', 1, recording='rec1'), Clip('two\nlines.mp4', 1), Clip('a.mp4 b', (1, 2))]
)
def test_text_refuses_what_it_cannot_hold_and_leaves_the_old_file(tmp_path, clip):
    file = tmp_path / 'list.txt'
    file.write_text('old.mp4 1\n')
    with pytest.raises(ValueError, match=r'write a \.csv file'):
        write_annotations(file, [Clip('fine.mp4', 0), clip])
    assert file.read_text() == 'old.mp4 1\n'
    assert list(tmp_path.iterdir()) == [file]


def test_classes_named_by_numbers_keep_their_clips(tmp_path):
    """Names in a CSV and indices in a text list; neither is ever taken for the other."""
    classes = ('1', '10', '2', '3')
    clips = [Clip(f'{name}/a.mp4', index) for index, name in enumerate(classes)]
    for file in (tmp_path / 'list.txt', tmp_path / 'list.csv'):
        write_annotations(file, clips, classes)
        assert read_annotations(file, classes) == clips
    assert '10/a.mp4 1' in (tmp_path / 'list.txt').read_text()
    assert '10/a.mp4,10' in (tmp_path / 'list.csv').read_text()


def test_an_index_in_a_csv_is_refused_where_classes_are_named_by_numbers(written):
    file = written('list.csv', 'path,label\na.mp4,0\n')
    with pytest.raises(
        ValueError, match=r"line 2: label '0' is not a class name .*indices go into"
    ):
        read_annotations(file, ('1', '2'))
    assert read_annotations(file, ('0', '1')) == [Clip('a.mp4', 0)]


@pytest.mark.parametrize('name', ['{{$HOME:x}}', '-1', ''])
def test_names_that_cannot_name_a_class(name):
    with pytest.raises(ValueError, match=r'template|without a label'):
        check_class_names(('a', name))


def test_names_in_a_csv_and_folders_are_checked(written, tmp_path):
    with pytest.raises(ValueError, match='template'):
        class_names_in([written('list.csv', 'path,label\na.mp4,{{$HOME:x}}\n')])
    (tmp_path / 'set' / '{{ fileDirname }}').mkdir(parents=True)
    (tmp_path / 'set' / '{{ fileDirname }}' / 'a.mp4').touch()
    with pytest.raises(ValueError, match='template'):
        find_clips(tmp_path / 'set')


def test_a_field_of_any_length_is_read_or_named(written):
    file = written('list.csv', f'path,label\n{"x" * 140_000}.mp4,0\n')
    for read in (read_annotations, lambda file: class_names_in([file])):
        with pytest.raises(ValueError, match=r'list\.csv: cannot be read as CSV: field larger'):
            read(file)
