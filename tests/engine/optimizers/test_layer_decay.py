"""Layer-wise decay: every parameter of every scheme against rates written out by hand."""

from typing import Any

import pytest
import torch
from mmengine.optim import CosineAnnealingLR, LinearLR, build_optim_wrapper
from torch import nn

from mmaction_timesformer.engine.optimizers.layer_decay import layer_of
from mmaction_timesformer.models.attention_schemes import PAPER_SCHEMES
from mmaction_timesformer.registry import MODELS

RATES = {
    # Three blocks at rate 1/2 under lr 1: layers 0 to 4 learn at 1/16, 1/8, 1/4, 1/2, 1.
    'backbone.cls_token': 1 / 16,
    'backbone.pos_embed': 1 / 16,
    'backbone.time_embed': 1 / 16,
    'backbone.patch_embed': 1 / 16,
    'backbone.blocks.0': 1 / 8,
    'backbone.blocks.1': 1 / 4,
    'backbone.blocks.2': 1 / 2,
    'backbone.norm': 1,
    'cls_head.fc_cls': 1,
}


def recognizer(attention_type: str = 'divided_space_time', **backbone: Any) -> Any:
    return MODELS.build(
        dict(
            type='Recognizer3D',
            backbone=dict(
                type='TimeSformerBackbone',
                num_frames=2,
                img_size=16,
                patch_size=8,
                embed_dims=8,
                num_heads=2,
                num_transformer_layers=3,
                attention_type=attention_type,
                **backbone,
            ),
            cls_head=dict(type='TimeSformerClsHead', num_classes=4, in_channels=8),
        )
    )


def wrap(model: nn.Module, **settings: Any) -> Any:
    config = dict(
        type='OptimWrapper',
        constructor='LayerDecayOptimWrapperConstructor',
        paramwise_cfg=dict(layer_decay_rate=0.5),
        optimizer=dict(type='AdamW', lr=1.0, weight_decay=0.05),
    )
    return build_optim_wrapper(model, config | settings)


def group_by_name(model: nn.Module, wrapper: Any) -> dict[str, dict]:
    names = {id(param): name for name, param in model.named_parameters()}
    return {
        names[id(param)]: group
        for group in wrapper.optimizer.param_groups
        for param in group['params']
    }


@pytest.mark.parametrize('attention_type', PAPER_SCHEMES)
def test_rates_and_weight_decay_of_every_parameter(attention_type: str) -> None:
    model = recognizer(attention_type)
    groups = group_by_name(model, wrap(model))
    assert set(groups) == {name for name, _ in model.named_parameters()}
    for name, group in groups.items():
        rate = next(rate for prefix, rate in RATES.items() if name.startswith(prefix))
        assert group['lr'] == pytest.approx(rate), name
        # A weight is decayed if it multiplies: linear layers and the patch projection, not norms.
        is_matrix = name.endswith('.weight') and 'norm' not in name
        assert group['weight_decay'] == (0.05 if is_matrix else 0.0), name


def test_no_parameter_is_in_two_groups() -> None:
    model = recognizer()
    params = [p for group in wrap(model).optimizer.param_groups for p in group['params']]
    assert len(params) == len({id(p) for p in params}) == len(list(model.parameters()))


def test_frozen_parameters_are_left_out() -> None:
    model = recognizer(frozen_stages=2)
    named = group_by_name(model, wrap(model))
    assert {name.split('.')[1] for name in named} == {'blocks', 'norm', 'fc_cls'}
    assert {name.split('.')[2] for name in named if 'blocks' in name} == {'2'}


@pytest.mark.parametrize(('name', 'layer'), [('backbone.blocks.10.mlp.fc1.weight', 11)])
def test_blocks_are_counted_in_tens(name: str, layer: int) -> None:
    assert layer_of(name, num_blocks=12) == layer


