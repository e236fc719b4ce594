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


@HOOKS.register_module()
class RunRecordHook(Hook):
    """Write ``run.json`` into the run's log folder, so that a result can be traced to its making.

    It has the command, the versions of what computes, the seed, the device, and a fingerprint of
    each split's data, which changes with any clip's name, label or size.
    """

    priority = 'VERY_LOW'

    def before_train(self, runner: Runner) -> None:
        """Record a training run."""
        loaders = {'train': runner.train_dataloader}
        if runner.val_loop is not None:
            loaders['val'] = runner.val_dataloader
        self._record(runner, 'train', loaders)

    def before_test(self, runner: Runner) -> None:
        """Record a test run."""
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


def fingerprint(dataset: Any) -> dict[str, Any]:
    """What identifies the data of a split.

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
