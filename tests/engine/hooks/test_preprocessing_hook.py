"""An image network that gets other inputs than it was trained with is reported."""

import logging
from types import SimpleNamespace

import pytest
from mmaction.models import ActionDataPreprocessor
from torch import nn

from mmaction_timesformer.engine.hooks import preprocessing_hook
from mmaction_timesformer.models.patch_embeds import FeatureMaps


@pytest.mark.parametrize(
    ('mean', 'pretrained', 'warned'),
    [(127.0, True, False), (114.75, True, True), (114.75, False, False)],
)
def test_another_preprocessing_is_warned(mean, pretrained, warned, monkeypatch):
    lines = []
    monkeypatch.setattr(
        preprocessing_hook,
        'print_log',
        lambda message, logger, level: lines.append((level, message)),
    )
    model = nn.Module()
    model.cnn = FeatureMaps('efficientnet_lite0', 2, pretrained=pretrained)
    model.data_preprocessor = ActionDataPreprocessor(
        mean=[mean] * 3, std=[128.0] * 3, format_shape='NCTHW'
    )
    preprocessing_hook.PreprocessingHook().before_run(SimpleNamespace(model=model))
    warnings = [line for level, line in lines if level == logging.WARNING]
    assert len(warnings) == warned
    if warned:
        assert 'mean 0.498' in warnings[0]
        assert 'mean 0.45' in warnings[0]
