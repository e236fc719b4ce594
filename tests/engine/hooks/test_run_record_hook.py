"""A run's record tells its making, and its data apart from other data."""

import json
from pathlib import Path

import pytest
from mmengine.dataset import BaseDataset

from mmaction_timesformer.engine.hooks.run_record_hook import fingerprint, without_secret
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
