"""Errors of a full disk name the path, whoever raises them."""

import errno

import pytest

from mmaction_timesformer.engine.console import built, naming


@pytest.mark.parametrize(
    'error',
    [
        OSError(errno.ENOSPC, 'No space left on device'),
        RuntimeError('[enforce fail at inline_container.cc:664] . PytorchStreamWriter failed'),
    ],
)
def test_a_full_disk_is_named(error: Exception) -> None:
    with pytest.raises(OSError, match=r'No space|disk is full') as raised, naming('/x/a.pth'):
        raise error
    assert raised.value.filename == '/x/a.pth'


@pytest.mark.parametrize('error', [OSError(13, 'denied', '/y'), RuntimeError('x'), KeyError('k')])
def test_other_errors_stay(error: Exception) -> None:
    with pytest.raises(type(error)) as raised, naming('/x'):
        raise error
    assert raised.value is error


def test_what_is_wrong_with_a_config_is_one_error() -> None:
    with pytest.raises(ValueError, match="work: KeyError: 'Absent is not in the registry'"):
        built(lambda: {}['Absent is not in the registry'], 'work')
