"""Damaged, hostile and malformed files of weights end in one clear error."""

import json
import os
import zipfile

import numpy as np
import pytest
import torch

from mmaction_timesformer.models.checkpoints import (
    is_whole,
    read_checkpoint,
    read_class_map,
    refuse_non_finite,
)
from tests.fuzzing import FUZZED, fuzz

WEIGHTS = {'a.weight': torch.arange(512.0), 'b': torch.ones(2)}
META = {'epoch': 1, 'dataset_meta': {'classes': ('Other', 'Worker')}}


@pytest.fixture
def save(tmp_path):
    """Saves something as a checkpoint."""

    def save(content):
        torch.save(content, tmp_path / 'weights.pth')
        return tmp_path / 'weights.pth'

    return save


def test_one_flipped_bit_is_seen(save):
    """Each load is refused or has every number: the padding between records means nothing."""
    path = save({'state_dict': WEIGHTS, 'meta': META})
    whole = path.read_bytes()
    noise = np.random.default_rng(0)
    refused = 0
    for place in noise.integers(0, len(whole), 300):
        damaged = bytearray(whole)
        damaged[place] ^= 1 << int(noise.integers(8))
        path.write_bytes(damaged)
        try:
            found = read_checkpoint(path)['state_dict']
        except ValueError:
            refused += 1
            continue
        assert found.keys() == WEIGHTS.keys()
        assert all(torch.equal(found[name], WEIGHTS[name]) for name in WEIGHTS)
    assert refused > 200


def test_checksum_is_named(save):
    path = save(WEIGHTS)
    place = path.read_bytes().index(torch.arange(500.0, 512.0).numpy().tobytes())
    damaged = bytearray(path.read_bytes())
    damaged[place] ^= 1
    assert is_whole(path)
    path.write_bytes(damaged)
    assert not is_whole(path)
    with pytest.raises(ValueError, match=r"'weights/data/0' in it does not have its checksum"):
        read_checkpoint(path)


def test_archive_that_unpacks_to_more_than_itself(save):
    path = save({'a.weight': torch.zeros(1 << 20)})
    with zipfile.ZipFile(path) as archive:
        contents = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, 'w', zipfile.ZIP_DEFLATED) as archive:
        for name, content in contents.items():
            archive.writestr(name, content)
    assert path.stat().st_size < 10_000
    with pytest.raises(ValueError, match=r'would unpack to 4,19\d,\d+; the limit is its own size'):
        read_checkpoint(path)


def write_pickle(path, pickled):
    """Write an archive as PyTorch's, around a pickle of one's choice."""
    with zipfile.ZipFile(path, 'w') as archive:
        archive.writestr('weights/data.pkl', pickled)
        archive.writestr('weights/version', '3\n')
    return path


def test_pickle_of_many_objects_is_refused_before_it_is_read(tmp_path, monkeypatch):
    """Each byte makes an empty dict of 64 bytes and its place in a list."""
    monkeypatch.setattr(torch, 'load', lambda *args, **options: pytest.fail('it was read'))
    path = write_pickle(tmp_path / 'weights.pth', b'\x80\x02](' + b'}' * 1_000_000 + b'e.')
    with pytest.raises(ValueError, match='more than 1,000,000 instructions, the limit'):
        read_checkpoint(path)


@pytest.mark.parametrize(
    ('content', 'words'),
    [
        ({1: torch.ones(2)}, '1 is a int, not the name of a parameter'),
        ({'state_dict': {(1, 2): torch.ones(2)}}, r'\(1, 2\) is a tuple, not the name'),
        ({'state_dict': WEIGHTS, 'meta': 'epoch 3'}, "'meta' is a str, not a mapping"),
        ({'state_dict': WEIGHTS, 'meta': [1]}, "'meta' is a list, not a mapping"),
        ({'state_dict': WEIGHTS, 'meta': {'dataset_meta': 'x'}}, "'dataset_meta' is a str"),
        (
            {'state_dict': WEIGHTS, 'meta': {'dataset_meta': {'classes': 'Other'}}},
            "'classes' is a str, not a list of class names",
        ),
        (
            {'state_dict': WEIGHTS, 'meta': {'dataset_meta': {'classes': ['a', '{{$HOME:x}}']}}},
            r"the class name '\{\{\$HOME:x\}\}' is refused: it holds a template",
        ),
        ({'state_dict': WEIGHTS, 'meta': {'CLASSES': ['{{ x }}']}}, 'the class name .* is refused'),
    ],
)
def test_malformed_contents(save, content, words):
    path = save(content)
    with pytest.raises(ValueError, match=rf'weights\.pth: {words}'):
        read_checkpoint(path)


def test_wrappers_inside_each_other(save, tmp_path):
    assert read_checkpoint(save({'model': {'model': {'model': WEIGHTS}}}))['state_dict'].keys()
    for depth in (9, 50_000):
        pickled = b'\x80\x02' + b'}X\x05\x00\x00\x00model' * depth + b'}' + b's' * depth + b'.'
        path = write_pickle(tmp_path / 'deep.pth', pickled)
        with pytest.raises(ValueError, match='more than 8 mappings are around the parameters'):
            read_checkpoint(path)


