import pytest
import torch

from benchmarks.models import attention_backends as part
from benchmarks.models.attention_backends import Case, Groups


@pytest.mark.parametrize(
    ('dtype', 'training', 'passes'),
    [
        ('float32', False, 'forward'),
        ('bfloat16', False, 'forward'),
        ('float32', True, 'forward, back'),
    ],
)
def test_ways_that_work_here_are_timed_and_become_a_table(dtype, training, passes):
    case = Case('small', Groups(2, 3, 4, 5), dtype, training)
    results = [part.measure(case, 'cpu', num_rounds=1)]
    times = results[0]['times']
    assert {'layers', 'fused', 'math', 'products'} <= set(times)
    assert 'cuDNN' not in times
    assert times['fused']['times_fused']['median'] == 1
    row = next(line for line in part._tables(results) if line.startswith('| small'))
    assert row.startswith(f'| small | {dtype} | {passes} |')


def test_a_way_that_gives_another_result_is_refused(monkeypatch):
    monkeypatch.setattr(part, '_by_products', lambda q, k, v: torch.zeros_like(q))
    with pytest.raises(ValueError, match='products gives another result'):
        part.measure(Case('small', Groups(1, 1, 4, 5), 'float32'), 'cpu', num_rounds=1)
