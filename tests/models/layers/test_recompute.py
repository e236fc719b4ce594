import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import FlopCounterMode

from mmaction_timesformer.models.attention_schemes import PAPER_SCHEMES
from mmaction_timesformer.models.backbones.timesformer import TimeSformerBackbone
from mmaction_timesformer.models.layers import attention, mlp, recompute
from mmaction_timesformer.models.layers.recompute import linear_of


@pytest.fixture(autouse=True)
def no_input_is_small(monkeypatch):
    monkeypatch.setattr(recompute, 'FEW_NUMBERS', 0)


class CountProducts(TorchDispatchMode):
    """Counts matrix products."""

    def __init__(self):
        super().__init__()
        self.count = 0

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        self.count += function in (torch.ops.aten.addmm.default, torch.ops.aten.mm.default)
        return function(*args, **(kwargs or {}))


def gradients(run, *tensors):
    with CountProducts() as products:
        run().square().sum().backward()
    found = [tensor.grad.clone() for tensor in tensors]
    for tensor in tensors:
        tensor.grad = None
    return found, products.count


def test_gradients_are_the_same_and_no_product_is_computed_twice():
    torch.manual_seed(0)
    norm, linear = nn.LayerNorm(6), nn.Linear(6, 5)
    inputs = torch.randn(2, 3, 6, requires_grad=True)
    tensors = (inputs, *norm.parameters(), *linear.parameters())
    expected, count = gradients(lambda: linear(norm(inputs)), *tensors)
    found, again = gradients(lambda: linear_of(norm, linear, inputs), *tensors)
    assert all(torch.equal(a, b) for a, b in zip(found, expected, strict=True))
    assert again == count == 3


def test_the_input_of_the_layer_is_not_kept():
    """Only weak references to it are left when the forward pass is over."""
    linear = nn.Linear(6, 6)
    inputs = torch.randn(4, 6, requires_grad=True)
    made = []

    def cheap(x):
        made.append(F.gelu(x))
        return made[-1]

    linear_of(cheap, linear, inputs)
    storage = made[-1].untyped_storage()._weak_ref()
    made.clear()
    assert torch.UntypedStorage._expired(storage)


def test_the_gradient_of_a_gradient_is_the_same():
    torch.manual_seed(0)
    norm, linear = nn.LayerNorm(3).double(), nn.Linear(3, 2).double()
    inputs = torch.randn(2, 3, dtype=torch.double, requires_grad=True)
    assert torch.autograd.gradgradcheck(lambda x: linear_of(norm, linear, x), inputs)


def test_a_second_backward_pass_finds_the_input_again():
    inputs = torch.randn(4, 6, requires_grad=True)
    output = linear_of(F.gelu, nn.Linear(6, 6), inputs).sum()
    first, second = (torch.autograd.grad(output, inputs, retain_graph=True) for _ in range(2))
    assert torch.equal(*first, *second)


def test_of_few_numbers_all_is_kept(monkeypatch):
    """The limit is the number of the input's elements."""
    linear, times = nn.Linear(6, 6), []
    inputs = torch.randn(4, 6, requires_grad=True)

    def cheap(x):
        times.append(1)
        return F.gelu(x)

    for limit in (25, 24):
        monkeypatch.setattr(recompute, 'FEW_NUMBERS', limit)
        linear_of(cheap, linear, inputs).sum().backward()
    assert len(times) == 1 + 2


@pytest.mark.parametrize(
    ('scheme', 'casts'), [*((scheme, False) for scheme in PAPER_SCHEMES), (PAPER_SCHEMES[0], True)]
)
def test_a_training_step_has_the_products_of_one_that_keeps_everything(scheme, casts, monkeypatch):
    sizes = dict(embed_dims=12, num_heads=2, num_transformer_layers=2)
    torch.manual_seed(0)
    backbone = TimeSformerBackbone(4, 64, attention_type=scheme, **sizes)
    clips, flops = torch.randn(2, 3, 4, 64, 64), []
    for make in (linear_of, lambda cheap, linear, *inputs: linear(cheap(*inputs))):
        for module in (attention, mlp):
            monkeypatch.setattr(module, 'linear_of', make)
        autocast = torch.autocast('cpu', torch.bfloat16, enabled=casts)
        with FlopCounterMode(display=False) as counter, autocast:
            backbone(clips).sum().backward()
        flops.append(counter.get_total_flops())
    assert flops[0] == flops[1] > 0


def test_tensors_without_content_are_told_apart(monkeypatch):
    """All of them lie at address 0: the weight is kept, the input is not."""
    kept = []
    pack = recompute._MadeAgain.pack
    monkeypatch.setattr(
        recompute._MadeAgain, 'pack', lambda *args: kept.append(pack(*args)) or kept[-1]
    )
    linear = nn.Linear(6, 5, device='meta')
    inputs = torch.randn(4, 6, device='meta', requires_grad=True)
    linear_of(F.gelu, linear, inputs).sum().backward()
    assert [tuple(x.shape) for x in kept if isinstance(x, torch.Tensor)] == [(6, 5)]
    assert linear.weight.grad.shape == (5, 6)
