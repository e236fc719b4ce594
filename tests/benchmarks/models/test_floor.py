import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.models.floor import flops_of, multiply_alone, products_of, with_backward
from mmaction_timesformer.models.layers.processor import SplitLinear


def test_products_with_weights_are_found_whatever_makes_them():
    with torch.device('meta'):
        layer, plain = nn.Linear(5, 7), nn.Linear(7, 3, bias=False)
        patches = nn.Conv2d(3, 5, 4, stride=4)
        frames = torch.empty(2, 3, 8, 12)

    def run():
        tokens = patches(frames).flatten(2).mT
        scores = tokens @ tokens.mT  # Attention's own product: no weights in it.
        return plain(layer(scores @ tokens))

    products = products_of(run)
    assert products == [(12, 48, 5), (12, 5, 7), (12, 7, 3)]
    assert flops_of(products) == 2 * 12 * (48 * 5 + 5 * 7 + 7 * 3)


def test_the_backward_pass_adds_what_torch_multiplies_there():
    first, split, last = nn.Linear(5, 4), SplitLinear(4, 6, parts=3), nn.Linear(2, 7)
    inputs = torch.randn(3, 5)

    def run():
        q, k, v = split(first(inputs).relu(), split=True)
        return last(q * k * v)

    products = products_of(run)
    assert products == [(3, 5, 4), *3 * [(3, 4, 2)], (3, 2, 7)]
    with FlopCounterMode(display=False) as counter:
        run().sum().backward()
    assert flops_of(with_backward(products)) == counter.get_total_flops()


def test_the_floor_makes_each_product_once(monkeypatch):
    made = []
    real = torch.mm

    def multiply(a, b, out):
        made.append((*a.shape, b.shape[1], b.data_ptr(), out.dtype))
        return real(a, b, out=out)

    monkeypatch.setattr(torch, 'mm', multiply)
    multiply_alone([(2, 3, 4), (2, 3, 4)], torch.bfloat16)()
    assert [entry[:3] for entry in made] == [(2, 3, 4), (2, 3, 4)]
    assert made[0][3] != made[1][3], 'each layer has weights of its own'
    assert {entry[4] for entry in made} == {torch.bfloat16}
