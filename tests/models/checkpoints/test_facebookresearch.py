"""Checkpoints in facebookresearch's layout, made from Hugging Face's model name by name."""

import pytest
import torch

from mmaction_timesformer.models.checkpoints import export, load_weights
from tests.models.checkpoints.peers import (
    SHARED_SCHEMES,
    SIZES,
    clips,
    huggingface_logits,
    huggingface_model,
    logits,
    own_model,
    randomise,
)

# Hugging Face's to facebookresearch's, in this order.
REPLACEMENTS = (
    ('timesformer.embeddings.cls_token', 'cls_token'),
    ('timesformer.embeddings.position_embeddings', 'pos_embed'),
    ('timesformer.embeddings.time_embeddings', 'time_embed'),
    ('timesformer.embeddings.patch_embeddings.projection', 'patch_embed.proj'),
    ('timesformer.layernorm', 'norm'),
    ('timesformer.encoder.layer', 'blocks'),
    ('temporal_layernorm', 'temporal_norm1'),
    ('temporal_attention.attention.qkv', 'temporal_attn.qkv'),
    ('temporal_attention.output.dense', 'temporal_attn.proj'),
    ('temporal_dense', 'temporal_fc'),
    ('layernorm_before', 'norm1'),
    ('layernorm_after', 'norm2'),
    ('attention.attention.qkv', 'attn.qkv'),
    ('attention.output.dense', 'attn.proj'),
    ('intermediate.dense', 'mlp.fc1'),
    ('output.dense', 'mlp.fc2'),
    ('classifier', 'head'),
)


def as_facebookresearch(state_dict):
    """What a ``.pyth`` file holds beside and around the weights."""
    renamed = {}
    for name, value in state_dict.items():
        for theirs, there in REPLACEMENTS:
            name = name.replace(theirs, there)
        renamed[f'model.{name}'] = value
    return {
        'epoch': 14,
        'model_state': renamed,
        'optimizer_state': {'state': {0: {'momentum_buffer': torch.ones(3)}}, 'param_groups': [{}]},
        'cfg': 'TRAIN:\n  DATASET: kinetics\n',
    }


@pytest.mark.parametrize('size', SIZES)
@pytest.mark.parametrize('scheme', SHARED_SCHEMES)
def test_logits_equal_after_loading_a_file(tmp_path, scheme, size):
    peer, ours = huggingface_model(size, scheme), own_model(size, scheme)
    path = tmp_path / 'checkpoint_epoch_00015.pyth'
    torch.save(as_facebookresearch(peer.state_dict()), path)
    report = load_weights(ours, path, strict=True)
    assert report.weight_format == 'facebookresearch'
    torch.testing.assert_close(
        logits(ours, clips(size)), huggingface_logits(peer, clips(size)), atol=1e-5, rtol=1e-5
    )


@pytest.mark.parametrize('scheme', SHARED_SCHEMES)
def test_export_is_what_was_loaded(scheme):
    peer, ours = huggingface_model(SIZES[0], scheme), own_model(SIZES[0], scheme)
    expected = as_facebookresearch(peer.state_dict())['model_state']
    load_weights(ours, expected)
    exported = export(ours.state_dict(), 'facebookresearch')
    assert exported.keys() == expected.keys()
    assert all(torch.equal(exported[name], expected[name]) for name in expected)


def test_without_the_wrapper_module():
    ours = randomise(own_model(SIZES[0]), seed=3)
    exported = export(ours.state_dict(), 'facebookresearch')
    bare = {name.removeprefix('model.'): value for name, value in exported.items()}
    again = own_model(SIZES[0])
    assert load_weights(again, bare, strict=True).weight_format == 'facebookresearch'
    assert torch.equal(logits(again, clips(SIZES[0])), logits(ours, clips(SIZES[0])))
