"""ONNX files of strangers: each ends in one message, before it takes time or memory."""

import json

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper

from mmaction_timesformer.detection.detector import DangerDetector
from mmaction_timesformer.detection.events.rules import EventRule
from mmaction_timesformer.detection.watch import WatchSettings
from mmaction_timesformer.detection.windows import WindowSettings
from mmaction_timesformer.inference.exporting.exported_model import ExportedModel
from mmaction_timesformer.inference.exporting.metadata import KEY
from video_clips.writing import write_video

METADATA = {
    'classes': ['red', 'green'],
    'num_frames': 2,
    'frame_interval': 1.0,
    'span_seconds': None,
    'image_size': [4, 4],
    'picture_steps': [],
    'multi_label': False,
    'temperature': 1.0,
    'weights_digest': 'a' * 64,
    'precision': 'float32',
    'device': 'any',
    'pixels': '',
    'outputs': '',
}
CLIPS = torch.zeros(3, 3, 2, 4, 4, dtype=torch.uint8)


def constant(name, values):
    return onnx.numpy_helper.from_array(np.array(values), name)


def write(file, metadata=METADATA, nodes=(), initializers=(), logits=(1.0, 3.0), last='Softmax'):
    """A model whose logits are the same for each clip."""
    graph = helper.make_graph(
        [
            helper.make_node('Cast', ['clips'], ['floats'], to=TensorProto.FLOAT),
            helper.make_node('ReduceMean', ['floats', 'axes'], ['means'], keepdims=0),
            helper.make_node('Mul', ['means', 'zero'], ['zeros']),
            helper.make_node('Unsqueeze', ['zeros', 'one'], ['column']),
            helper.make_node('Add', ['column', 'values'], ['logits']),
            helper.make_node(last, ['logits'], ['probabilities']),
            *nodes,
        ],
        'model',
        [helper.make_tensor_value_info('clips', TensorProto.UINT8, ['batch', 3, 2, 4, 4])],
        [
            helper.make_tensor_value_info(name, TensorProto.FLOAT, ['batch', None])
            for name in ('probabilities', 'logits')
        ],
        [
            constant('axes', [1, 2, 3, 4]),
            constant('one', [1]),
            constant('zero', np.float32(0)),
            constant('values', np.array([logits], np.float32)),
            *initializers,
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid('', 18)], ir_version=9)
    text = metadata if isinstance(metadata, str) else json.dumps(metadata)
    helper.set_model_props(model, {KEY: text})
    onnx.save(model, file)
    return file


def test_a_plain_file_gives_its_probabilities(tmp_path):
    model = ExportedModel.open(write(tmp_path / 'a.onnx'))
    expected = torch.tensor([[0.1192029, 0.8807971]]).expand(3, 2)
    torch.testing.assert_close(model(CLIPS), expected)


def endless_loop():
    body = helper.make_graph(
        [helper.make_node('Identity', ['go'], ['on'])],
        'body',
        [
            helper.make_tensor_value_info('number', TensorProto.INT64, []),
            helper.make_tensor_value_info('go', TensorProto.BOOL, []),
        ],
        [helper.make_tensor_value_info('on', TensorProto.BOOL, [])],
    )
    return helper.make_node('Loop', ['', 'true'], [], body=body)


def test_a_loop_is_refused(tmp_path):
    file = write(tmp_path / 'a.onnx', nodes=[endless_loop()], initializers=[constant('true', True)])
    with pytest.raises(ValueError, match=r'a\.onnx: the operator Loop is refused: .* never end'):
        ExportedModel.open(file)


def test_a_large_constant_is_refused(tmp_path):
    node = helper.make_node('ConstantOfShape', ['shape'], ['bomb'])
    file = write(tmp_path / 'a.onnx', nodes=[node], initializers=[constant('shape', [1 << 16] * 2)])
    with pytest.raises(ValueError, match=r"'bomb' has 4,294,967,296 numbers; the limit is 268,"):
        ExportedModel.open(file)


def test_weights_in_another_file_are_refused(tmp_path):
    outside = constant('secret', [1.0])
    onnx.external_data_helper.set_external_data(outside, '../secret')
    outside.ClearField('raw_data')
    file = write(tmp_path / 'a.onnx', initializers=[outside])
    with pytest.raises(ValueError, match="'secret' in it is in another file"):
        ExportedModel.open(file)


def test_other_operators_and_damaged_files_are_refused(tmp_path):
    file = write(tmp_path / 'a.onnx', nodes=[helper.make_node('Run', [], ['x'], domain='my.own')])
    with pytest.raises(ValueError, match=r'operator my\.own\.Run is not of ONNX'):
        ExportedModel.open(file)
    file.write_bytes(file.read_bytes()[:200])
    with pytest.raises(ValueError, match=r'a\.onnx is no ONNX file that can be run'):
        ExportedModel.open(file)


@pytest.mark.parametrize(
    ('metadata', 'message'),
    [
        ('[' * 100_000, 'metadata of .* are not JSON'),
        ('{', 'metadata of .* are not JSON'),
        ('[1]', 'are a list, not an object'),
        *(
            ({**METADATA, key: value}, f'{key}=.* in its metadata')
            for key, value in (
                ('classes', 3),
                ('classes', [1, 2]),
                ('num_frames', 'many'),
                ('num_frames', 10**9),
                ('num_frames', True),
                ('frame_interval', [1]),
                ('span_seconds', 'x'),
                ('image_size', 4),
                ('image_size', [4]),
                ('picture_steps', [3]),
                ('picture_steps', [{'scale': 3}]),
                ('multi_label', 'yes'),
                ('temperature', None),
                ('temperature', float('nan')),
                ('temperature', 0),
                ('weights_digest', 5),
            )
        ),
        ({**METADATA, 'classes': ['{{$HOME:x}}', 'b']}, 'read as a template'),
        ({**METADATA, 'classes': ['a', 'a']}, 'must differ'),
    ],
)
def test_metadata_of_another_type_are_refused(tmp_path, metadata, message):
    with pytest.raises(ValueError, match=message):
        ExportedModel.open(write(tmp_path / 'a.onnx', metadata))


def test_outputs_of_another_shape_are_refused(tmp_path):
    model = ExportedModel.open(write(tmp_path / 'a.onnx', logits=(1.0, 2.0, 3.0)))
    with pytest.raises(ValueError, match=r'probabilities of float32 \(3, 3\), not .*\(3, 2\)'):
        model(CLIPS)


def test_detection_with_nan_ends_with_an_error(tmp_path):
    """A model that gives NaN for everything would see no danger, and exit with 0."""
    model = ExportedModel.open(write(tmp_path / 'a.onnx', logits=(float('nan'), 1.0)))
    settings = WatchSettings(WindowSettings(2, 1.0, 1.0))
    detector = DangerDetector(
        model,
        lambda picture: torch.zeros(1, 3, 4, 4, dtype=torch.uint8),
        ('red', 'green'),
        {'red': EventRule()},
        settings,
    )
    write_video(tmp_path / 'v.mp4', [np.zeros((48, 64, 3), np.uint8)] * 20, 5)
    with pytest.raises(ValueError, match='scores that are not finite'):
        detector.detect(tmp_path / 'v.mp4')
