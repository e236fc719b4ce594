"""Models that other libraries lack are refused, and files appear when they are complete."""

import json

import pytest
import torch
from transformers import TimesformerForVideoClassification

from mmaction_timesformer.models.checkpoints import (
    EXPORTS,
    convert_file,
    export,
    exporting,
    load_weights,
    read_checkpoint,
    read_class_map,
)
from tests.models.checkpoints.peers import (
    SIZES,
    clips,
    huggingface_logits,
    logits,
    own_model,
    randomise,
    vit_model,
)

SIZE = SIZES[0]


def saved(model, path):
    torch.save({'state_dict': model.state_dict(), 'meta': {}}, path)
    return path


@pytest.mark.parametrize('to', EXPORTS)
def test_there_and_back_is_the_same(tmp_path, to):
    ours, again = randomise(own_model(SIZE)), own_model(SIZE)
    source = saved(ours, tmp_path / 'ours.pth')
    assert convert_file(source, tmp_path / 'there', to, SIZE.num_heads) == ()
    report = load_weights(again, tmp_path / 'there', strict=True)
    assert report.weight_format == to
    for name, value in again.state_dict().items():
        assert torch.equal(value, ours.state_dict()[name]), name
    assert sorted(path.name for path in tmp_path.iterdir()) == ['ours.pth', 'there']


def test_wrappers_are_those_of_the_libraries(tmp_path):
    source = saved(own_model(SIZE), tmp_path / 'ours.pth')
    convert_file(source, tmp_path / 'mm.pth', 'mmaction2')
    convert_file(source, tmp_path / 'fb.pyth', 'facebookresearch')
    assert 'state_dict' in torch.load(tmp_path / 'mm.pth', weights_only=True)
    assert 'model_state' in torch.load(tmp_path / 'fb.pyth', weights_only=True)


def test_classes_by_map(tmp_path):
    ours = randomise(own_model(SIZE))
    source = saved(ours, tmp_path / 'ours.pth')
    (tmp_path / 'map.json').write_text('{"0": 3, "1": 1}')
    class_map = read_class_map(tmp_path / 'map.json')
    convert_file(source, tmp_path / 'hf', 'huggingface', SIZE.num_heads, class_map)
    theirs = TimesformerForVideoClassification.from_pretrained(tmp_path / 'hf').eval()
    expected = logits(ours, clips(SIZE))[:, [3, 1]]
    torch.testing.assert_close(
        huggingface_logits(theirs, clips(SIZE)), expected, atol=1e-5, rtol=1e-5
    )
    with pytest.raises(ValueError, match='classes 0 to the last'):
        convert_file(source, tmp_path / 'mm.pth', 'mmaction2', class_map={1: 0})
    (tmp_path / 'map.json').write_text('[1, 2]')
    with pytest.raises(ValueError, match=r'map\.json holds a list'):
        read_class_map(tmp_path / 'map.json')


def test_image_vit_becomes_space_only_without_classifier(tmp_path):
    vit = vit_model(SIZE, classifier=True)
    vit.save_pretrained(tmp_path / 'vit')
    left_out = convert_file(tmp_path / 'vit', tmp_path / 'mm.pth', 'mmaction2')
    assert set(left_out) == {'classifier.weight', 'classifier.bias'}
    written = read_checkpoint(tmp_path / 'mm.pth')['state_dict']
    assert 'backbone.transformer_layers.layers.0.norms.0.weight' in written
    with pytest.raises(ValueError, match='class_map has nothing to pick from'):
        convert_file(tmp_path / 'vit', tmp_path / 'x.pth', 'mmaction2', class_map={0: 0})


def test_others_get_calibrated_logits(tmp_path):
    ours = randomise(own_model(SIZE)).eval()
    ours.cls_head.temperature.set(2.5)
    source = saved(ours, tmp_path / 'ours.pth')
    convert_file(source, tmp_path / 'hf', 'huggingface', SIZE.num_heads)
    theirs = TimesformerForVideoClassification.from_pretrained(tmp_path / 'hf').eval()
    inputs = clips(SIZE)
    found = huggingface_logits(theirs, inputs)
    torch.testing.assert_close(found, logits(ours, inputs) / 2.5, rtol=0, atol=1e-5)


@pytest.mark.parametrize(
    ('changes', 'words'),
    [
        (dict(scheme='axial'), r'no counterpart.*steps\.width'),
        (dict(scheme='sparse_local_global'), r'no counterpart.*steps\.local'),
        (dict(mlp='geglu'), 'gated MLP'),
        (dict(pos_embed='space'), r'lacks backbone\.time_embed'),
        (dict(pos_embed='none'), r'lacks backbone\.pos_embed'),
        (dict(head=dict(hidden_dims=8)), r'no counterpart.*cls_head\.hidden'),
    ],
)
@pytest.mark.parametrize('to', ['mmaction2', 'facebookresearch', 'huggingface'])
def test_what_others_do_not_have_is_refused(tmp_path, changes, words, to):
    source = saved(own_model(SIZE, **changes), tmp_path / 'ours.pth')
    with pytest.raises(ValueError, match=words) as raised:
        convert_file(source, tmp_path / 'out', to)
    assert str(source) in str(raised.value)
    assert not (tmp_path / 'out').exists()


def test_hugging_faces_configuration(tmp_path):
    source = saved(own_model(SIZE), tmp_path / 'ours.pth')
    with pytest.raises(ValueError, match='32 channels do not divide into 0 heads'):
        convert_file(source, tmp_path / 'hf', 'huggingface')
    flat = saved(own_model(SIZE, img_size=(32, 48)), tmp_path / 'flat.pth')
    with pytest.raises(ValueError, match='24 patches of 8x8 are no square'):
        convert_file(flat, tmp_path / 'hf', 'huggingface', 4)
    convert_file(source, tmp_path / 'hf', 'huggingface', 4)
    config = json.loads((tmp_path / 'hf' / 'config.json').read_text())
    assert (config['image_size'], config['num_frames'], config['num_hidden_layers']) == (32, 4, 2)


def test_unknown_formats(tmp_path):
    torch.save({'conv.weight': torch.ones(1)}, tmp_path / 'resnet.pth')
    with pytest.raises(ValueError, match=r"resnet\.pth has no known format.*'conv\.weight'"):
        convert_file(tmp_path / 'resnet.pth', tmp_path / 'out', 'mmaction2')
    with pytest.raises(ValueError, match="'timm' is no format to write; choose from"):
        export({}, 'timm')


def test_interrupted_writing_leaves_the_old_file(tmp_path, monkeypatch):
    source, output = saved(own_model(SIZE), tmp_path / 'ours.pth'), tmp_path / 'out.pth'
    output.write_text('old')

    def fail(content, path):
        path.write_text('half')
        raise RuntimeError('PytorchStreamWriter failed writing file: file write failed\nmore')

    monkeypatch.setattr(exporting.torch, 'save', fail)
    with pytest.raises(OSError, match=r'cannot be written: .*out\.pth'):
        convert_file(source, output, 'mmaction2')
    assert output.read_text() == 'old'
    assert sorted(path.name for path in tmp_path.iterdir()) == ['ours.pth', 'out.pth']


def test_existing_directory_is_not_replaced(tmp_path):
    source = saved(own_model(SIZE), tmp_path / 'ours.pth')
    (tmp_path / 'hf').mkdir()
    with pytest.raises(FileExistsError, match='choose another name'):
        convert_file(source, tmp_path / 'hf', 'huggingface', 4)
