"""Speed and memory of the backbone: no more is kept than needed, and it compiles whole."""

import pytest
import torch
from torch.profiler import ProfilerActivity, profile

from benchmarks.models.peak_memory import no_garbage
from mmaction_timesformer.models import TimeSformerBackbone
from mmaction_timesformer.models.attention_schemes import PAPER_SCHEMES
from mmaction_timesformer.models.compiling import keep_einops_whole
from mmaction_timesformer.models.layers import recompute


def make(num_layers=2, **changes):
    torch.manual_seed(0)
    options = dict(
        num_frames=2, img_size=32, patch_size=8, embed_dims=32, num_heads=4, drop_path_rate=0.0
    )
    return TimeSformerBackbone(num_transformer_layers=num_layers, **{**options, **changes})


def bytes_kept(run):
    """Memory that a function allocated and has not freed while its result is alive."""
    with no_garbage(), profile(activities=[ProfilerActivity.CPU], profile_memory=True) as profiler:
        result = run()
    events = profiler.profiler.kineto_results.events()
    kept = sum(event.nbytes() for event in events if event.name() == '[memory]')
    del result
    return kept


@pytest.mark.parametrize(
    ('scheme', 'channels'),
    # A token's D channels: the input of each step and of the MLP, its q, k, v and attention's
    # result, the projection's where another linear layer follows, and the MLP's 4 D hidden ones.
    [('joint_space_time', 5 + 5), ('divided_space_time', 6 + 5 + 5), ('space_only', 5 + 5)],
)
def test_a_block_keeps_what_cannot_be_computed_again_cheaply(scheme, channels, monkeypatch):
    monkeypatch.setattr(recompute, 'FEW_NUMBERS', 0)
    dims, frames, patches = 64, 4, 64
    options = dict(num_frames=frames, img_size=64, embed_dims=dims, attention_type=scheme)
    clips = torch.randn(1, 3, frames, 64, 64)
    kept = []
    for num_layers in (1, 3):
        backbone = make(num_layers, **options)
        backbone(clips)
        kept.append(bytes_kept(lambda: backbone(clips)))  # noqa: B023
    of_a_block = (kept[1] - kept[0]) / 2
    tokens = frames * patches
    assert of_a_block / (tokens * dims * 4) == pytest.approx(channels, rel=0.06)


def test_checkpointing_keeps_the_input_of_a_block():
    clips = torch.randn(1, 3, 4, 64, 64)
    kept = []
    for num_layers in (1, 3):
        backbone = make(num_layers, img_size=64, num_frames=4, embed_dims=64, with_cp=True)
        kept.append(bytes_kept(lambda: backbone(clips)))  # noqa: B023
    # And the state of the random numbers, 5 kB.
    assert (kept[1] - kept[0]) / 2 == pytest.approx(257 * 64 * 4, rel=0.1)


@pytest.mark.parametrize('scheme', PAPER_SCHEMES)
def test_features_with_and_without_gradients_agree(scheme):
    """Layers folded and done in place, or kept for the backward pass."""
    backbone = make(attention_type=scheme).eval()
    for parameter in backbone.parameters():
        torch.nn.init.normal_(parameter, std=0.2)
    clips = torch.randn(2, 3, 2, 32, 32)
    with torch.no_grad():
        found = backbone(clips)
    torch.testing.assert_close(found, backbone(clips).detach(), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize('scheme', PAPER_SCHEMES)
def test_bfloat16_follows_float32(scheme):
    backbone = make(attention_type=scheme).eval()
    clips = torch.randn(2, 3, 2, 32, 32)
    with torch.no_grad():
        expected = backbone(clips)
        found = backbone.to(torch.bfloat16)(clips.to(torch.bfloat16)).float()
    assert (found - expected).norm() <= 0.03 * expected.norm()


@pytest.mark.parametrize(
    ('scheme', 'trains'),
    # Tracing takes seconds; inference folds the same layers in every scheme.
    [*((scheme, True) for scheme in PAPER_SCHEMES), ('divided_space_time', False)],
)
def test_the_model_is_one_graph(scheme, trains):
    """torch.compile finds no break, in the blocks or around them, and changes no feature."""
    keep_einops_whole()
    torch._dynamo.reset()
    # A region is a part of the graph: 2x2 patches have few.
    backbone = make(1, attention_type=scheme, patch_size=16).train(trains)
    clips = torch.randn(1, 3, 2, 32, 32)
    with torch.set_grad_enabled(trains):
        compiled = torch.compile(backbone, fullgraph=True, backend='eager')
        torch.testing.assert_close(compiled(clips), backbone(clips))


@pytest.mark.parametrize('scheme', PAPER_SCHEMES)
def test_training_works_after_inference_and_after_counting(scheme):
    """No tensor of another mode, or without content, is left behind for later."""
    backbone = make(1, attention_type=scheme)
    clips = torch.randn(1, 3, 2, 32, 32)
    with torch.device('meta'):
        make(1, attention_type=scheme)(clips.to('meta'))
    with torch.inference_mode():
        expected = backbone.eval()(clips).clone()
    features = backbone(clips)
    features.sum().backward()
    torch.testing.assert_close(features.detach(), expected, atol=1e-5, rtol=1e-5)