@pytest.mark.parametrize(
    ('text', 'words'),
    [
        ('[' * 1000 + ']' * 1000, 'holds a list|nested too deeply'),
        ('{"weight_map":' * 100_000, 'nested too deeply'),
        ('{"weight_map": {"a": 3}}', 'names no file of weights by 3'),
        ('{"weight_map": {"a": null}}', 'names no file of weights by None'),
        ('{"weight_map": ["a"]}', 'names no files of weights'),
        ('{"weight_map": "a"}', 'names no files of weights'),
        ('[]', 'holds a list, not an object'),
        ('{', 'is not valid JSON'),
        ('\ufeff{}', 'is not valid JSON'),
    ],
)
def test_malformed_index(tmp_path, text, words):
    (tmp_path / 'model.safetensors.index.json').write_text(text, encoding='utf-8')
    with pytest.raises(ValueError, match=rf'index\.json .*({words})'):
        read_checkpoint(tmp_path)
    with pytest.raises(ValueError, match=r'index\.json'):
        read_class_map(tmp_path / 'model.safetensors.index.json')


def test_large_json_is_not_read(tmp_path):
    path = tmp_path / 'model.safetensors.index.json'
    path.touch()
    os.truncate(path, 64 * 2**20)
    with pytest.raises(ValueError, match=r'67,108,864 bytes; the limit is 33,554,432'):
        read_checkpoint(tmp_path)


@pytest.mark.parametrize(
    'content',
    [
        {'image_mean': ['a'], 'image_std': [1]},
        {'image_mean': [[0.5]], 'image_std': [[0.5]]},
        {'image_mean': [0.5] * 3, 'image_std': [0.5]},
    ],
)
def test_malformed_preprocessing_is_not_taken(tmp_path, content):
    torch.save(WEIGHTS, tmp_path / 'pytorch_model.bin')
    (tmp_path / 'preprocessor_config.json').write_text(json.dumps(content))
    metadata = read_checkpoint(tmp_path)['state_dict']._metadata['']
    assert metadata['preprocessing'] is None


@pytest.mark.parametrize('source', ['zip://x.pth::a', 'ftp://u:SECRET@host/a.pth', 'memory://a'])
def test_other_protocols_are_refused(source):
    with pytest.raises(ValueError, match='read from files, directories, http:// and') as raised:
        read_checkpoint(source)
    assert 'SECRET' not in str(raised.value)


@pytest.mark.parametrize('number', [float('nan'), float('inf'), -float('inf')])
@pytest.mark.parametrize('dtype', [torch.float32, torch.bfloat16])
def test_weights_that_are_not_finite(number, dtype):
    weights = {'a': torch.ones(3, dtype=dtype), 'count': torch.tensor(3), 'text': 'x'}
    refuse_non_finite(weights)
    weights['a'][1] = number
    with pytest.raises(ValueError, match=r'best\.pth: 1 of 3 parameters hold NaN or infinity: a;'):
        refuse_non_finite(weights, 'best.pth')


def test_large_weights_are_finite():
    refuse_non_finite({'a': torch.full((4,), 3e38), 'b': torch.full((9,), 6e4, dtype=torch.half)})


@pytest.mark.parametrize('reader', FUZZED)
def test_mutations_end_in_a_clear_error(tmp_path, reader):
    """A few; ``python -m tests.fuzzing 20000`` makes as many as one likes."""
    assert fuzz(reader, tmp_path, num_mutations=150, seed=1).errors == []


@pytest.mark.parametrize(
    ('tensor', 'message'),
    [
        (torch.eye(3).to_sparse(), 'sparse, nested or quantized'),
        (torch.eye(3).to_sparse_csr(), 'sparse, nested or quantized'),
        (torch.nested.nested_tensor([torch.ones(2), torch.ones(3)]), 'sparse, nested or quantized'),
        (torch.quantize_per_tensor(torch.ones(3), 0.1, 0, torch.qint8), 'sparse, nested or quan'),
        (torch.empty(3, device='meta'), 'has a shape and no numbers'),
    ],
)
def test_tensors_that_are_not_dense_are_refused(tmp_path, tensor, message):
    file = tmp_path / 'a.pth'
    torch.save({'state_dict': {'b.weight': tensor}}, file)
    with pytest.raises(ValueError, match=rf'a\.pth: b\.weight .*{message}'):
        read_checkpoint(file)


def test_nan_is_found_in_numbers_of_one_byte():
    weights = {'a': torch.tensor([1.0, 2.0]).to(torch.float8_e4m3fn)}
    refuse_non_finite(weights)
    weights['b'] = torch.tensor([1.0, float('nan')]).to(torch.float8_e4m3fn)
    with pytest.raises(ValueError, match='1 of 2 parameters hold NaN or infinity: b'):
        refuse_non_finite(weights)