def test_a_wrapped_model_is_unwrapped() -> None:
    class Wrapper(nn.Module):
        def __init__(self, module: nn.Module) -> None:
            super().__init__()
            self.module = module

    model = recognizer()
    groups = group_by_name(model, wrap(Wrapper(model)))
    assert groups['backbone.blocks.0.mlp.fc1.weight']['lr'] == pytest.approx(1 / 8)


def test_schedules_keep_the_layers_apart() -> None:
    model = recognizer()
    wrapper = wrap(model)
    schedules = [
        LinearLR(wrapper, start_factor=0.01, begin=0, end=3),
        CosineAnnealingLR(wrapper, T_max=5, eta_min_ratio=0.01, begin=3, end=8),
    ]
    for _ in range(8):
        rates = {name: group['lr'] for name, group in group_by_name(model, wrapper).items()}
        head = rates['cls_head.fc_cls.weight']
        assert rates['backbone.blocks.2.mlp.fc1.weight'] == pytest.approx(head / 2)
        assert rates['backbone.patch_embed.projection.weight'] == pytest.approx(head / 16)
        wrapper.step()
        for schedule in schedules:
            schedule.step()


def test_two_accumulated_halves_make_the_step_of_the_whole_batch() -> None:
    torch.manual_seed(0)
    clips, labels = torch.randn(4, 3, 2, 16, 16), torch.tensor([0, 1, 2, 3])

    def step(**settings: Any) -> dict[str, torch.Tensor]:
        torch.manual_seed(1)
        model = recognizer(drop_path_rate=0.0)
        optimizer = dict(type='SGD', lr=0.1, weight_decay=0.01)
        wrapper = wrap(model, optimizer=optimizer, **settings)
        wrapper.initialize_count_status(model, 0, 2)
        halves = settings.get('accumulative_counts', 1)
        for part, label in zip(clips.chunk(halves), labels.chunk(halves), strict=True):
            with wrapper.optim_context(model):
                scores = model.cls_head(model.backbone(part))
                loss = nn.functional.cross_entropy(scores, label)
            wrapper.update_params(loss)
        return model.state_dict()

    for settings in (dict(), dict(type='AutoAmpOptimWrapper')):
        whole = step(**settings)
        halves = step(accumulative_counts=2, **settings)
        # bfloat16, where the machine has it, keeps 8 bits of a gradient.
        rtol, atol = (0.02, 2e-3) if settings else (1e-5, 1e-6)
        for name, value in whole.items():
            torch.testing.assert_close(halves[name], value, rtol=rtol, atol=atol)


@pytest.mark.parametrize(
    ('settings', 'message'),
    [
        (dict(paramwise_cfg=dict()), 'layer_decay_rate'),
        (dict(paramwise_cfg=dict(layer_decay_rate=0.5, num_layers=12)), 'num_layers'),
        (dict(paramwise_cfg=dict(layer_decay_rate=0.0)), 'layer_decay_rate is 0.0'),
        (dict(paramwise_cfg=dict(layer_decay_rate=1.5)), 'layer_decay_rate is 1.5'),
        (dict(optimizer=dict(type='AdamW')), 'lr'),
    ],
)
def test_settings_that_do_not_fit_are_refused(settings: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        wrap(recognizer(), **settings)


def test_a_model_without_blocks_is_refused() -> None:
    model = nn.Module()
    model.backbone = nn.Linear(2, 2)
    with pytest.raises(ValueError, match='has none'):
        wrap(model)


def test_a_stand_in_without_a_backbone_learns_at_the_base_rate() -> None:
    """mmaction2's vis_scheduler.py draws schedules with a model that is one convolution."""
    model = nn.Sequential(nn.Conv2d(1, 1, 1))
    wrapper = dict(
        constructor='LayerDecayOptimWrapperConstructor',
        paramwise_cfg=dict(layer_decay_rate=0.5),
        optimizer=dict(type='AdamW', lr=0.25),
    )
    groups = build_optim_wrapper(model, wrapper).param_groups
    assert {group['lr'] for group in groups} == {0.25}
