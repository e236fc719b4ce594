"""Which precision a machine gets, and that each trains and passes its checkpoints on."""

from typing import Any
from unittest.mock import patch

import pytest
import torch
from mmengine.optim import OptimWrapper
from torch import nn

from mmaction_timesformer.engine.optimizers import AutoAmpOptimWrapper, auto_amp, best_amp_dtype
from mmaction_timesformer.models import precision


@pytest.mark.parametrize(
    ('capability', 'hip', 'dtype'),
    [
        ((7, 5), None, torch.float16),
        ((8, 0), None, torch.bfloat16),
        ((9, 0), None, torch.bfloat16),
        ((7, 5), '6.0', torch.bfloat16),
    ],
)
def test_precision_of_gpus(
    capability: tuple[int, int], hip: str | None, dtype: torch.dtype
) -> None:
    with (
        patch('torch.cuda.get_device_capability', return_value=capability),
        patch('torch.version.hip', hip),
    ):
        assert best_amp_dtype('cuda') is dtype


@pytest.mark.parametrize(('has_bfloat16', 'dtype'), [(True, torch.bfloat16), (False, None)])
def test_precision_of_cpus(has_bfloat16: bool, dtype: torch.dtype | None) -> None:
    with patch.object(precision, '_cpu_has_bfloat16_instructions', return_value=has_bfloat16):
        assert best_amp_dtype('cpu') is dtype


def test_other_devices_stay_in_float32() -> None:
    assert best_amp_dtype('mps') is None


def wrapper_for(
    dtype: torch.dtype | None, model: nn.Module, **settings: Any
) -> AutoAmpOptimWrapper:
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    with patch.object(auto_amp, 'best_amp_dtype', return_value=dtype):
        return AutoAmpOptimWrapper(optimizer, device_type='cpu', **settings)


@pytest.mark.parametrize('dtype', [None, torch.bfloat16, torch.float16])
def test_forward_runs_in_the_chosen_precision(dtype: torch.dtype | None) -> None:
    model = nn.Linear(4, 2)
    wrapper = wrapper_for(dtype, model)
    with wrapper.optim_context(model):
        assert model(torch.ones(1, 4)).dtype == (dtype or torch.float32)
    assert wrapper.loss_scaler.is_enabled() == (dtype is torch.float16)


@pytest.mark.parametrize('dtype', [None, torch.bfloat16, torch.float16])
@pytest.mark.parametrize('clip_grad', [None, dict(max_norm=0.1)])
def test_steps_equal_those_in_float32(dtype: torch.dtype | None, clip_grad: dict | None) -> None:
    torch.manual_seed(0)
    inputs, targets = torch.randn(8, 4), torch.randn(8, 2)
    trained = []
    for chosen in (None, dtype):
        torch.manual_seed(1)
        model = nn.Linear(4, 2)
        wrapper = wrapper_for(chosen, model, clip_grad=clip_grad and dict(clip_grad))
        for _ in range(3):
            with wrapper.optim_context(model):
                output = model(inputs)
            wrapper.update_params(nn.functional.mse_loss(output.float(), targets))
        trained.append(model.weight.detach())
    rtol, atol = (1e-6, 1e-6) if dtype is None else (0.02, 5e-3)
    torch.testing.assert_close(trained[1], trained[0], rtol=rtol, atol=atol)


def test_a_checkpoint_goes_from_one_kind_of_machine_to_another() -> None:
    model = nn.Linear(4, 2)
    scaled = wrapper_for(torch.float16, model)
    scaled.update_params(model(torch.ones(1, 4)).sum())
    scaled.loss_scaler.update(128.0)
    state = scaled.state_dict()

    again = wrapper_for(torch.float16, model)
    again.load_state_dict(dict(state))
    assert again.loss_scaler.get_scale() == 128.0

    plain = wrapper_for(None, model)
    plain.load_state_dict(dict(state))
    momentum = [entry['momentum_buffer'] for entry in plain.optimizer.state.values()]
    torch.testing.assert_close(momentum[0], torch.ones(2, 4))
    assert 'loss_scaler' not in plain.state_dict()

    OptimWrapper(torch.optim.SGD(model.parameters(), lr=0.1)).load_state_dict(plain.state_dict())


@pytest.mark.needs_cuda
def test_a_gpu_trains() -> None:
    model = nn.Linear(4, 2).cuda()
    before = model.weight.detach().clone()
    wrapper = AutoAmpOptimWrapper(torch.optim.SGD(model.parameters(), lr=0.1))
    with wrapper.optim_context(model):
        output = model(torch.ones(1, 4, device='cuda'))
    assert output.dtype is best_amp_dtype('cuda')
    wrapper.update_params(output.float().sum())
    torch.testing.assert_close(model.weight, before - 0.1)
