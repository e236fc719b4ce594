"""Averages of checkpoints: their mean by hand, and what cannot be averaged."""

from pathlib import Path

import pytest
import torch

from mmaction_timesformer.engine.optimizers import average_files, average_weights
from mmaction_timesformer.models.checkpoints import read_checkpoint


def checkpoint(file: Path, weight: list[float], **changes) -> str:
    state = {'head.weight': torch.tensor(weight), 'head.seen': torch.tensor(7)}
    meta = dict(dataset_meta=dict(classes=('open', 'shut')), epoch=3)
    statistics = dict(count=torch.ones(2), names=['a', 'b'])
    content = dict(state_dict=state, meta=meta, closed_form_statistics=statistics, optimizer={})
    torch.save(content | changes, file)
    return str(file)


def test_the_mean_of_three(tmp_path):
    weights = ([1.0, 2.0], [2.0, 4.0], [6.0, 0.0])
    sources = [checkpoint(tmp_path / f'{n}.pth', weight) for n, weight in enumerate(weights)]
    average_files(sources, tmp_path / 'soup.pth')
    found = read_checkpoint(tmp_path / 'soup.pth')
    assert found['state_dict']['head.weight'].tolist() == [3, 2]
    assert found['state_dict']['head.weight'].dtype == torch.float32
    assert found['state_dict']['head.seen'].item() == 7
    assert found['closed_form_statistics']['names'] == ['a', 'b']
    assert 'optimizer' not in found


def test_a_linear_model_averages_its_answers():
    """The answers of averaged weights are the averaged answers where the model is linear."""
    generator = torch.Generator().manual_seed(0)
    states = [{'w': torch.randn(3, 5, generator=generator)} for _ in range(4)]
    inputs = torch.randn(5, 2, generator=generator)
    expected = torch.stack([state['w'] @ inputs for state in states]).mean(dim=0)
    torch.testing.assert_close(average_weights(states)['w'] @ inputs, expected)


@pytest.mark.parametrize(
    ('changes', 'message'),
    [
        (dict(state_dict={'head.weight': torch.ones(3), 'head.seen': torch.tensor(7)}), r'\(3,\)'),
        (dict(state_dict={'head.weight': torch.ones(2)}), 'head.seen is in one of them'),
        (
            dict(state_dict={'head.weight': torch.ones(2), 'head.seen': torch.tensor(8)}),
            'head.seen differs',
        ),
        (dict(meta=dict(dataset_meta=dict(classes=('shut', 'open')))), 'other classes'),
        (
            dict(closed_form_statistics=dict(count=torch.zeros(2), names=['a', 'b'])),
            'fitted on other clips',
        ),
    ],
)
def test_what_does_not_belong_together_is_refused(changes, message, tmp_path):
    sources = [checkpoint(tmp_path / 'a.pth', [1.0, 2.0])]
    sources.append(checkpoint(tmp_path / 'b.pth', [1.0, 2.0], **changes))
    with pytest.raises(ValueError, match=message):
        average_files(sources, tmp_path / 'soup.pth')
    assert not (tmp_path / 'soup.pth').exists()
    with pytest.raises(ValueError, match='two checkpoints'):
        average_files(sources[:1], tmp_path / 'soup.pth')
