"""Image ViTs of three libraries start a TimeSformer of any scheme."""

import pytest
import torch
from safetensors.torch import load_file

from mmaction_timesformer.models.checkpoints import load_weights
from tests.models.checkpoints.peers import SIZES, clips, own_backbone, own_model, vit_model

SIZE = SIZES[0]

# Hugging Face's names to timm's and to OpenMMLab's; query, key and value are joined before.
TO_TIMM = (
    ('embeddings.patch_embeddings.projection', 'patch_embed.proj'),
    ('embeddings.cls_token', 'cls_token'),
    ('embeddings.position_embeddings', 'pos_embed'),
    ('encoder.layer', 'blocks'),
    ('layernorm_before', 'norm1'),
    ('layernorm_after', 'norm2'),
    ('attention.qkv', 'attn.qkv'),
    ('attention.output.dense', 'attn.proj'),
    ('intermediate.dense', 'mlp.fc1'),
    ('output.dense', 'mlp.fc2'),
    ('layernorm', 'norm'),
    ('classifier', 'head'),
)
TO_OPENMMLAB = (
    ('embeddings.patch_embeddings.projection', 'backbone.patch_embed.projection'),
    ('embeddings.cls_token', 'backbone.cls_token'),
    ('embeddings.position_embeddings', 'backbone.pos_embed'),
    ('encoder.layer', 'backbone.layers'),
    ('layernorm_before', 'ln1'),
    ('layernorm_after', 'ln2'),
    ('attention.qkv', 'attn.qkv'),
    ('attention.output.dense', 'attn.proj'),
    ('intermediate.dense', 'ffn.layers.0.0'),
    ('output.dense', 'ffn.layers.1'),
    ('layernorm', 'backbone.ln1'),
    ('classifier', 'head.layers.head'),
)


def file_names(model, folder):
    """The weights under the names that Hugging Face gives them in a file, without ``vit.``."""
    model.save_pretrained(folder)
    weights = load_file(folder / 'model.safetensors')
    return {name.removeprefix('vit.'): value for name, value in weights.items()}


def renamed(weights, replacements):
    """Weights in another library's layout, query, key and value in one matrix."""
    result = {}
    for name, value in weights.items():
        if '.attention.key.' in name or '.attention.value.' in name:
            continue
        if '.attention.query.' in name:
            parts = [weights[name.replace('query', part)] for part in ('query', 'key', 'value')]
            name, value = name.replace('attention.query', 'qkv'), torch.cat(parts)
        for theirs, there in replacements:
            name = name.replace(theirs, there)
        result[name] = value
    return result


def features(vit, frames):
    """Features (B, D) of images (B, 3, H, W)."""
    with torch.no_grad():
        return vit(frames).last_hidden_state[:, 0]


@pytest.mark.parametrize('size', SIZES)
def test_hugging_face_vit_is_space_only(size):
    vit, ours = vit_model(size), own_backbone(size, 'space_only')
    report = load_weights(ours, vit.state_dict())
    assert report.weight_format == 'huggingface ViT'
    assert not report.reinitialised
    assert report.unused == ('pooler.dense.weight', 'pooler.dense.bias')
    images = clips(size)[:, :, :1]
    with torch.no_grad():
        torch.testing.assert_close(
            ours(images), features(vit, images[:, :, 0]), atol=1e-5, rtol=1e-5
        )


