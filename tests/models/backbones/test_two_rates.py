"""Two pathways that start as themselves and then hear from each other."""

import pytest
import torch

from mmaction_timesformer.models import TwoRatesBackbone

SLOW = dict(
    img_size=16, patch_size=8, embed_dims=16, num_heads=2, num_transformer_layers=4,
    pos_embed='rotary', drop_path_rate=0.0,
)  # fmt: skip
FAST = dict(SLOW, embed_dims=8, patch_size=16, frame_seconds=0.25)


def build() -> TwoRatesBackbone:
    torch.manual_seed(0)
    backbone = TwoRatesBackbone(SLOW, FAST, slow_every=4, exchange_every=2).eval()
    for pathway in (backbone.slow, backbone.fast):
        for parameter in pathway.parameters():
            torch.nn.init.normal_(parameter, std=0.4)
    return backbone


@torch.no_grad()
def test_it_starts_as_two_transformers_at_their_own_times() -> None:
    backbone = build()
    clips, seconds = torch.randn(2, 3, 8, 16, 16), torch.rand(2, 8).cumsum(dim=1)
    slow = backbone.slow(clips[:, :, ::4], seconds=seconds[:, ::4])
    fast = backbone.fast(clips, seconds=seconds)
    torch.testing.assert_close(backbone(clips, seconds), torch.cat((slow, fast), dim=1))
    even = torch.arange(8) * 0.25
    torch.testing.assert_close(backbone(clips), backbone(clips, even))


@torch.no_grad()
def test_class_tokens_exchange_what_they_have_seen() -> None:
    backbone = build()
    assert sorted(backbone.to_slow) == sorted(backbone.to_fast) == ['2', '4']
    clips = torch.randn(1, 3, 8, 16, 16)
    other = clips.clone()
    other[:, :, 1] += 1  # a frame that the slow pathway does not see
    before, after = backbone(clips), backbone(other)
    assert torch.equal(before[:, :16], after[:, :16])
    backbone.to_slow['2'].weight.normal_()
    told, told_other = backbone(clips), backbone(other)
    assert not torch.allclose(told[:, :16], told_other[:, :16], atol=1e-3)


def test_gradients_reach_both_pathways_and_the_exchange() -> None:
    backbone = build()
    for layer in (*backbone.to_slow.values(), *backbone.to_fast.values()):
        torch.nn.init.normal_(layer.weight)
    backbone(torch.randn(1, 3, 8, 16, 16)).square().sum().backward()
    without = [n for n, p in backbone.named_parameters() if p.grad is None or not p.grad.any()]
    assert [name for name in without if not name.endswith('qkv.bias')] == []


def test_pathways_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match='same number of blocks'):
        TwoRatesBackbone(SLOW, dict(FAST, num_transformer_layers=2))
    with pytest.raises(ValueError, match='not one a frame'):
        TwoRatesBackbone(SLOW, dict(FAST, attention_type='space_only'))
    with pytest.raises(ValueError, match='exchange_every=0'):
        TwoRatesBackbone(SLOW, FAST, exchange_every=0)
