"""Write down what a run was: command, versions, seed, data."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import sys
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import mmaction
import mmcv
import mmengine
import torch
from mmengine.dist import master_only
from mmengine.hooks import Hook
from mmengine.runner import Runner

from mmaction_timesformer.registry import HOOKS
from mmaction_timesformer.version import __version__
from video_clips.safe_names import public_file_name
from video_clips.whole_files import write_atomically

RUN_RECORD = 'run.json'
TRAINED_ON = 'trained_on'
"""Where a checkpoint's meta has the fingerprint of its training data."""

_MOST_LOOKED_AT = 1000


@HOOKS.register_module()
class RunRecordHook(Hook):
    """Write ``run.json`` into the run's log folder, so that a result can be traced to its making.

    It has the command, the versions of what computes, the seed, the device, and a fingerprint of
    each split's data, which changes with any clip's name, label or size. Checkpoints have that of
    the training data too, so that no run resumes from another data set's.

    Args:
        resume_with_other_data: Let a run resume from a checkpoint of other data all the same.
    """

    priority = 'VERY_LOW'

    def __init__(self, resume_with_other_data: bool = False) -> None:
        self._resume_with_other_data = resume_with_other_data
        self._trained_on: str | None = None

    def before_save_checkpoint(self, runner: Runner, checkpoint: dict[str, Any]) -> None:
        """Note what the weights were trained on."""
        if self._trained_on is not None:
            checkpoint['meta'][TRAINED_ON] = self._trained_on

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict[str, Any]) -> None:
        """Compare the data of a run that resumes.

        Raises:
            ValueError: The checkpoint was trained on other clips or labels.
        """
        former = (checkpoint.get('meta') or {}).get(TRAINED_ON)
        if not runner._resume or former is None or self._resume_with_other_data:
            return
        if fingerprint(runner.train_dataloader.dataset)['sha256'] != former:
            raise ValueError(
                f'the checkpoint to resume from in {runner.work_dir} was trained on other clips or '
                'labels than the config has: train without --resume into another --work-dir, or '
                'set default_hooks.record.resume_with_other_data=True'
            )

    def before_train(self, runner: Runner) -> None:
        """Record a training run.

        Raises:
            FileNotFoundError: Most of the clips are not there.
        """
        loaders = {'train': runner.train_dataloader}
        if runner.val_loop is not None:
            loaders['val'] = runner.val_dataloader
        for split, loader in loaders.items():
            check_clips_exist(loader.dataset, split)
        self._trained_on = fingerprint(runner.train_dataloader.dataset)['sha256']
        self._record(runner, 'train', loaders)

    def before_test(self, runner: Runner) -> None:
        """Record a test run.

        Raises:
            FileNotFoundError: Most of the clips are not there.
        """
        check_clips_exist(runner.test_dataloader.dataset, 'test')
        self._record(runner, 'test', {'test': runner.test_dataloader})

    @master_only
    def _record(self, runner: Runner, kind: str, loaders: dict[str, Any]) -> None:
        record = {
            'kind': kind,
            'started': datetime.now(timezone.utc).isoformat(timespec='seconds'),
            'command': [without_secret(word) for word in sys.argv],
            'versions': {
                'mmaction_timesformer': __version__,
                'mmaction2': mmaction.__version__,
                'mmengine': mmengine.__version__,
                'mmcv': mmcv.__version__,
                'torch': torch.__version__,
                'python': platform.python_version(),
            },
            'seed': runner.seed,
            'device': _device_name(runner),
            'world_size': runner.world_size,
            'checkpoint': runner._load_from and public_file_name(str(runner._load_from)),
            'data': {
                split: fingerprint(loader.dataset)
                for split, loader in loaders.items()
                if hasattr(loader, 'dataset')
            },
        }
        with write_atomically(Path(runner.log_dir, RUN_RECORD)) as stream:
            json.dump(record, stream, indent=2)
            stream.write('\n')


def check_clips_exist(dataset: Any, split: str) -> None:
    """Refuse a split most of whose files are missing: a wrong `data_root`, not some lost clips.

    Args:
        dataset: Any dataset of mmengine's interface; up to `_MOST_LOOKED_AT` of its clips are
            looked at.
        split: For the message.

    Raises:
        FileNotFoundError: More than half of them are not there.
    """
    if not hasattr(dataset, 'get_data_info') or not len(dataset):
        return
    stride = -(-len(dataset) // _MOST_LOOKED_AT)
    infos = [dataset.get_data_info(index) for index in range(0, len(dataset), stride)]
    paths = [info.get('filename') or info.get('frame_dir') for info in infos]
    paths = [path for path in paths if path and '://' not in path]
    missing = [p for p in paths if not (os.path.exists(p) or os.path.exists(f'{p}.mp4'))]
    if len(missing) > len(paths) / 2:
        raise FileNotFoundError(
            f'{len(missing)} of {len(paths)} clips of the {split} data are missing, the first is '
            f'{missing[0]}; do data_root and data_prefix name the folder of the videos?'
        )


def fingerprint(dataset: Any) -> dict[str, Any]:
    """Fingerprint of the data of a split.

    Args:
        dataset: Any dataset of mmengine's interface.

    Returns:
        ``num_clips`` and ``sha256`` of every clip's file name, label, and size in bytes, in their
        order; folders and files that are not there count by name alone. No hash where the dataset
        does not tell its clips.
    """
    if not hasattr(dataset, 'get_data_info'):
        return {'num_clips': len(dataset), 'sha256': None}
    digest = hashlib.sha256()
    for index in range(len(dataset)):
        info = dataset.get_data_info(index)
        path = info.get('filename') or info.get('frame_dir') or ''
        size = os.path.getsize(path) if os.path.isfile(path) else -1
        label = info.get('label')
        label = label.tolist() if isinstance(label, torch.Tensor) else label
        line = f'{os.path.basename(path)}\t{label}\t{size}\n'
        digest.update(line.encode(errors='surrogateescape'))
    return {'num_clips': len(dataset), 'sha256': digest.hexdigest()}


def without_secret(word: str) -> str:
    """Shorten the address in a word of the command line, such as ``load_from=https://...``."""
    option, equals, value = word.partition('=')
    if equals and '://' not in option:
        return f'{option}={public_file_name(value)}'
    return public_file_name(word)


def _device_name(runner: Runner) -> str:
    device = next(runner.model.parameters(), torch.empty(0)).device
    return torch.cuda.get_device_name(device) if device.type == 'cuda' else device.type