@pytest.mark.parametrize('scheme', ['space_only', 'divided_space_time'])
def test_still_clip_has_the_features_of_its_image(scheme):
    """The extra linear layer is zero: the network starts as the ViT it came from (Sec. 4)."""
    vit, ours = vit_model(SIZE), own_backbone(SIZE, scheme)
    load_weights(ours, vit.state_dict())
    still = clips(SIZE)[:, :, :1].expand(-1, -1, SIZE.num_frames, -1, -1)
    with torch.no_grad():
        torch.testing.assert_close(ours(still), features(vit, still[:, :, 0]), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize(
    ('scheme', 'base', 'extra'),
    [
        ('space_only', 'space', ()),
        ('joint_space_time', 'joint', ()),
        ('divided_space_time', 'space', ('time',)),
        ('sparse_local_global', 'local', ('global',)),
        ('axial', 'height', ('time', 'width')),
    ],
)
def test_every_scheme_starts_from_an_image_vit(tmp_path, scheme, base, extra):
    vit, ours = file_names(vit_model(SIZE), tmp_path), own_backbone(SIZE, scheme)
    with torch.no_grad():
        for parameter in ours.parameters():
            parameter.fill_(9.0)
    report = load_weights(ours, vit)
    loaded = ours.state_dict()
    attention = 'encoder.layer.1.attention.attention'
    expected = torch.cat([vit[f'{attention}.{part}.weight'] for part in ('query', 'key', 'value')])
    assert torch.equal(loaded[f'blocks.1.steps.{base}.qkv.weight'], expected)
    for step in extra:
        for part in ('norm.weight', 'norm.bias', 'qkv.weight', 'qkv.bias', 'proj.weight'):
            name = f'blocks.1.steps.{step}.{part}'
            assert torch.equal(loaded[name], loaded[name.replace(step, base)])
            assert name in report.copied
        assert not loaded[f'blocks.1.steps.{step}.fc.weight'].any()
        assert f'blocks.1.steps.{step}.fc.bias' in report.reinitialised
    if scheme != 'space_only':
        assert not loaded['time_embed'].any()
    assert not any((value == 9.0).all() for value in loaded.values())


@pytest.mark.parametrize(
    ('replacements', 'weight_format'), [(TO_TIMM, 'timm ViT'), (TO_OPENMMLAB, 'openmmlab ViT')]
)
@pytest.mark.parametrize('size', SIZES)
def test_other_layouts_equal_hugging_faces(tmp_path, replacements, weight_format, size):
    vit = vit_model(size, classifier=True, num_labels=size.num_classes)
    written = file_names(vit, tmp_path)
    first, second = own_model(size), own_model(size)
    expected = load_weights(first, written)
    report = load_weights(second, renamed(written, replacements))
    assert report.weight_format == weight_format
    assert report.outcomes == expected.outcomes
    weights = first.backbone.state_dict()
    for name, value in second.backbone.state_dict().items():
        assert torch.equal(value, weights[name]), name
    # A classifier of images is none of clips, although it has as many classes here.
    assert 'cls_head.fc_cls.weight' in report.reinitialised
    assert len(report.unused) == 2


def test_layer_scale_is_folded_into_the_layers_before_it(tmp_path):
    vit = vit_model(SIZE)
    timm = renamed(file_names(vit, tmp_path), TO_TIMM)
    plain, scaled = own_backbone(SIZE, 'space_only'), own_backbone(SIZE, 'space_only')
    load_weights(plain, timm)
    scales = {
        f'blocks.{block}.{name}.gamma': torch.rand(SIZE.embed_dims) + 0.5
        for block in range(SIZE.num_layers)
        for name in ('ls1', 'ls2')
    }
    report = load_weights(scaled, {**timm, **scales})
    assert not any('ls' in name for name in report.unused)
    for block in range(SIZE.num_layers):
        for layer, name in (('steps.space.proj', 'ls1'), ('mlp.fc2', 'ls2')):
            inputs = torch.randn(3, plain.get_submodule(f'blocks.{block}.{layer}').in_features)
            expected = scales[f'blocks.{block}.{name}.gamma'] * plain.get_submodule(
                f'blocks.{block}.{layer}'
            )(inputs)
            actual = scaled.get_submodule(f'blocks.{block}.{layer}')(inputs)
            torch.testing.assert_close(actual, expected)


def test_positions_of_special_tokens(tmp_path):
    timm = renamed(file_names(vit_model(SIZE), tmp_path), TO_TIMM)
    ours = own_backbone(SIZE, 'space_only')
    load_weights(ours, timm)
    expected = ours.pos_embed.detach().clone()
    cls, space = timm['pos_embed'][:, :1], timm['pos_embed'][:, 1:]

    distilled = {
        **timm,
        'dist_token': torch.ones(1, 1, SIZE.embed_dims),
        'pos_embed': torch.cat((cls, torch.ones_like(cls), space), dim=1),
    }
    assert 'dist_token' in load_weights(ours, distilled).unused
    assert torch.equal(ours.pos_embed, expected)

    load_weights(ours, {**timm, 'pos_embed': space})  # DeiT-III: patches alone have positions
    assert not ours.pos_embed[:, 0].any()
    assert torch.equal(ours.pos_embed[:, 1:], expected[:, 1:])


def test_attention_without_bias_has_a_bias_of_zero(tmp_path):
    vit = vit_model(SIZE, qkv_bias=False)
    ours = own_backbone(SIZE, 'space_only')
    torch.nn.init.ones_(ours.blocks[0].steps.space.qkv.bias)
    load_weights(ours, vit.state_dict())
    assert not ours.blocks[0].steps.space.qkv.bias.any()
    image = clips(SIZE)[:, :, :1]
    with torch.no_grad():
        torch.testing.assert_close(ours(image), features(vit, image[:, :, 0]), atol=1e-5, rtol=1e-5)


def test_masked_autoencoder_is_a_timm_vit(tmp_path):
    """Wrapped in ``model``, with a decoder that no classifier needs."""
    timm = renamed(file_names(vit_model(SIZE), tmp_path), TO_TIMM)
    decoder = {'mask_token': torch.zeros(1, 1, 8), 'decoder_norm.bias': torch.ones(8)}
    ours = own_backbone(SIZE, 'space_only')
    report = load_weights(ours, {'model': {**timm, **decoder}, 'epoch': 800})
    assert not report.reinitialised
    assert decoder.keys() <= set(report.unused)
