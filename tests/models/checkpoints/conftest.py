"""Messages of loading, and files for it to read."""

import pytest
import torch

from tests.models.checkpoints.peers import SIZES, mmaction2_model


@pytest.fixture
def log(monkeypatch):
    """Log of loading: (level, line) of every call."""
    lines = []

    def record(message, logger=None, level=20):
        lines.append((level, message))

    monkeypatch.setattr('mmaction_timesformer.models.checkpoints.loading.print_log', record)
    return lines


@pytest.fixture(scope='session')
def trained():
    """A model of mmaction2 with random weights."""
    return mmaction2_model(SIZES[0], 'divided_space_time')


@pytest.fixture(scope='session')
def trained_file(trained, tmp_path_factory):
    """Its weights, as mmaction2 saves them."""
    path = tmp_path_factory.mktemp('trained') / 'trained.pth'
    torch.save({'state_dict': trained.state_dict(), 'meta': {'epoch': 3}}, path)
    return path
