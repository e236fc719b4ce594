"""A recognizer is built with weights that can judge."""

import pytest
import torch
from mmengine.config import Config

from mmaction_timesformer.inference.recognizer import build_recognizer
from tests.models.checkpoints.peers import SIZES, own_backbone_config, own_model


def test_one_number_that_is_not_finite_is_refused() -> None:
    head = dict(type='TimeSformerClsHead', num_classes=5, in_channels=32)
    model = dict(type='Recognizer3D', backbone=own_backbone_config(SIZES[0]), cls_head=head)
    weights = own_model(SIZES[0]).state_dict()
    build_recognizer(Config(dict(model=model)), weights, 'cpu')
    weights['cls_head.fc_cls.bias'][2] = torch.nan
    with pytest.raises(ValueError, match=r'hold NaN or infinity: cls_head\.fc_cls\.bias;'):
        build_recognizer(Config(dict(model=model)), weights, 'cpu')
