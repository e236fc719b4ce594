from pathlib import Path

import pytest

from data_analysis.inputs.mmaction_config import input_from_config, order_of_classes
from data_analysis.inputs.sampler import SamplerSettings

CONFIG = """
dataset_type = 'VideoDataset'
data_root = {root!r}
pipeline = [
    dict(type='DecordInit'),
    dict(type='SampleFrames', clip_len=16, frame_interval=4, num_clips=2, {sampler}),
    dict(type='DecordDecode'),
]
train_dataloader = dict(dataset=dict(type='RepeatDataset', times=2, dataset=dict(
    type=dataset_type, ann_file='train.txt', data_root=data_root,
    data_prefix=dict(video='videos'), pipeline=pipeline)))
val_dataloader = dict(dataset=dict(
    type=dataset_type, ann_file={root!r} + '/val.txt', data_prefix=dict(video='/abs/videos'),
    pipeline=pipeline))
test_dataloader = val_dataloader
model = dict(cls_head=dict(num_classes=3))
custom_imports = dict(imports=['a_module_that_is_not_there'], allow_failed_imports=False)
"""


def write_config(folder: Path, text: str = CONFIG, sampler: str = '') -> Path:
    (folder / 'train.txt').write_text('a b.mp4 0\nc.mp4 2\n')
    (folder / 'val.txt').write_text('d.mp4 1\n')
    file = folder / 'config.py'
    file.write_text(text.format(root=str(folder), sampler=sampler))
    return file


def test_lists_prefixes_sampler_and_decoder_are_read(tmp_path: Path) -> None:
    found = input_from_config(write_config(tmp_path))
    assert found.clips['split'].tolist() == ['train', 'train', 'val']  # test reads val's list
    assert found.clips['file'].tolist() == [
        str(tmp_path / 'videos' / 'a b.mp4'),
        str(tmp_path / 'videos' / 'c.mp4'),
        '/abs/videos/d.mp4',
    ]
    assert found.classes == ('0', '1', '2')
    assert found.sampler == SamplerSettings(16, 4, num_clips=2, short_clip='loop')
    assert found.decoder == 'decord'


def test_the_rule_for_short_clips_is_read(tmp_path: Path) -> None:
    file = write_config(tmp_path, sampler="out_of_bound_opt='repeat_last', target_fps=30")
    sampler = input_from_config(file).sampler
    assert sampler is not None
    assert (sampler.short_clip, sampler.target_fps) == ('repeat_last', 30)


def test_types_may_have_a_scope(tmp_path: Path) -> None:
    text = CONFIG.replace("type='", "type='mmaction.").replace(
        "dataset_type = 'VideoDataset'", "dataset_type = 'mmaction.RailwayYardDataset'"
    )
    found = input_from_config(write_config(tmp_path, text))
    assert found.sampler == SamplerSettings(16, 4, num_clips=2, short_clip='loop')
    assert found.decoder == 'decord'
    assert found.classes[0] == 'Track-Excavator'


def test_steps_that_are_not_known_are_no_others(tmp_path: Path) -> None:
    text = CONFIG.replace('SampleFrames', 'DenseSampleFrames').replace('DecordInit', 'PIMSInit')
    found = input_from_config(write_config(tmp_path, text))
    assert found.sampler is None
    assert found.decoder == 'unknown'
    assert found.pipeline == ('PIMSInit', 'DenseSampleFrames', 'DecordDecode')


def test_a_file_of_classes_has_one_a_line(tmp_path: Path) -> None:
    (tmp_path / 'classes.txt').write_text('dig, deep\r\n\nstand by\nother\n\n')
    metainfo = f'metainfo=dict(classes={str(tmp_path / "classes.txt")!r}), pipeline=pipeline'
    text = CONFIG.replace('pipeline=pipeline', metainfo)
    found = input_from_config(write_config(tmp_path, text))
    assert found.classes == ('dig, deep', 'stand by', 'other')


def test_the_project_config_is_read(root: Path, tmp_path: Path) -> None:
    (config,) = (root / 'configs' / 'railway_yard').glob('timesformer_divST-tiny_scratch*rgb.py')
    for split in ('train', 'val', 'test'):
        (tmp_path / f'{split}.csv').write_text(f'path,label\n{split}.mp4,Other\n')
    found = input_from_config(config, data_root=str(tmp_path))
    assert found.classes == ('Track-Excavator', 'Bucket-Worker', 'Cabin-Worker', 'Other')
    assert found.sampler == SamplerSettings(8, 32, short_clip='shrink_interval')
    assert found.decoder == 'pyav'
    assert found.clips['path'].tolist() == ['train.mp4', 'val.mp4', 'test.mp4']
    assert found.clips['file'].str.startswith(str(tmp_path)).all()


def test_what_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r'absent\.py'):
        input_from_config(tmp_path / 'absent.py')
    (tmp_path / 'broken.py').write_text('train_dataloader = dict(')
    with pytest.raises(ValueError, match=r'broken\.py cannot be read'):
        input_from_config(tmp_path / 'broken.py')
    (tmp_path / 'empty.py').write_text('model = dict()')
    with pytest.raises(ValueError, match='train_dataloader'):
        input_from_config(tmp_path / 'empty.py')


def test_folders_of_images_are_refused(root: Path) -> None:
    (config,) = (root / 'configs' / 'railway_yard').glob('*rawframes-rgb.py')
    with pytest.raises(ValueError, match='does not list video files'):
        input_from_config(config)


def test_classes_are_numbered_as_in_a_config_that_has_the_same(root: Path) -> None:
    config = next((root / 'configs' / 'railway_yard').glob('timesformer*-rgb.py'))
    yard = ('Track-Excavator', 'Bucket-Worker', 'Cabin-Worker', 'Other')
    assert order_of_classes(sorted(yard), config) == yard
    assert order_of_classes(('b', 'a', *yard), config) == ('b', 'a', *yard)
