from pathlib import Path

import pytest
from mmengine.config import Config

from data_analysis.splitting.ready_config import ReadyConfig, write_ready_config

BASE = """
model = dict(
    backbone=dict(type='B', depth=3),
    cls_head=dict(num_classes=400, dropout=0.5),
    blend=dict(augments=[dict(type='Mixup', num_classes=400, alpha=0.8), dict(type='Other')]),
)
train_dataloader = dict(batch_size=8, dataset=dict(type='X', ann_file='old', pipeline=[1, 2]))
val_dataloader = dict(batch_size=8, dataset=dict(type='X', ann_file='old', pipeline=[3]))
test_dataloader = dict(batch_size=8, dataset=dict(type='X', ann_file='old', pipeline=[4]))
"""

LISTS = {'train': 'train.txt', 'val': 'val.txt', 'test': 'test.txt'}


@pytest.fixture
def base(tmp_path: Path) -> Path:
    file = tmp_path / 'base.py'
    file.write_text(BASE)
    return file


def test_it_inherits_and_sets_data_and_classes(base: Path, tmp_path: Path) -> None:
    file = write_ready_config(
        tmp_path / 'lists here' / 'config.py',
        ReadyConfig(
            base=base,
            videos=str(tmp_path / 'my videos'),
            classes=("it's", 'b'),
            lists=LISTS,
            settings={'work_dir': 'work_dirs/mine', 'detection': {'dangers': ["it's"]}},
        ),
    )
    config = Config.fromfile(file)
    for split in ('train', 'val', 'test'):
        loader = config[f'{split}_dataloader']
        assert loader.batch_size == 8
        assert loader.dataset.pipeline in ([1, 2], [3], [4])
        assert loader.dataset.type == 'LabeledVideoDataset'
        assert loader.dataset.ann_file == f'{split}.txt'
        assert loader.dataset.data_root == str(tmp_path / 'lists here')
        assert loader.dataset.data_prefix.video == str(tmp_path / 'my videos')
        assert tuple(loader.dataset.metainfo.classes) == ("it's", 'b')
    assert config.model.cls_head == dict(num_classes=2, dropout=0.5)
    assert config.work_dir == 'work_dirs/mine'
    assert config.detection.dangers == ["it's"]
    assert config.model.backbone == dict(type='B', depth=3)
    assert config.model.blend.augments == [
        dict(type='Mixup', num_classes=2, alpha=0.8),
        dict(type='Other'),
    ]


def test_a_missing_split_is_replaced(base: Path, tmp_path: Path) -> None:
    write_ready_config(
        tmp_path / 'config.py',
        ReadyConfig(
            base=base,
            videos='s3://bucket/videos',
            classes=('a', 'b'),
            lists={'train': 'train.csv', 'test': 'test.csv'},
            multi_label=True,
        ),
    )
    config = Config.fromfile(tmp_path / 'config.py')
    assert config.val_dataloader.dataset.ann_file == 'test.csv'
    assert config.val_dataloader.dataset.multi_class
    assert config.train_dataloader.dataset.data_prefix.video == 's3://bucket/videos'


def test_the_base_must_be_there(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match='to inherit from'):
        write_ready_config(
            tmp_path / 'config.py', ReadyConfig(tmp_path / 'absent.py', 'v', ('a',), LISTS)
        )


@pytest.mark.parametrize(
    'name', ["it's", 'say "no"', 'back\\slash', 'two\nlines', '{one}', "'+open('x')+'", 'ünï', '漢']
)
def test_any_name_of_classes_and_folders_is_a_value(name: str, base: Path, tmp_path: Path) -> None:
    """In a second reading too, from what mmengine dumps beside a run's checkpoints."""
    folder = tmp_path / name.replace('/', '_')
    file = write_ready_config(
        folder / 'config.py', ReadyConfig(base, str(tmp_path / 'videos'), (name, 'b'), LISTS)
    )
    config = Config.fromfile(file)
    config.dump(str(tmp_path / 'dumped.py'))
    for read in (config, Config.fromfile(tmp_path / 'dumped.py')):
        dataset = read.train_dataloader.dataset
        assert tuple(dataset.metainfo.classes) == (name, 'b')
        assert dataset.data_root == str(folder)


def test_a_template_in_a_class_name_or_path_is_refused(base: Path, tmp_path: Path) -> None:
    hostile = '{{$NO_SUCH_NAME:x}}'
    for videos, classes in (('v', (hostile, 'b')), (hostile, ('a', 'b'))):
        with pytest.raises(ValueError, match='template'):
            write_ready_config(tmp_path / 'c.py', ReadyConfig(base, videos, classes, LISTS))
    assert not (tmp_path / 'c.py').exists()
