"""Memory measured and counted, against hand-made numbers and each other."""

import pytest
import torch
from torch import nn

from benchmarks.models import peers
from benchmarks.models.counting import count_activations, count_flops, count_once
from benchmarks.models.peak_memory import drop_gradients, peak_bytes
from benchmarks.models.peers import Setup

# Large enough that what the attention kernel takes for itself does not show.
SMALL = Setup(num_frames=4, img_size=112, embed_dims=96, num_heads=3, num_layers=2)


def test_peak_is_what_lives_at_once():
    def run():
        first = torch.empty(1000, dtype=torch.uint8)
        del first
        second = torch.empty(600, dtype=torch.uint8)
        third = torch.empty(700, dtype=torch.uint8)
        del second, third

    run()
    assert peak_bytes(run) == 1300


def test_gradients_die_when_they_are_whole():
    model = nn.Linear(4, 4)
    drop_gradients(model)
    model(torch.ones(1, 4)).sum().backward()
    assert all(parameter.grad is None for parameter in model.parameters())


@pytest.mark.parametrize(
    ('library', 'scheme'),
    [
        ('ours', 'divided_space_time'),
        ('ours', 'axial'),
        ('mmaction2', 'joint_space_time'),
    ],
)
def test_count_is_what_the_allocator_hands_out(library, scheme):
    setup = Setup(**{**vars(SMALL), 'attention_type': scheme})
    model = peers.build(library, setup, trains=True)
    step = peers.training_step(model, setup.clips())
    drop_gradients(model)
    step()
    assert count_once(library, setup) == pytest.approx(peak_bytes(step), rel=0.05)


def test_more_blocks_add_what_one_adds():
    deep = Setup(**{**vars(SMALL), 'num_layers': 3, 'attention_type': 'joint_space_time'})
    counted = count_activations('ours', deep)
    assert counted.plain == pytest.approx(count_once('ours', deep), rel=0.1)
    assert counted.with_cp == pytest.approx(count_once('ours', deep, with_cp=True), rel=0.1)
    with torch.device('meta'):
        model, clips = peers.build('ours', deep), deep.clips('meta')
    with torch.utils.flop_counter.FlopCounterMode(display=False) as counter:
        model(clips)
    assert count_flops(deep) == counter.get_total_flops()
