"""Files are read without running anything in them, and what is wrong with one is said."""

import contextlib
import json
import os
import pickle
import zipfile

import numpy as np
import pytest
import torch
from mmengine.runner.checkpoint import CheckpointLoader
from safetensors.torch import save_file

from mmaction_timesformer.models.checkpoints import load_weights, read_checkpoint
from mmaction_timesformer.models.checkpoints.reading import (
    find_checkpoint,
    register_readers,
    unwrap,
)
from tests.models.checkpoints.peers import SIZES, own_backbone

WEIGHTS = {'a.weight': torch.arange(6.0).view(2, 3), 'b': torch.ones(2)}


def assert_weights(checkpoint):
    assert checkpoint['state_dict'].keys() == WEIGHTS.keys()
    assert all(torch.equal(checkpoint['state_dict'][name], WEIGHTS[name]) for name in WEIGHTS)


class Payload:
    """Creates a file when it is unpickled."""

    def __init__(self, target):
        self.target = target

    def __reduce__(self):
        return os.mkdir, (str(self.target),)


@pytest.mark.parametrize(
    'content',
    [
        WEIGHTS,
        {'state_dict': WEIGHTS, 'meta': {}},
        {'model_state': WEIGHTS, 'epoch': 1, 'cfg': 'A: 1', 'optimizer_state': {'state': {}}},
        {'model': WEIGHTS},
        {'state_dict': {f'module.{name}': value for name, value in WEIGHTS.items()}},
    ],
)
@pytest.mark.parametrize('new', [True, False])
def test_wrappers_and_both_of_pytorchs_formats(tmp_path, content, new):
    path = tmp_path / 'weights.pth'
    torch.save(content, path, _use_new_zipfile_serialization=new)
    checkpoint = read_checkpoint(path)
    assert_weights(checkpoint)
    assert checkpoint.keys() >= {key for key in content if content is not WEIGHTS}


def test_metadata_of_the_parameters_is_kept():
    assert unwrap(WEIGHTS) is WEIGHTS
    layer = torch.nn.BatchNorm1d(2)
    parameters = unwrap({'state_dict': layer.state_dict()})
    assert getattr(parameters, '_metadata', {})['']['version'] == 2


@pytest.mark.parametrize('name', ['model.safetensors', 'weights.bin'])
def test_safetensors_under_any_name(tmp_path, name):
    save_file(WEIGHTS, tmp_path / name)
    assert_weights(read_checkpoint(tmp_path / name))


def test_directories(tmp_path):
    with pytest.raises(FileNotFoundError, match=rf'{tmp_path} holds no weights.*safetensors'):
        read_checkpoint(tmp_path)
    torch.save(WEIGHTS, tmp_path / 'pytorch_model.bin')
    assert_weights(read_checkpoint(tmp_path))
    for number, name in enumerate(WEIGHTS):
        save_file({name: WEIGHTS[name]}, tmp_path / f'model-{number}.safetensors')
    index = {'weight_map': {n: f'model-{i}.safetensors' for i, n in enumerate(WEIGHTS)}}
    (tmp_path / 'model.safetensors.index.json').write_text(json.dumps(index))
    (tmp_path / 'pytorch_model.bin').unlink()
    assert_weights(read_checkpoint(tmp_path))
    (tmp_path / 'model.safetensors.index.json').write_text('{}')
    with pytest.raises(ValueError, match=r'index\.json names no files'):
        read_checkpoint(tmp_path)


@pytest.mark.parametrize('new', [True, False])
def test_code_is_refused_and_not_run(tmp_path, new):
    path, target = tmp_path / 'weights.pth', tmp_path / 'made by the file'
    torch.save({**WEIGHTS, 'z': Payload(target)}, path, _use_new_zipfile_serialization=new)
    for load in (
        lambda: read_checkpoint(path),
        lambda: CheckpointLoader.load_checkpoint(str(path)),
        lambda: load_weights(own_backbone(SIZES[0]), path),
        lambda: own_backbone(SIZES[0], pretrained=str(path)).init_weights(),
    ):
        with pytest.raises(
            ValueError, match='refused, because it holds more than weights'
        ) as raised:
            load()
        assert str(path) in str(raised.value)
        assert 'mkdir' in str(raised.value)
    assert not target.exists()
    torch.load(path, weights_only=False)
    assert target.exists()  # The payload works where it is let in.


@pytest.mark.filterwarnings('ignore:Detected pickle protocol')
def test_plain_pickle_is_refused_and_not_run(tmp_path):
    path, target = tmp_path / 'weights.pkl', tmp_path / 'made by the file'
    path.write_bytes(pickle.dumps({'state_dict': Payload(target)}))
    with pytest.raises(ValueError, match=str(path)):
        read_checkpoint(path)
    assert not target.exists()


