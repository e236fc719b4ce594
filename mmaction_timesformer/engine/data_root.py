"""One option moves a config's data: ``--cfg-options data_root=FOLDER``."""

from collections.abc import Iterator
from typing import Any

from mmengine.config import Config, ConfigDict


def merge_options(cfg: Config, options: dict[str, Any]) -> None:
    """Merge options into a config, and let a new ``data_root`` reach the datasets that had the old.

    A config's variables are plain Python, gone once the file is read; replacing ``data_root``
    alone would change nothing.

    Args:
        cfg: Changed in place.
        options: Values by dotted name, as ``--cfg-options`` gives them.
    """
    former = cfg.get('data_root')
    cfg.merge_from_dict(options)
    if former is None or 'data_root' not in options:
        return
    for name in ('train_dataloader', 'val_dataloader', 'test_dataloader'):
        for dataset in _datasets_of(cfg.get(name) or {}):
            if dataset.get('data_root') == former:
                dataset.data_root = options['data_root']


def _datasets_of(owner: dict) -> Iterator[ConfigDict]:
    """Yield the dataset of a loader, and those inside wrappers such as ``RepeatDataset``."""
    for dataset in [*owner.get('datasets', []), owner.get('dataset')]:
        if dataset is not None:
            yield dataset
            yield from _datasets_of(dataset)
