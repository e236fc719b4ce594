import pytest
import torch

from benchmarks.models import peers
from benchmarks.models import speed as part
from benchmarks.models.peers import Setup

TINY = Setup(num_frames=2, img_size=32, embed_dims=48, num_heads=3, num_layers=1)


def test_three_timesformers_compute_the_same():
    models = peers.build_alike(TINY)
    assert list(models) == ['ours', 'mmaction2', 'huggingface']
    assert peers.largest_difference(models, TINY.clips()) < 1e-5


def test_another_function_is_refused():
    models = peers.build_alike(TINY, ('ours', 'mmaction2'))
    with torch.no_grad():
        models['mmaction2'].norm.bias.add_(1)
    with pytest.raises(ValueError, match='different functions'):
        peers.largest_difference(models, TINY.clips())


def test_results_name_every_contender_and_become_tables():
    results = part.infer_half(TINY, 'cpu', num_rounds=1)
    names = {'ours', 'huggingface', 'mmaction2, autocast', 'floor', 'floor, folded'}
    assert set(results['times']) == names
    assert results['times']['floor']['times_floor']['median'] == 1
    assert results['times']['ours']['speed_of_ours']['median'] == 1
    lines = part._time_tables(results)
    assert all(any(line.startswith(f'| {name} |') for line in lines) for name in names)


def test_the_folded_floor_lacks_one_product_a_block():
    floors = part._floors(TINY, torch.float32, 'cpu')
    count = {}
    real = torch.mm
    for name, run in floors.items():
        made = []
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(torch, 'mm', lambda a, b, out: made.append(real(a, b, out=out)))  # noqa: B023
            run()
        count[name] = len(made)
    # Patches; time: q, k, v, projection and the extra layer; space: q, k, v, and the projection of
    # patches and of the class token; the MLP.
    assert count == {'floor': 1 + 5 + 5 + 2, 'floor, folded': 1 + 4 + 5 + 2}


def test_training_bytes_of_activations_shrink_with_checkpointing():
    setup = Setup(num_frames=4, img_size=112, embed_dims=96, num_heads=3, num_layers=4)
    plain = part.training_bytes('ours', setup, 'cpu')
    less = part.training_bytes(part.WITH_CP, setup, 'cpu')
    assert less['activations'] < plain['activations']
    assert less['weights'] == plain['weights'] < plain['in_all']


@pytest.mark.needs_cuda
def test_training_step_runs_in_mixed_precision():
    results = part.train(TINY, 'cuda', num_rounds=1)
    assert results['times']['ours']['seconds']['median'] > 0


def test_bfloat16_training_is_usual_where_a_cpu_has_it(monkeypatch):
    for flags, device, expected in (
        (['avx2', 'amx_bf16'], 'cpu', True),
        (['avx2'], 'cpu', False),
        (['avx2', 'amx_bf16'], 'cuda', False),  # There, the usual step is in bfloat16.
    ):
        monkeypatch.setattr(part, 'processor_flags', lambda flags=flags: flags)
        assert ('training_bfloat16' in part._usual_parts(device)) == expected


def test_training_under_autocast_multiplies_in_bfloat16():
    dtypes = set()
    real = torch.nn.functional.linear

    def linear(inputs, weight, bias=None):
        output = real(inputs, weight, bias)
        dtypes.add(output.dtype)
        return output

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch.nn.functional, 'linear', linear)
        results = part.train(TINY, 'cpu', num_rounds=1, autocast=True)
    assert torch.bfloat16 in dtypes
    assert set(results['times']) >= {'ours', 'mmaction2', 'huggingface', 'floor'}
