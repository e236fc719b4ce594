"""Exported files against the model that they come from, as mmaction2 tests it."""

import shutil

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from mmaction.structures import ActionDataSample
from mmengine.registry import init_default_scope

from mmaction_timesformer.inference.exporting import export as export_module
from mmaction_timesformer.inference.exporting.export import ExportOptions, export
from mmaction_timesformer.inference.exporting.exported_model import ExportedModel
from mmaction_timesformer.inference.exporting.verification import DisagreementError
from mmaction_timesformer.inference.recognizer import build_recognizer, read_weights
from mmaction_timesformer.models.attention_schemes import PAPER_SCHEMES
from tests.inference.exporting.conftest import CLASSES, make_checkpoint, make_config


def scores_by_mmaction2(config, checkpoint, clips):
    """Probabilities by mmaction2's own test step."""
    init_default_scope('mmaction')
    model = build_recognizer(config, read_weights(checkpoint)[0], 'cpu')
    samples = [ActionDataSample() for _ in clips]
    data = {'inputs': [clip.unsqueeze(0) for clip in clips], 'data_samples': samples}
    with torch.no_grad():
        return torch.stack([sample.pred_score for sample in model.test_step(data)])


@pytest.mark.slow
@pytest.mark.parametrize('scheme', PAPER_SCHEMES)
def test_onnx_gives_the_scores_of_a_test_run_for_any_batch_size(exported, scheme):
    config, checkpoint, file = exported(scheme)
    session = onnxruntime.InferenceSession(str(file), providers=['CPUExecutionProvider'])
    generator = torch.Generator().manual_seed(1)
    for size in (1, 4, 7):
        clips = torch.randint(0, 256, (size, 3, 4, 32, 32), generator=generator).to(torch.uint8)
        expected = scores_by_mmaction2(config, checkpoint, clips)
        assert size == 1 or expected.max(dim=1).values.std() > 1e-4
        probabilities, logits = session.run(None, {'clips': clips.numpy()})
        assert probabilities == pytest.approx(expected.numpy(), abs=1e-5)
        by_hand = torch.from_numpy(logits).div(1.7).softmax(dim=1).numpy()
        assert by_hand == pytest.approx(expected.numpy(), abs=1e-5)


def test_a_file_says_how_to_use_it(exported):
    _, checkpoint, file = exported()
    model = onnx.load(file)
    onnx.checker.check_model(model, full_check=True)
    assert model.graph.input[0].type.tensor_type.shape.dim[0].dim_param == 'batch'
    metadata = ExportedModel.open(file).metadata
    assert metadata.classes == CLASSES
    assert metadata.clip_shape == (3, 4, 32, 32)
    assert metadata.frame_interval == 8
    assert metadata.temperature == pytest.approx(1.7)
    assert metadata.weights_digest == read_weights(checkpoint)[2]
    assert [step['type'] for step in metadata.picture_steps] == ['Resize', 'CenterCrop']


def test_a_temperature_of_ones_own_takes_the_place_of_the_files(exported):
    _, _, file = exported()
    clips = torch.randint(0, 256, (2, 3, 4, 32, 32), dtype=torch.uint8)
    logits = ExportedModel.open(file).run(clips)[1]
    scores = ExportedModel.open(file, temperature=0.5)(clips)
    assert scores.numpy() == pytest.approx((logits * 2).softmax(dim=1).numpy(), abs=1e-6)


def test_clips_of_another_size_or_type_are_refused(exported):
    model = ExportedModel.open(exported()[2])
    with pytest.raises(ValueError, match=r'\(3, 4, 32, 32\)'):
        model(torch.zeros((1, 3, 8, 32, 32), dtype=torch.uint8))
    with pytest.raises(ValueError, match='float32'):
        model(torch.zeros((1, 3, 4, 32, 32)))


