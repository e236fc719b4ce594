import json

from benchmarks.record import Record, table


def test_a_record_tells_on_what_and_from_where(tmp_path):
    lines = table(('what', 'seconds'), [('ours', 1.5), ('theirs', 3)])
    Record(
        'model_demo',
        'Speed',
        dict(num_rounds=3),
        {'ours': 1.5},
        lines,
        packages=['einops', 'nil'],
    ).write(tmp_path)
    record = json.loads((tmp_path / 'model_demo.json').read_text())
    assert record['results'] == {'ours': 1.5}
    assert record['settings'] == {'num_rounds': 3}
    assert record['versions']['nil'] == 'not installed'
    assert {'torch', 'mmaction2', 'einops'} <= set(record['versions'])
    assert {'processor', 'cores', 'memory_gib', 'threads'} <= set(record['hardware'])
    page = (tmp_path / 'model_demo.md').read_text()
    assert 'Written by `python tools/benchmark.py model`' in page
    assert '- Settings: num rounds 3\n' in page
    assert page.endswith('| what | seconds |\n| --- | --- |\n| ours | 1.5 |\n| theirs | 3 |\n')
