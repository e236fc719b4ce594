"""Everyday mistakes on the command line, each with its message."""

from pathlib import Path

import pytest
from mmengine.config import Config

from mmaction_timesformer.engine import inputs
from mmaction_timesformer.engine.inputs import check_checkpoint, limit_workers, read_config


@pytest.mark.parametrize(
    ('name', 'text', 'message'),
    [
        ('a.pth', '', r'a\.pth is a checkpoint, not a config: are the arguments swapped'),
        ('a.txt', '', r'must end in \.py'),
        ('a.py', 'model = dict(', 'cannot be read as a config: SyntaxError'),
        ('a.py', "_base_ = 'absent.py'", 'absent.py'),
        ('a.py', 'x = 1 / 0', 'ZeroDivisionError: division by zero'),
    ],
)
def test_what_is_no_config(name: str, text: str, message: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(ValueError, match=message) as raised:
        read_config(str(tmp_path / name))
    assert '\n' not in str(raised.value)


def test_a_config_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match='no such config'):
        read_config(str(tmp_path / 'absent.py'))


def test_a_checkpoint_that_is_not_there(tmp_path: Path) -> None:
    for name in ('epoch_2.pth', 'best_1.pth', 'best_2.pth'):
        (tmp_path / name).touch()
    check_checkpoint(str(tmp_path / 'epoch_2.pth'))
    check_checkpoint(str(tmp_path))
    check_checkpoint('https://nowhere/a.pth')
    with pytest.raises(FileNotFoundError, match=r'no checkpoint at .*epoch_3\.pth; .* has best_1'):
        check_checkpoint(str(tmp_path / 'epoch_3.pth'))
    with pytest.raises(FileNotFoundError, match=r'the pattern matches .*best_1\.pth, .*best_2'):
        check_checkpoint(str(tmp_path / 'best_*.pth'))
    with pytest.raises(ValueError, match='arguments swapped'):
        check_checkpoint(str(tmp_path / 'config.py'))


def test_workers_by_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inputs, 'num_cores', lambda: 4)
    workers = {'train': 8, 'val': 2, 'test': 0}
    cfg = Config({f'{split}_dataloader': dict(num_workers=n) for split, n in workers.items()})
    limit_workers(cfg, num_processes=2)
    assert [cfg[f'{split}_dataloader'].num_workers for split in workers] == [2, 2, 0]
