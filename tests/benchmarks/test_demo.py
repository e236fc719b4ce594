import json

from benchmarks.command import run_part
from benchmarks.record import processor_folder


def test_a_finished_demo_is_recorded(tmp_path):
    metrics = {
        'cls/top1': 0.95,
        'cls/top1_low': 0.9,
        'cls/top1_high': 0.975,
        'cls/mean_class_accuracy': 0.9,
        'cls/macro_f1': 0.9,
        'events/F1 at tIoU 0.3': 0.8571,
        'events/false alarms an hour': 12.0,
    }
    figures = {'seconds': {'Rendering': 61.3, 'Training': 300.4}, 'metrics': metrics}
    (tmp_path / 'figures.json').write_text(json.dumps(figures))
    run_part(['demo', '--done', '--work-dir', str(tmp_path), '--out', str(tmp_path / 'records')])
    records = tmp_path / 'records' / processor_folder()
    assert json.loads((records / 'demo.json').read_text())['results'] == figures
    page = (records / 'demo.md').read_text()
    for line in (
        '| Training | 300 |',
        '362 s in all.',
        '| top-1 | 0.950 (0.900 to 0.975) |',
        '| F1 of events at tIoU 0.3 | 0.857 |',
    ):
        assert line in page.splitlines()
