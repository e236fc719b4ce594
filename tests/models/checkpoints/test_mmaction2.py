"""mmaction2's TimeSformer and this project's give the same logits from the same weights."""

import pytest
import torch
from mmaction.registry import MODELS

from mmaction_timesformer.models.checkpoints import export, load_weights
from tests.models.checkpoints.peers import (
    SHARED_SCHEMES,
    SIZES,
    Size,
    clips,
    logits,
    mmaction2_model,
    own_backbone_config,
    own_model,
    randomise,
)

# mmaction2 takes frames that are not square.
MORE_SIZES = (*SIZES, Size(img_size=(32, 48)))


@pytest.mark.parametrize('size', MORE_SIZES)
@pytest.mark.parametrize('scheme', SHARED_SCHEMES)
def test_logits_equal_after_loading(scheme, size):
    theirs, ours = mmaction2_model(size, scheme), own_model(size, scheme)
    report = load_weights(ours, {'state_dict': theirs.state_dict()}, strict=True)
    assert len(report.matched) == len(theirs.state_dict())
    torch.testing.assert_close(
        logits(ours, clips(size)), logits(theirs, clips(size)), atol=1e-5, rtol=1e-5
    )


@pytest.mark.parametrize('size', MORE_SIZES)
@pytest.mark.parametrize('scheme', SHARED_SCHEMES)
def test_logits_equal_after_exporting(scheme, size):
    theirs, ours = mmaction2_model(size, scheme), randomise(own_model(size, scheme), seed=5)
    theirs.load_state_dict(export(ours.state_dict(), 'mmaction2'))
    torch.testing.assert_close(
        logits(theirs, clips(size)), logits(ours, clips(size)), atol=1e-5, rtol=1e-5
    )


@pytest.mark.parametrize('scheme', SHARED_SCHEMES)
def test_bare_backbone_equals_the_one_with_prefix(scheme):
    size = SIZES[0]
    theirs, ours = mmaction2_model(size, scheme), own_model(size, scheme)
    load_weights(ours, theirs.backbone.state_dict())
    with torch.no_grad():
        torch.testing.assert_close(ours.backbone(clips(size)), theirs.backbone(clips(size)))


def test_what_mmaction2_itself_loses(tmp_path):
    """Its ``pretrained=`` loads nothing from a whole model, and time over space from a bare one.

    Both without an error; if this test fails, mmaction2 has mended it.
    """
    size = SIZES[0]
    trained = mmaction2_model(size, 'divided_space_time')
    space = 'transformer_layers.layers.0.attentions.1.attn.in_proj_weight'
    expected = trained.backbone.state_dict()[space]
    for kind, state_dict in (
        ('whole', trained.state_dict()),
        ('bare', trained.backbone.state_dict()),
    ):
        path = tmp_path / f'{kind}.pth'
        torch.save({'state_dict': state_dict}, path)
        config = {**own_backbone_config(size), 'pretrained': str(path)}
        theirs = MODELS.build({**config, 'type': 'TimeSformer'})
        theirs.init_weights()
        assert not torch.equal(theirs.state_dict()[space], expected)

        ours = MODELS.build(config)
        ours.init_weights()
        assert torch.equal(ours.state_dict()['blocks.0.steps.space.qkv.weight'], expected)
        with torch.no_grad():
            torch.testing.assert_close(
                ours.eval()(clips(size)), trained.backbone(clips(size)), atol=1e-5, rtol=1e-5
            )
