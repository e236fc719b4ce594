"""Weights of other libraries give the same logits here, and those of here there."""

import pytest
import torch
from mmaction.registry import MODELS
from transformers import TimesformerForVideoClassification, TimesformerModel

from mmaction_timesformer.models.checkpoints import (
    FORMATS,
    convert_file,
    export,
    load_weights,
    recognise,
)
from mmaction_timesformer.models.checkpoints.names import NameTable
from tests.models.checkpoints.peers import (
    SHARED_SCHEMES,
    SIZES,
    Size,
    clips,
    huggingface_logits,
    huggingface_model,
    logits,
    mmaction2_model,
    own_backbone,
    own_backbone_config,
    own_model,
    randomise,
    vit_model,
)

# Hugging Face's names to facebookresearch's, in this order.
TO_FACEBOOKRESEARCH = (
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
# mmaction2 takes frames that are not square.
CASES = [
    *(('mmaction2', size) for size in (*SIZES, Size(img_size=(32, 48)))),
    *(('huggingface', size) for size in SIZES),
    *(('facebookresearch', size) for size in SIZES),
]


def facebookresearch_names(state_dict):
    """Hugging Face's weights under facebookresearch's names."""
    renamed = {}
    for name, value in state_dict.items():
        for theirs, there in TO_FACEBOOKRESEARCH:
            name = name.replace(theirs, there)
        renamed[f'model.{name}'] = value
    return renamed


def peer(library, size, scheme):
    """The weights of a library's model, and its logits of random clips."""
    if library == 'mmaction2':
        model = mmaction2_model(size, scheme)
        return model.state_dict(), logits(model, clips(size))
    model = huggingface_model(size, scheme)
    weights = model.state_dict()
    if library == 'facebookresearch':
        weights = facebookresearch_names(weights)
    return weights, huggingface_logits(model, clips(size))


@pytest.mark.parametrize(('library', 'size'), CASES)
@pytest.mark.parametrize('scheme', SHARED_SCHEMES)
def test_logits_equal_and_weights_go_back(library, size, scheme):
    weights, expected = peer(library, size, scheme)
    ours = own_model(size, scheme)
    report = load_weights(ours, weights, strict=True)
    assert report.weight_format == library
    assert len(report.matched) == len(weights)
    torch.testing.assert_close(logits(ours, clips(size)), expected, atol=1e-5, rtol=1e-5)
    exported = export(ours.state_dict(), library)
    assert exported.keys() == weights.keys()
    assert all(torch.equal(exported[name], weights[name]) for name in weights)


def test_file_of_facebookresearch(tmp_path):
    """It holds more than the weights; some have no ``model.`` in front."""
    weights, expected = peer('facebookresearch', SIZES[0], 'divided_space_time')
    content = {
        'epoch': 14,
        'model_state': weights,
        'optimizer_state': {'state': {0: {'momentum_buffer': torch.ones(3)}}, 'param_groups': [{}]},
        'cfg': 'TRAIN:\n  DATASET: kinetics\n',
    }
    bare = {name.removeprefix('model.'): value for name, value in weights.items()}
    for saved in (content, bare):
        torch.save(saved, tmp_path / 'checkpoint_epoch_00015.pyth')
        ours = own_model(SIZES[0])
        report = load_weights(ours, tmp_path / 'checkpoint_epoch_00015.pyth', strict=True)
        assert report.weight_format == 'facebookresearch'
        torch.testing.assert_close(logits(ours, clips(SIZES[0])), expected, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize('scheme', SHARED_SCHEMES)
def test_backbone_of_mmaction2_alone(scheme):
    theirs, ours = mmaction2_model(SIZES[0], scheme), own_model(SIZES[0], scheme)
    load_weights(ours, theirs.backbone.state_dict())
    with torch.no_grad():
        torch.testing.assert_close(ours.backbone(clips(SIZES[0])), theirs.backbone(clips(SIZES[0])))


def test_huggingface_model_without_classifier():
    theirs = huggingface_model(SIZES[0], 'divided_space_time').timesformer
    assert isinstance(theirs, TimesformerModel)
    ours = own_backbone(SIZES[0])
    load_weights(ours, theirs.state_dict(), strict=True)
    inputs = clips(SIZES[0])
    with torch.no_grad():
        expected = theirs(inputs.transpose(1, 2)).last_hidden_state[:, 0]
        torch.testing.assert_close(ours(inputs), expected, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize('scheme', SHARED_SCHEMES)
def test_directories_of_huggingface_travel_both_ways(tmp_path, scheme):
    size = SIZES[1]
    theirs = huggingface_model(size, scheme)
    theirs.save_pretrained(tmp_path / 'theirs')
    ours = own_model(size, scheme)
    load_weights(ours, tmp_path / 'theirs', strict=True)

    torch.save(ours.state_dict(), tmp_path / 'ours.pth')
    convert_file(tmp_path / 'ours.pth', tmp_path / 'back', 'huggingface', size.num_heads)
    back = TimesformerForVideoClassification.from_pretrained(tmp_path / 'back').eval()
    assert back.config.attention_type == scheme
    expected = huggingface_logits(theirs, clips(size))
    torch.testing.assert_close(
        huggingface_logits(back, clips(size)), expected, atol=1e-5, rtol=1e-5
    )


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
        with torch.no_grad():
            torch.testing.assert_close(
                ours.eval()(clips(size)), trained.backbone(clips(size)), atol=1e-5, rtol=1e-5
            )


def formats_of(names):
    return [known.name for known in FORMATS if known.matches(frozenset(names))]


@pytest.mark.parametrize('scheme', [*SHARED_SCHEMES, 'axial', 'sparse_local_global'])
def test_formats_are_recognised_from_names_alone(scheme):
    own = own_model(SIZES[0], scheme)
    assert formats_of(own.state_dict()) == ['mmaction_timesformer']
    assert formats_of(own.backbone.state_dict()) == ['mmaction_timesformer']
    if scheme in SHARED_SCHEMES:
        for library in ('mmaction2', 'huggingface'):
            weights = export(randomise(own).state_dict(), library)
            bare = {name.partition('.')[2]: name for name in weights}
            assert formats_of(weights) == formats_of(bare) == [library]


def test_formats_of_image_models():
    assert formats_of(vit_model(SIZES[0]).state_dict()) == ['huggingface ViT']
    assert formats_of(vit_model(SIZES[0], classifier=True).state_dict()) == ['huggingface ViT']
    assert formats_of(['cls_token', 'blocks.0.attn.qkv.weight']) == ['timm ViT']


@pytest.mark.parametrize(
    'names',
    [
        [],
        ['conv1.weight', 'layer1.0.conv1.weight'],  # ResNet
        ['layers.0.blocks.0.attn.qkv.weight', 'norm.weight'],  # Swin
        ['encoder.layer.0.attention.self.query.weight'],  # BERT
    ],
)
def test_other_networks_are_none_of_them(names):
    assert recognise(names) is None


def test_templates_are_literal():
    table = NameTable({'backbone.a.{p}': 'x.a+b.{p}'}, {'c': 'd.e'}, 'x.layer.{i}.', ('x.',))
    first, second = torch.ones(1), torch.ones(2)
    ours = {'backbone.a.bias': first, 'backbone.blocks.12.c': second}
    theirs = {'x.a+b.bias': first, 'x.layer.12.d.e': second}
    assert table.from_ours(ours) == theirs
    assert table.to_ours(theirs) == ours
    assert table.to_ours({'a+b.bias': first, 'layer.12.d.e': second}) == ours
    unknown = {'x.aab.bias': first, 'x.layer.1.dxe': second, 'x.a+b.gamma': first}
    assert table.to_ours(unknown) == unknown
    with pytest.raises(ValueError, match=r'1 parameters have no counterpart.*backbone\.b'):
        table.from_ours({'backbone.b': torch.ones(1)})
