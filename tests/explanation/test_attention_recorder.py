"""Recording leaves no trace: not in the output, not in the model."""

import pytest
import torch

from mmaction_timesformer.explanation import AttentionRecorder
from tests.explanation.models import SCHEMES, random_clips, tiny_backbone


def num_hooks(model):
    kinds = ('_forward_hooks', '_forward_pre_hooks', '_backward_hooks', '_backward_pre_hooks')
    return sum(len(getattr(module, kind)) for module in model.modules() for kind in kinds)


@pytest.mark.parametrize('scheme', SCHEMES)
def test_recording_changes_no_bit_of_output_and_gradients(scheme):
    backbone, clips = tiny_backbone(scheme), random_clips()
    results = []
    for record in (False, True):
        backbone.zero_grad()
        if record:
            with AttentionRecorder(backbone) as recorder:
                output = backbone(clips)
                output.square().sum().backward()
        else:
            output = backbone(clips)
            output.square().sum().backward()
        results.append([output, *(p.grad.clone() for p in backbone.parameters())])
    for plain, recorded in zip(*results, strict=True):
        assert torch.equal(plain, recorded)
    (recording,) = recorder.recordings
    steps = [name for block in backbone.blocks for name, _ in block.steps.named_children()]
    assert sorted(step.name for step in recording.steps) == sorted(steps)
    assert num_hooks(backbone) == 0


def test_hooks_are_gone_after_an_error():
    def fail():
        with AttentionRecorder(backbone):
            assert num_hooks(backbone) > 0
            raise RuntimeError('on purpose')

    backbone = tiny_backbone()
    with pytest.raises(RuntimeError, match='on purpose'):
        fail()
    assert num_hooks(backbone) == 0


def test_hooks_are_gone_after_an_error_inside_the_model():
    backbone = tiny_backbone()
    with AttentionRecorder(backbone) as recorder:
        with pytest.raises(ValueError, match='patches'):
            backbone(random_clips(shape=(3, 15, 12)))
        backbone(random_clips())
    assert num_hooks(backbone) == 0
    assert len(recorder.recordings[-1].steps) == 4


@pytest.mark.parametrize('scheme', ['divided', 'local window, global residue'])
def test_recomputed_activations_are_not_recorded_twice(scheme):
    """With checkpointing the backward pass runs every step again."""
    clips = random_clips()
    gradients = []
    for with_cp in (False, True):
        backbone = tiny_backbone(scheme, with_cp=with_cp)
        with AttentionRecorder(backbone) as recorder:
            backbone(clips).square().sum().backward()
        (recording,) = recorder.recordings
        assert [step.layer for step in recording.steps] == [0, 0, 1, 1]
        gradients.append([step.update_gradient for step in recording.steps])
    for plain, checkpointed in zip(*gradients, strict=True):
        torch.testing.assert_close(plain, checkpointed)


def test_every_forward_pass_has_a_recording():
    backbone = tiny_backbone()
    with AttentionRecorder(backbone) as recorder:
        backbone(random_clips(1))
        backbone(random_clips(3))
    assert [len(r.steps[0].tokens) for r in recorder.recordings] == [1, 3]


def test_clips_of_several_lengths_are_recorded_by_length():
    mask = torch.tensor([[1, 1, 0], [1, 1, 1], [1, 1, 0]], dtype=torch.bool)
    backbone = tiny_backbone()
    with AttentionRecorder(backbone) as recorder:
        backbone(random_clips(3), mask)
    assert [(r.grid.num_frames, len(r.steps[0].tokens)) for r in recorder.recordings] == [
        (2, 2),
        (3, 1),
    ]


def test_order_and_sides_are_told_from_what_a_step_reads():
    orders = {
        'divided': [('time', False), ('space', False)],
        'divided, space first': [('space', False), ('time', False)],
        'divided, parallel': [('time', False), ('space', True)],
    }
    for scheme, expected in orders.items():
        with AttentionRecorder(backbone := tiny_backbone(scheme)) as recorder:
            backbone(random_clips())
        steps = recorder.recordings[0].steps
        assert [(step.name, step.shares_input) for step in steps] == expected * 2


def test_a_model_without_the_backbone_is_refused():
    with pytest.raises(ValueError, match='Linear has 0 TimeSformerBackbone'):
        AttentionRecorder(torch.nn.Linear(1, 1))
    two = torch.nn.ModuleList([tiny_backbone(), tiny_backbone()])
    with pytest.raises(ValueError, match='ModuleList has 2'):
        AttentionRecorder(two)
