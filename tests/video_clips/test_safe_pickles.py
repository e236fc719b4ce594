"""Arrays of numbers come back as they were; what could crash the process is refused."""

import copy
import io
import pickle

import numpy as np
import pytest
import torch

from mmaction_timesformer.evaluation import load_dump
from mmaction_timesformer.models.checkpoints import read_checkpoint
from tests.crafted_pickles import CRAFTED, Reduced, write_checkpoint, write_dump
from video_clips.safe_pickles import check_instructions

ARRAYS = {
    **{code: np.arange(6).reshape(2, 3).astype(code) for code in '?bBhHiIlLqQefdFD'},
    'big-endian': np.arange(3, dtype='>i4'),
    'text': np.array(['a', 'bcd']),
    'bytes': np.array([b'a', b'bcd']),
    'columns first': np.asfortranarray(np.arange(6.0).reshape(2, 3)),
    'no dimension': np.array(3.5),
    'empty': np.empty((0, 4)),
    'number': np.float32(0.1),
    'truth': np.bool_(True),
}


@pytest.mark.parametrize('name', ARRAYS)
def test_plain_arrays_come_back(tmp_path, name):
    array = ARRAYS[name]
    found = [load_dump(write_dump(tmp_path / 'a.pkl', array, n))[0]['extra'] for n in (2, 4, 5)]
    for zipped in (True, False):
        path = write_checkpoint(tmp_path / 'a.pth', array, zipped)
        found.append(read_checkpoint(path)['extra'])
    for other in found:
        np.testing.assert_array_equal(other, array)
        assert other.dtype.newbyteorder('=') == array.dtype.newbyteorder('=')


def test_restored_arrays_are_written_as_numpys_own(tmp_path):
    """A resumed run saves the log that it has read, for readers who know numpy alone."""
    restored = read_checkpoint(write_checkpoint(tmp_path / 'a.pth', np.arange(3.0)))['extra']
    for protocol in (2, 5):
        written = pickle.dumps(copy.deepcopy(restored), protocol)
        assert b'safe_pickles' not in written
        assert type(pickle.loads(written)) is np.ndarray


@pytest.mark.parametrize('name', CRAFTED)
def test_crafted_arrays_are_refused(tmp_path, name):
    with pytest.raises(ValueError, match=r'a\.pkl'):
        load_dump(write_dump(tmp_path / 'a.pkl', CRAFTED[name]))
    for zipped in (True, False):
        path = write_checkpoint(tmp_path / 'a.pth', CRAFTED[name], zipped)
        with pytest.raises(ValueError, match=r'a\.pth'):
            read_checkpoint(path)


def test_messages_say_what_is_allowed(tmp_path):
    path = write_checkpoint(tmp_path / 'a.pth', CRAFTED['dtype: objects'])
    with pytest.raises(ValueError, match="dtype 'O8' is refused: allowed are numbers"):
        read_checkpoint(path)
    path = write_dump(tmp_path / 'a.pkl', CRAFTED['dtype: size of its own'])
    with pytest.raises(ValueError, match='dtype <i8 is not the one that numpy writes'):
        load_dump(path)


def test_memo_of_any_size_is_refused(tmp_path):
    """Python's reader makes room for every number below the one that is named: 6.4 GB."""
    path = tmp_path / 'a.pkl'
    path.write_bytes(b'\x80\x02]r\x00\x00\x00\x18.')
    with pytest.raises(ValueError, match='under number 402,653,184; the limit is'):
        load_dump(path)


def test_instructions_are_counted():
    check_instructions(pickle.dumps([1, 2, 3]), limit=20)
    with pytest.raises(pickle.UnpicklingError, match='more than 3 instructions, the limit'):
        check_instructions(io.BytesIO(pickle.dumps([1, 2, 3])), limit=3)
    with pytest.raises(pickle.UnpicklingError, match='not a whole pickle'):
        check_instructions(pickle.dumps([1, 2, 3])[:-1])


class Repeated:
    """Pickles one array state many times: a few bytes a copy."""

    def __init__(self, num_copies: int) -> None:
        self.state = np.zeros(100_000).__reduce__()
        self.copies = [Reduced(*self.state) for _ in range(num_copies)]


def test_one_array_many_times_is_refused(tmp_path):
    few, many = Repeated(2).copies, Repeated(100).copies
    assert len(load_dump(write_dump(tmp_path / 'a.pkl', few))[0]['extra']) == 2
    with pytest.raises(ValueError, match='more than 4 times its size, the limit'):
        load_dump(write_dump(tmp_path / 'a.pkl', many))
    path = write_checkpoint(tmp_path / 'a.pth', many)
    assert path.stat().st_size < 2_000_000
    with pytest.raises(ValueError, match='more than 4 times its size, the limit'):
        read_checkpoint(path)


def test_tensor_of_more_numbers_than_the_file_has(tmp_path):
    wide = torch.zeros(1).expand(1 << 30)
    with pytest.raises(ValueError, match='tensor of 1,073,741,824 numbers; the limit is'):
        load_dump(write_dump(tmp_path / 'a.pkl', wide))
    torch.save({'state_dict': {'a.weight': wide}}, tmp_path / 'a.pth')
    with pytest.raises(ValueError, match=r'a\.weight takes 4,294,967,296 bytes.* has 4 for'):
        read_checkpoint(tmp_path / 'a.pth')