@pytest.mark.parametrize(
    'page', [b'<!DOCTYPE html><html>', b'\n  <html><head>', b'<?xml version="1.0"?><Error>']
)
def test_web_page_saved_as_weights(tmp_path, page):
    path = tmp_path / 'weights.pth'
    path.write_bytes(page + b' ' * 600)
    with pytest.raises(ValueError, match=rf'{path} is a web page, not weights.*dl=1'):
        read_checkpoint(path)


@pytest.mark.filterwarnings('ignore:.*TorchScript archive')
def test_files_that_are_none(tmp_path):
    path = tmp_path / 'weights.pth'
    with pytest.raises(FileNotFoundError, match=f'{path}: no such file'):
        read_checkpoint(path)
    for name in ('n' * 300, 'nul\0.pth'):
        with pytest.raises(FileNotFoundError, match='no such file'):
            read_checkpoint(tmp_path / name)
    path.touch()
    with pytest.raises(ValueError, match=f'{path} is empty'):
        read_checkpoint(path)
    path.write_text('version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n')
    with pytest.raises(ValueError, match=f'{path} is a pointer of Git LFS.*git lfs pull'):
        read_checkpoint(path)
    torch.save([1, 2], path)
    with pytest.raises(ValueError, match=f'{path} holds a list, not parameters'):
        read_checkpoint(path)
    np.savez(tmp_path / 'jax.npz', a=np.ones(2))
    with pytest.raises(ValueError, match=r'jax\.npz: damaged, truncated, or not a file'):
        read_checkpoint(tmp_path / 'jax.npz')
    torch.jit.save(torch.jit.script(torch.nn.Linear(2, 2)), path)
    with pytest.raises(ValueError, match=f'{path}: is a TorchScript program'):
        read_checkpoint(path)


@pytest.mark.parametrize('kind', ['zip', 'pickle', 'safetensors'])
def test_every_truncation_and_many_damages(tmp_path, kind):
    path = tmp_path / 'weights.pth'
    if kind == 'safetensors':
        save_file(WEIGHTS, path)
    else:
        torch.save(WEIGHTS, path, _use_new_zipfile_serialization=kind == 'zip')
    whole = path.read_bytes()
    for length in range(1, len(whole), max(1, len(whole) // 60)):
        path.write_bytes(whole[:length])
        with pytest.raises(ValueError, match=str(path)):
            read_checkpoint(path)
    noise = np.random.default_rng(0)
    for _ in range(60):
        damaged = bytearray(whole)
        for place in noise.integers(0, len(whole), 3):
            damaged[place] ^= int(noise.integers(1, 256))
        path.write_bytes(damaged)
        with contextlib.suppress(ValueError):  # Damaged numbers alone, nobody would notice.
            read_checkpoint(path)


@pytest.mark.parametrize('error', [TypeError('no type object'), OverflowError(), MemoryError()])
def test_whatever_damage_makes_torch_raise_is_one_error(tmp_path, monkeypatch, error):
    """The old format names storages by their addresses: the same damage differs from run to run."""

    def fail(*args, **options):
        raise error

    path = tmp_path / 'weights.pth'
    torch.save(WEIGHTS, path)
    monkeypatch.setattr(torch, 'load', fail)
    with pytest.raises(ValueError, match=f'{path}: damaged'):
        read_checkpoint(path)


def test_zip_of_something_else(tmp_path):
    path = tmp_path / 'weights.pth'
    with zipfile.ZipFile(path, 'w') as archive:
        archive.writestr('readme.txt', 'no weights')
    with pytest.raises(ValueError, match=str(path)):
        read_checkpoint(path)


def test_mmengine_asks_the_right_reader():
    def reader(path):
        return CheckpointLoader._get_checkpoint_loader(path).__name__

    register_readers()  # A second time, as when a module is imported again.
    for path in ('weights.pth', '/a b/ü.pth', './directory', 'C:\\weights.pth', 'https.pth'):
        assert reader(path) == 'load_from_file'
    for url in ('http://127.0.0.1/weights.pth', 'https://example.org/weights.pth'):
        assert reader(url) == 'load_from_url'
    assert reader('s3://bucket/weights.pth') == 'load_from_ceph'
    assert reader('petrel://bucket/weights.pth') == 'load_from_ceph'
    assert reader('open-mmlab://vit') == 'load_from_openmmlab'
    assert reader('torchvision://resnet50') == 'load_from_torchvision'
    assert reader('mmcls://vit') == 'load_from_mmcls'


def test_a_work_folder_stands_for_its_best_checkpoint_or_its_last(tmp_path):
    assert find_checkpoint(tmp_path) == tmp_path
    torch.save({'state_dict': {'a': torch.zeros(1)}}, tmp_path / 'epoch_3.pth')
    # Where the run was trained; the folder has been moved since.
    (tmp_path / 'last_checkpoint').write_text('/elsewhere/epoch_3.pth')
    assert find_checkpoint(tmp_path) == tmp_path / 'epoch_3.pth'
    torch.save({'state_dict': {'a': torch.ones(1)}}, tmp_path / 'best_acc_epoch_2.pth')
    assert read_checkpoint(tmp_path)['state_dict']['a'] == 1
