"""Labelled videos: mmaction2's items, checked labels, recordings and parts of videos."""

import re

import pytest
from mmengine.dataset import ClassBalancedDataset

from mmaction_timesformer.datasets import LabeledVideoDataset, RailwayYardDataset
from mmaction_timesformer.registry import DATASETS
from tests.data_analysis.rendering import number_in
from tests.datasets.clips import CLASSES, PACK, make, write_list

LIST = 'a.mp4 0\nb.mp4 3\nd.mkv 1\n'


def test_items_are_those_of_mmaction2(clips):
    options = {'ann_file': write_list(clips, LIST), 'data_root': str(clips), 'pipeline': []}
    theirs = DATASETS.build(
        {'type': 'VideoDataset', 'data_prefix': {'video': 'sub'}, 'test_mode': True, **options}
    )
    ours = DATASETS.build(
        {
            'type': 'RailwayYardDataset',
            'data_prefix': {'video': 'sub'},
            'test_mode': True,
            **options,
        }
    )
    assert len(ours) == len(theirs) == 3
    assert [ours[i] for i in range(3)] == [theirs[i] for i in range(3)]
    assert ours[1]['filename'] == f'{clips}/sub/b.mp4'
    assert ours.metainfo['classes'] == CLASSES


def test_a_csv_with_everything(clips):
    ann_file = write_list(
        clips,
        'path,label,recording,start_seconds,end_seconds\n'
        'with space/c.mp4,Cabin-Worker,rec7,0.4,0.8\n'
        'a.mp4,0,,,\n',
        'all.csv',
    )
    dataset = make(RailwayYardDataset, clips, ann_file, test_mode=True)
    info = dataset.get_data_info(0)
    assert info['label'] == 2
    assert (info['recording'], info['start_seconds'], info['end_seconds']) == ('rec7', 0.4, 0.8)
    sample = dataset[0]['data_samples']
    assert sample.recording == 'rec7'
    assert sample.filename.endswith('with space/c.mp4')
    assert 'recording' not in dataset.get_data_info(1)
    # Four frames, two apart, of the frames 4 to 7: past the end the last one stays.
    frames = [number_in(picture) for picture in dataset[0]['inputs'][0].permute(1, 2, 3, 0).numpy()]
    assert frames == [4, 6, 7, 7]


def test_recordings_told_by_names(clips):
    ann_file = write_list(clips, 'rec3_clip1.mp4 0\nother.mp4 1\n')
    dataset = make(
        RailwayYardDataset, clips, ann_file, pipeline=[], recording_regex=r'(?P<recording>rec\d+)'
    )
    assert dataset.get_data_info(0)['recording'] == 'rec3'
    assert 'recording' not in dataset.get_data_info(1)


@pytest.mark.parametrize('given', ['classes', 'metainfo', 'file'])
def test_any_class_list(clips, tmp_path, given):
    names = ['walk', 'run']
    (tmp_path / 'classes.txt').write_text('walk\nrun\n')
    ways: dict[str, dict] = {
        'classes': {'classes': names},
        'metainfo': {'metainfo': {'classes': names}},
        'file': {'classes': str(tmp_path / 'classes.txt')},
    }
    ann_file = write_list(clips, 'a.mp4 run\nb.mp4 0\n')
    dataset = make(LabeledVideoDataset, clips, ann_file, pipeline=[], **ways[given])
    assert list(dataset.metainfo['classes']) == names
    assert [dataset.get_data_info(i)['label'] for i in range(2)] == [1, 0]


def test_multi_label(clips):
    ann_file = write_list(clips, 'path,label\na.mp4,0;Other\nb.mp4,\n', 'multi.csv')
    options = {'multi_class': True, 'test_mode': True}
    dataset = make(RailwayYardDataset, clips, ann_file, **options)
    assert dataset[0]['data_samples'].gt_label.tolist() == [1, 0, 0, 1]
    assert dataset[1]['data_samples'].gt_label.tolist() == [0, 0, 0, 0]
    assert [dataset.get_cat_ids(i) for i in range(2)] == [[0, 3], []]
    ann_file = write_list(clips, 'a.mp4 1 2\n')
    theirs = DATASETS.build(
        {
            'type': 'VideoDataset',
            'ann_file': f'{clips}/{ann_file}',
            'pipeline': [],
            'multi_class': True,
            'num_classes': 4,
        }
    )
    ours = make(LabeledVideoDataset, clips, ann_file, pipeline=[], num_classes=4, **options)
    assert ours.get_data_info(0)['label'].tolist() == theirs.get_data_info(0)['label'].tolist()


