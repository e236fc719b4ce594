"""A run's record tells its making, and its data apart from other data."""

import json
from pathlib import Path

import pytest
from mmengine.dataset import BaseDataset

from mmaction_timesformer.engine.hooks.run_record_hook import (
    check_clips_exist,
    fingerprint,
    without_secret,
)
from tests.engine.hooks.test_temperature_hook import runner_of


class Clips(BaseDataset):
    """Files of a folder with labels."""

    def __init__(self, files: dict[Path, int]) -> None:
        self.files = files
        super().__init__()

    def load_data_list(self) -> list[dict]:
        return [dict(filename=str(file), label=label) for file, label in self.files.items()]


def test_training_and_testing_write_their_records(tmp_path: Path) -> None:
    runner = runner_of(tmp_path, randomness=dict(seed=5), custom_hooks=[dict(type='RunRecordHook')])
    runner.train()
    (file,) = tmp_path.glob('*/run.json')
    record = json.loads(file.read_text())
    assert record['kind'] == 'train'
    assert record['seed'] == 5
    assert record['data']['train']['num_clips'] == record['data']['val']['num_clips'] == 40
    assert record['versions']['torch']
    assert record['command']


@pytest.mark.parametrize('word', ['{}', 'load_from={}', '--resume={}'])
def test_no_secret_of_an_address_is_recorded(word: str) -> None:
    signed = word.format('https://user:SECRET@host/SECRET/best.pth?sig=SECRET')
    shown = word.format('https://host/.../best.pth#')
    assert without_secret(signed).startswith(shown)
    assert 'SECRET' not in without_secret(signed)
    assert without_secret(word.format('work_dirs/a=b/c.pth')) == word.format('work_dirs/a=b/c.pth')


def test_the_fingerprint_changes_with_name_label_size_and_order(tmp_path: Path) -> None:
    first, second = tmp_path / 'a.mp4', tmp_path / 'b.mp4'
    first.write_bytes(b'12')
    second.write_bytes(b'345')
    prints = [fingerprint(Clips({first: 0, second: 1}))]
    assert prints[0]['num_clips'] == 2
    assert fingerprint(Clips({first: 0, second: 1})) == prints[0]
    prints.append(fingerprint(Clips({first: 1, second: 1})))
    prints.append(fingerprint(Clips({second: 1, first: 0})))
    first.write_bytes(b'123')
    prints.append(fingerprint(Clips({first: 0, second: 1})))
    prints.append(fingerprint(Clips({tmp_path / 'c.mp4': 0, second: 1})))
    assert len({print_['sha256'] for print_ in prints}) == 5


def test_where_the_data_lies_does_not_matter(tmp_path: Path) -> None:
    prints = []
    for folder in ('here', 'there'):
        file = tmp_path / folder / 'a.mp4'
        file.parent.mkdir()
        file.write_bytes(b'12')
        prints.append(fingerprint(Clips({file: 0})))
    assert prints[0] == prints[1]


def test_a_run_resumes_with_its_own_data_only(tmp_path: Path) -> None:
    hooks = [dict(type='RunRecordHook')]
    runner_of(tmp_path, custom_hooks=hooks).train()
    again = runner_of(tmp_path, resume=True, custom_hooks=hooks)
    again._load_from = None
    again.train()
    other = runner_of(tmp_path, resume=True, custom_hooks=hooks)
    other._load_from = None
    other._train_loop = other.build_train_loop(other._train_loop)
    other.train_dataloader.dataset.get_data_info = lambda index: {'filename': 'x', 'label': 0}
    with pytest.raises(ValueError, match='trained on other clips or labels'):
        other.train()


def test_a_split_most_of_whose_clips_are_missing(tmp_path: Path) -> None:
    there = [tmp_path / f'{number}.mp4' for number in range(2)]
    for file in there:
        file.touch()
    absent = [tmp_path / f'absent{number}.mp4' for number in range(3)]
    check_clips_exist(Clips(dict.fromkeys([*there, *absent[:2]], 0)), 'train')
    with pytest.raises(FileNotFoundError, match=r'3 of 5 clips of the train .*absent0\.mp4; do'):
        check_clips_exist(Clips(dict.fromkeys([*there, *absent], 0)), 'train')
