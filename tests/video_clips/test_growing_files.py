"""The lock of a folder."""

import gc
import sys

import pytest

from video_clips.growing_files import FolderLock


def test_one_run_writes_at_a_time(tmp_path):
    lock = FolderLock(tmp_path / 'out')
    (tmp_path / 'other_name').symlink_to(tmp_path / 'out')
    with pytest.raises(ValueError, match='other_name: another run writes there'):
        FolderLock(tmp_path / 'other_name')
    lock.release()
    FolderLock(tmp_path / 'other_name').release()


def test_a_folder_that_cannot_be_made_is_one_error(tmp_path, monkeypatch):
    ignored = []
    monkeypatch.setattr(sys, 'unraisablehook', ignored.append)
    (tmp_path / 'file').touch()
    with pytest.raises(OSError, match='file'):
        FolderLock(tmp_path / 'file' / 'out')
    gc.collect()
    assert not ignored