def test_class_balanced_dataset(clips):
    """The rare class comes as often as its repeat factor says: sqrt(0.5 / (1 / 4)) rounds to 2."""
    ann_file = write_list(clips, 'a.mp4 0\nb.mp4 0\nd.mkv 0\nwith space/c.mp4 3\n')
    dataset = ClassBalancedDataset(
        make(RailwayYardDataset, clips, ann_file, pipeline=[]), oversample_thr=0.5
    )
    labels = [dataset.get_data_info(i)['label'] for i in range(len(dataset))]
    assert labels == [0, 0, 0, 3, 3]


def test_clips_without_label_are_for_testing_only(clips):
    ann_file = write_list(clips, 'a.mp4\n')
    dataset = make(RailwayYardDataset, clips, ann_file, test_mode=True)
    assert dataset.get_data_info(0)['label'] == -1
    assert dataset.get_cat_ids(0) == []
    with pytest.raises(ValueError, match=r'list\.txt: a\.mp4 has no label; only a dataset with'):
        make(RailwayYardDataset, clips, ann_file)


@pytest.mark.parametrize(
    ('text', 'options', 'message'),
    [
        ('a.mp4 4\n', {}, 'line 1: label 4 is outside the classes'),
        ('a.mp4 2\n', {'num_classes': 3}, 'num_classes is 3, there are 4 classes'),
        ('a.mp4 2\n', {'on_error': 'ignore'}, "on_error must be one of ('raise', 'skip')"),
        ('a.mp4 2\n', {'data_prefix': {'img': ''}}, 'data_prefix must be dict(video=...)'),
    ],
)
def test_arguments_are_checked(clips, text, options, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        make(RailwayYardDataset, clips, write_list(clips, text), **options)


def test_labels_without_class_names(clips):
    ann_file = write_list(clips, 'a.mp4 7\n')
    dataset = make(LabeledVideoDataset, clips, ann_file, pipeline=[])
    assert dataset.get_data_info(0)['label'] == 7
    with pytest.raises(ValueError, match='label 7 is outside the classes'):
        make(LabeledVideoDataset, clips, ann_file, num_classes=5)
    with pytest.raises(ValueError, match='multi_class needs classes or num_classes'):
        make(LabeledVideoDataset, clips, ann_file, multi_class=True)
    with pytest.raises(FileNotFoundError, match=re.escape('none.txt: no such file of class names')):
        make(LabeledVideoDataset, clips, ann_file, classes='none.txt')
    with pytest.raises(TypeError, match='mutli_class'):
        make(LabeledVideoDataset, clips, ann_file, mutli_class=True)


def test_a_subset_and_a_lazy_one(clips):
    ann_file = write_list(clips, LIST)
    dataset = make(RailwayYardDataset, clips, ann_file, lazy_init=True, test_mode=True)
    assert number_in(dataset[0]['inputs'][0, :, 0].permute(1, 2, 0).numpy()) == 2
    subset = dataset.get_subset([2, 0])
    assert [subset[i]['data_samples'].gt_label.item() for i in range(2)] == [1, 0]


def test_a_pipeline_of_decord_gives_the_same_tensors(real_videos, tmp_path):
    names = ['bridge_up', 'no_action', 'train_in_out']
    first = [sorted((real_videos / 'railway4' / name).iterdir())[0] for name in names]
    lines = [f'{path.relative_to(real_videos)} {label}\n' for label, path in enumerate(first)]
    (tmp_path / 'list.txt').write_text(''.join(lines))
    sampling = {'type': 'SampleFrames', 'clip_len': 8, 'frame_interval': 32, 'test_mode': True}
    after = [{'type': 'Resize', 'scale': (-1, 64)}, {'type': 'CenterCrop', 'crop_size': 64}, *PACK]
    ours, theirs = (
        DATASETS.build(
            {
                'type': dataset_type,
                'pipeline': [{'type': opens}, sampling, {'type': decodes}, *after],
                'ann_file': str(tmp_path / 'list.txt'),
                'data_root': str(real_videos),
                'data_prefix': {'video': ''},
                'test_mode': True,
            }
        )
        for dataset_type, opens, decodes in (
            ('LabeledVideoDataset', 'OpenVideo', 'DecodeFrames'),
            ('VideoDataset', 'DecordInit', 'DecordDecode'),
        )
    )
    for i in range(len(names)):
        assert ours[i]['inputs'].equal(theirs[i]['inputs'])
