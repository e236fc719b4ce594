"""Hugging Face's TimeSformer and this project's give the same logits from the same weights."""

import pytest
import torch
from transformers import TimesformerForVideoClassification, TimesformerModel

from mmaction_timesformer.models.checkpoints import convert_file, export, load_weights
from tests.models.checkpoints.peers import (
    SHARED_SCHEMES,
    SIZES,
    clips,
    huggingface_logits,
    huggingface_model,
    logits,
    own_backbone,
    own_model,
    randomise,
)


@pytest.mark.parametrize('size', SIZES)
@pytest.mark.parametrize('scheme', SHARED_SCHEMES)
def test_logits_equal_after_loading(scheme, size):
    theirs, ours = huggingface_model(size, scheme), own_model(size, scheme)
    load_weights(ours, theirs.state_dict(), strict=True)
    torch.testing.assert_close(
        logits(ours, clips(size)), huggingface_logits(theirs, clips(size)), atol=1e-5, rtol=1e-5
    )


@pytest.mark.parametrize('size', SIZES)
@pytest.mark.parametrize('scheme', SHARED_SCHEMES)
def test_logits_equal_after_exporting(scheme, size):
    theirs, ours = huggingface_model(size, scheme), randomise(own_model(size, scheme), seed=5)
    theirs.load_state_dict(export(ours.state_dict(), 'huggingface'))
    torch.testing.assert_close(
        huggingface_logits(theirs, clips(size)), logits(ours, clips(size)), atol=1e-5, rtol=1e-5
    )


def test_model_without_classifier():
    theirs = huggingface_model(SIZES[0], 'divided_space_time').timesformer
    assert isinstance(theirs, TimesformerModel)
    ours = own_backbone(SIZES[0])
    load_weights(ours, theirs.state_dict(), strict=True)
    inputs = clips(SIZES[0])
    with torch.no_grad():
        expected = theirs(inputs.transpose(1, 2)).last_hidden_state[:, 0]
        torch.testing.assert_close(ours(inputs), expected, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize('scheme', SHARED_SCHEMES)
def test_directories_travel_both_ways(tmp_path, scheme):
    size = SIZES[1]
    theirs = huggingface_model(size, scheme)
    theirs.save_pretrained(tmp_path / 'theirs')
    ours = own_model(size, scheme)
    load_weights(ours, tmp_path / 'theirs', strict=True)

    torch.save(ours.state_dict(), tmp_path / 'ours.pth')
    convert_file(tmp_path / 'ours.pth', tmp_path / 'back', 'huggingface', size.num_heads)
    back = TimesformerForVideoClassification.from_pretrained(tmp_path / 'back').eval()
    assert back.config.attention_type == scheme
    torch.testing.assert_close(
        huggingface_logits(back, clips(size)),
        huggingface_logits(theirs, clips(size)),
        atol=1e-5,
        rtol=1e-5,
    )
