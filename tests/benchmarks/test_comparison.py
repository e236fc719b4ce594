"""A record is compared with that of the same processor, and with no other."""

import copy
import json

import pytest

from benchmarks.comparison import compare


def spread(median, width=0.1):
    return {'median': median, 'lower': median - width, 'upper': median + width}


@pytest.fixture
def record():
    return {
        'hardware': {'processor': 'A', 'threads': 2},
        'versions': {'torch': '2.6'},
        'settings': {'rounds': 8, 'batch_size': 1},
        'results': {
            'times': {
                'ours': {'seconds': spread(1.0), 'speed_of_ours': spread(1.0, 0)},
                'huggingface': {'seconds': spread(2.0), 'speed_of_ours': spread(2.0)},
            },
            'loading': [{'times_decord': {'this project': spread(1.5)}}],
            'steps': 3,
        },
    }


def compared(tmp_path, record, change):
    (tmp_path / 'a.json').write_text(json.dumps(record))
    new = copy.deepcopy(record)
    change(new)
    return compare(new, tmp_path / 'a.json')


def test_what_moved_within_the_spread_is_not_slower(tmp_path, record):
    def change(new):
        new['results']['times']['ours']['seconds'] = spread(1.19)
        new['settings']['rounds'] = 3

    assert compared(tmp_path, record, change)[0].endswith(
        '0 of 3 measurements are slower, or more, than recorded'
    )


def test_slower_measurements_are_listed(tmp_path, record):
    def change(new):
        times = new['results']['times']
        times['ours']['seconds'] = spread(1.3)
        times['huggingface']['seconds'] = spread(9.0)
        times['huggingface']['speed_of_ours'] = spread(1.5)
        new['results']['loading'][0]['times_decord']['this project'] = spread(1.8)

    lines = compared(tmp_path, record, change)
    assert lines[0].endswith('2 of 3 measurements are slower, or more, than recorded')
    assert lines[1:] == [
        '  slower: times / ours / seconds: 1 (0.9 to 1.1) then, 1.3 (1.2 to 1.4) now',
        '  slower: times / huggingface / speed_of_ours: 2 (1.9 to 2.1) then, 1.5 (1.4 to 1.6) now',
    ]


@pytest.mark.parametrize(
    ('part', 'key', 'value', 'said'),
    [
        ('hardware', 'threads', 4, 'threads 2 then, 4 now'),
        ('hardware', 'gpu', 'B', 'gpu None then, B now'),
        ('versions', 'torch', '2.7', 'torch 2.6 then, 2.7 now'),
        ('settings', 'batch_size', 2, 'another batch_size'),
    ],
)
def test_records_of_other_circumstances_are_not_compared(tmp_path, record, part, key, value, said):
    (line,) = compared(tmp_path, record, lambda new: new[part].update({key: value}))
    assert line.endswith(f'nothing is compared: {said}')


def test_a_processor_without_a_record_is_said(tmp_path, record):
    (line,) = compare(record, tmp_path / 'a.json')
    assert 'there is no record of this processor yet' in line


def test_on_a_busy_machine_only_ratios_and_counts_are_compared(tmp_path, record):
    def change(new):
        new['hardware']['load_average'] = 6.5
        new['results']['times']['ours']['seconds'] = spread(9.0)
        new['results']['times']['huggingface']['speed_of_ours'] = spread(1.5)

    lines = compared(tmp_path, record, change)
    assert lines[0].endswith('other programs ran beside, load average 6.5 with 2 threads')
    assert lines[1].endswith('1 of 2 measurements are slower, or more, than recorded')
    assert lines[2].startswith('  slower: times / huggingface / speed_of_ours')


def test_slowest_and_fastest_runs_are_a_spread(tmp_path, record):
    row = {'method': 'ours', 'video_seconds_per_second': 30.0, 'slowest': 25.0, 'fastest': 35.0}
    record['results'] = [{**row, 'method': "long_video_demo's way"}, row]

    def change(new):
        for row in new['results']:
            row.update(video_seconds_per_second=20.0, slowest=18.0, fastest=24.0)

    lines = compared(tmp_path, record, change)
    assert lines[0].endswith('1 of 1 measurements are slower, or more, than recorded')
    assert lines[1] == (
        '  slower: ours / 1 / video_seconds_per_second: 30 (25 to 35) then, 20 (18 to 24) now'
    )


def test_bytes_that_grow_are_named(tmp_path, record):
    record['results'] = {'ours': {'weights': 2**22, 'activations': 2**24}, 'mmaction2': 2**25}

    def change(new):
        new['results']['ours'].update(weights=2**22 + 64, activations=2**24 + 2**20)
        new['results']['mmaction2'] *= 2

    lines = compared(tmp_path, record, change)
    assert lines[0].endswith('1 of 2 measurements are slower, or more, than recorded')
    assert lines[1:] == ['  more: ours / activations: 16,777,216 then, 17,825,792 now']