def test_what_disagrees_leaves_no_file(exported, tmp_path, monkeypatch):
    config, checkpoint, file = exported()
    target = tmp_path / 'out' / 'model.onnx'

    def write_another(program, path, strings):
        """A file that is whole, and whose classifier is not the model's."""
        model = onnx.load(file)
        weights = next(
            t
            for t in model.graph.initializer
            if list(t.dims) == [4] and t.data_type == onnx.TensorProto.FLOAT
        )
        values = onnx.numpy_helper.to_array(weights) + np.float32(0.01) * np.arange(4, dtype='f4')
        weights.CopyFrom(onnx.numpy_helper.from_array(values, weights.name))
        onnx.save(model, path)

    monkeypatch.setattr(export_module, 'trace', lambda *arguments: None)
    monkeypatch.setattr(
        'mmaction_timesformer.inference.exporting.onnx_file.write_onnx', write_another
    )
    with pytest.raises(DisagreementError, match='differs'):
        export(config, checkpoint, target)
    assert list(target.parent.iterdir()) == []


@pytest.mark.parametrize(
    ('out', 'options', 'message'),
    [
        ('model.pth', {}, r'\.onnx or \.pt2'),
        ('model.pt2', {'int8': 'static'}, 'for .onnx'),
        ('model.onnx', {'device': 'cuda:0'}, 'any device'),
        ('model.onnx', {'cfg_options': {'detection.pipeline': 'mine'}}, 'mine'),
    ],
)
def test_arguments_that_make_no_sense_are_named(exported, tmp_path, out, options, message):
    _, checkpoint, _ = exported()
    with pytest.raises(ValueError, match=message):
        export(
            make_config('divided_space_time'), checkpoint, tmp_path / out, ExportOptions(**options)
        )


def test_a_size_that_depends_on_the_video_is_asked_for(tmp_path):
    config = make_config('joint_space_time')
    config.val_pipeline = [step for step in config.val_pipeline if step['type'] != 'CenterCrop']
    checkpoint = make_checkpoint(config, tmp_path / 'tiny.pth')
    with pytest.raises(ValueError, match='--image-size'):
        export(config, checkpoint, tmp_path / 'model.onnx')


def test_a_package_needs_a_compiler(exported, tmp_path, monkeypatch):
    config, checkpoint, _ = exported()
    monkeypatch.setattr(export_module, 'trace', lambda *arguments: None)
    monkeypatch.setattr(shutil, 'which', lambda name: None)
    with pytest.raises(RuntimeError, match=r'install g\+\+, or export to \.onnx'):
        export(config, checkpoint, tmp_path / 'model.pt2')
    assert list(tmp_path.iterdir()) == []


def test_files_of_other_origin_are_refused(tmp_path):
    (tmp_path / 'broken.onnx').write_bytes(b'nothing')
    (tmp_path / 'broken.pt2').write_bytes(b'nothing')
    for name in ('broken.onnx', 'broken.pt2'):
        with pytest.raises(ValueError, match=name):
            ExportedModel.open(tmp_path / name)
    with pytest.raises(FileNotFoundError, match='missing'):
        ExportedModel.open(tmp_path / 'missing.onnx')


@pytest.mark.skipif(
    torch.__version__.startswith('2.6.'), reason="that torch's converter fails on views"
)
def test_an_exported_model_averages_its_views(tmp_path):
    """Rotary positions, shifted tokens and wide heads are in the graph too."""
    config = make_config('joint_space_time')
    config.model.type = 'RatesRecognizer'
    config.model.test_views = [(4, 1), (2, 2)]
    config.model.backbone.num_transformer_layers = 1
    config.model.backbone.update(
        pos_embed='rotary', token_shift=True, head_dims=8, qkv_bias=False, frame_seconds=0.4
    )
    checkpoint = make_checkpoint(config, tmp_path / 'tiny.pth')
    content = torch.load(checkpoint, weights_only=True)
    content['state_dict']['view_weights'] = torch.tensor([0.3, 0.7])
    torch.save(content, checkpoint)
    export(config, checkpoint, tmp_path / 'tiny.onnx')
    session = onnxruntime.InferenceSession(str(tmp_path / 'tiny.onnx'))
    clips = torch.randint(0, 256, (3, 3, 4, 32, 32)).to(torch.uint8)
    expected = scores_by_mmaction2(config, checkpoint, clips)
    probabilities, _ = session.run(None, {'clips': clips.numpy()})
    assert probabilities == pytest.approx(expected.numpy(), abs=1e-5)
