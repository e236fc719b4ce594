"""int8 files: what is quantized, and how near it stays."""

import onnx
import pytest
import torch

from mmaction_timesformer.inference.exporting.exported_model import ExportedModel
from mmaction_timesformer.inference.exporting.quantization import METHODS, quantize
from mmaction_timesformer.inference.exporting.verification import agreement


def batches(seed):
    """Clips with structure: a bright block at a random place."""
    generator = torch.Generator().manual_seed(seed)
    for _ in range(4):
        clips = torch.randint(0, 90, (8, 3, 4, 32, 32), generator=generator)
        for clip in clips:
            row, column = torch.randint(0, 20, (2,), generator=generator).tolist()
            clip[:, :, row : row + 12, column : column + 12] += 150
        yield clips.to(torch.uint8)


@pytest.mark.parametrize('method', METHODS)
def test_products_with_weights_become_int8_and_answers_stay(exported, tmp_path, method):
    file = exported()[2]
    target = tmp_path / 'int8.onnx'
    quantize(file, target, method, batches(0))
    kinds = {
        tensor.name: tensor.data_type
        for tensor in onnx.load(target).graph.initializer
        if len(tensor.dims) == 2
    }
    linear = [
        tensor
        for tensor in onnx.load(file).graph.initializer
        if len(tensor.dims) == 2 and min(tensor.dims) > 3
    ]
    assert len(linear) > 2 * 4
    # onnxruntime has no dynamic form of the classifier's Gemm.
    count = len(linear) - (method == 'dynamic')
    assert sum(kind == onnx.TensorProto.INT8 for kind in kinds.values()) == count
    whole = ExportedModel.open(file)
    rounded = ExportedModel.open(target)
    assert agreement(rounded, whole.run, batches(1)) > 0.9
    for clips in batches(2):
        difference = (rounded(clips) - whole(clips)).abs().max()
        assert 0 < difference < 0.1
