"""Reads from an mmaction2 config what a training run would read: lists, prefixes, sampler, decoder.

mmengine's parser does it. It is imported here alone, and it needs no torch; modules that the config
wants imported are left alone.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from data_analysis.inputs.datasets import DatasetInput, SplitFile, input_from_annotations
from data_analysis.inputs.sampler import SamplerSettings

_SPLITS = {'train': 'train_dataloader', 'val': 'val_dataloader', 'test': 'test_dataloader'}
_DECODERS = {
    'OpenVideo': 'pyav',
    'PyAVInit': 'pyav',
    'DecordInit': 'decord',
    'OpenCVInit': 'opencv',
}
UNKNOWN = 'unknown'
SAMPLERS = ('SampleFrames', 'SampleClip', 'UniformSample')

# Dataset classes that bring their own class list; a config that uses one does not name the classes.
_KNOWN_CLASSES = {
    'RailwayYardDataset': ('Track-Excavator', 'Bucket-Worker', 'Cabin-Worker', 'Other'),
}


def input_from_config(
    file: Path,
    classes: Sequence[str] | None = None,
    recording_regex: str | None = None,
    recording_column: str = 'recording',
    data_root: str | None = None,
) -> DatasetInput:
    """Reads the datasets of a config.

    Args:
        file: The config.
        classes: Class names, where the config has none.
        recording_regex: Tells a clip's recording from its path.
        recording_column: The CSV column that tells it.
        data_root: Stands for the config's own `data_root`.

    Raises:
        FileNotFoundError: The config or one of its lists is missing.
        ValueError: It cannot be parsed, or its data are not video files.
        ImportError: mmengine is not installed.
    """
    config = parse_config(file)
    datasets = {
        split: dataset
        for split, name in _SPLITS.items()
        if (dataset := (config.get(name) or {}).get('dataset'))
    }
    if not datasets:
        raise ValueError(f'{file}: has none of {", ".join(_SPLITS.values())} with a dataset')
    splits = [
        found
        for split, dataset in datasets.items()
        for found in _split_files(file, split, dataset, data_root)
    ]
    first = next(_leaves(next(iter(datasets.values()))))
    pipeline = first.get('pipeline') or config.get('train_pipeline') or ()
    known = classes or _classes_of(first, config)
    annotated = input_from_annotations(_unique(splits), known, recording_regex, recording_column)
    return replace(
        annotated,
        source={'kind': 'config', 'file': str(file), 'splits': annotated.source['splits']},
        sampler=_sampler_of(pipeline),
        decoder=_decoder_of(pipeline),
        pipeline=tuple(map(_type_of, pipeline)),
    )


def order_of_classes(names: Sequence[str], file: Path) -> tuple[str, ...]:
    """Class names in the order in which a config numbers them; as given if it has other classes.

    Raises:
        FileNotFoundError: There is no such config.
        ValueError: It cannot be parsed.
    """
    try:
        config = parse_config(file)
    except ImportError:  # without mmengine nobody reads the config either
        return tuple(names)
    dataset = (config.get('train_dataloader') or {}).get('dataset') or {}
    known = _classes_of(next(_leaves(dataset)), config) or ()
    return tuple(known if set(known) == set(names) else names)


def sampler_of_config(file: Path) -> SamplerSettings | None:
    """The sampler that a config trains with; None if it is not known here, or without mmengine."""
    try:
        config = parse_config(file)
    except ImportError:
        return None
    dataset = (config.get('train_dataloader') or {}).get('dataset') or {}
    leaf = next(_leaves(dataset))
    return _sampler_of(leaf.get('pipeline') or config.get('train_pipeline') or ())


def parse_config(file: Path) -> Mapping[str, Any]:
    """Reads a config without importing what it wants imported.

    Raises:
        FileNotFoundError: There is no such file.
        ImportError: mmengine is not installed.
        ValueError: It cannot be parsed.
    """
    if not file.is_file():
        raise FileNotFoundError(f'{file}: no such config')
    try:
        from mmengine.config import Config
    except ImportError as error:
        raise ImportError(
            f'reading a config needs mmengine ({error}); or name the annotation files with --split'
        ) from error
    try:
        return Config.fromfile(str(file), import_custom_modules=False).to_dict()
    except Exception as error:  # a config is a program: anything may go wrong in it
        raise ValueError(f'{file} cannot be read as a config: {error}') from error


def _leaves(dataset: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The datasets inside of wrappers such as RepeatDataset and ConcatDataset."""
    if 'dataset' in dataset:
        yield from _leaves(dataset['dataset'])
    elif 'datasets' in dataset:
        for part in dataset['datasets']:
            yield from _leaves(part)
    else:
        yield dataset


def _split_files(
    file: Path, split: str, dataset: Mapping[str, Any], data_root: str | None
) -> Iterator[SplitFile]:
    for leaf in _leaves(dataset):
        kind = leaf.get('type', 'a dataset')
        prefix = leaf.get('data_prefix') or {}
        if 'img' in prefix or not leaf.get('ann_file'):
            raise ValueError(
                f'{file}: {kind} in {split} does not list video files; only those can be measured'
            )
        root = leaf.get('data_root') or '' if data_root is None else data_root
        yield SplitFile(
            split,
            Path(_join(root, leaf['ann_file'])),
            _join(root, prefix.get('video') or ''),
            None if leaf.get('delimiter') in (None, ' ') else leaf['delimiter'],
        )


def _join(root: str, path: str) -> str:
    """Mmengine's rule: an absolute path or a URL stays as it is."""
    return path if os.path.isabs(path) or '://' in path else os.path.join(root, path)


def _unique(splits: Sequence[SplitFile]) -> list[SplitFile]:
    """Drops a split that reads the same list as an earlier one, as val and test often do."""
    seen: dict[tuple[Path, str], SplitFile] = {}
    for split in splits:
        seen.setdefault((split.file, split.root), split)
    return list(seen.values())


def _classes_of(dataset: Mapping[str, Any], config: Mapping[str, Any]) -> Sequence[str] | None:
    told = (dataset.get('metainfo') or {}).get('classes') or dataset.get('classes')
    if isinstance(told, str):
        lines = Path(told).read_text(encoding='utf-8').splitlines()
        return tuple(line.strip() for line in lines if line.strip())
    if told:
        return tuple(told)
    if kind := _KNOWN_CLASSES.get(_type_of(dataset)):
        return kind
    number = ((config.get('model') or {}).get('cls_head') or {}).get('num_classes')
    return tuple(map(str, range(number))) if number else None


def _sampler_of(pipeline: Sequence[Mapping[str, Any]]) -> SamplerSettings | None:
    for step in pipeline:
        if _type_of(step) in SAMPLERS:
            own = _type_of(step) != 'SampleFrames'
            rule = (
                step.get('short_clip') or step.get('out_of_bound') or step.get('out_of_bound_opt')
            )
            return SamplerSettings(
                clip_len=step.get('clip_len', 8),
                frame_interval=step.get('frame_interval', None if own else 1),
                num_clips=step.get('num_clips', 1),
                short_clip=rule or ('repeat_last' if own else 'loop'),
                target_fps=step.get('target_fps'),
                span_seconds=step.get('span_seconds'),
            )
    return None


def _decoder_of(pipeline: Sequence[Mapping[str, Any]]) -> str:
    names = map(_type_of, pipeline)
    return next((_DECODERS[name] for name in names if name in _DECODERS), UNKNOWN)


def _type_of(settings: Mapping[str, Any]) -> str:
    """The registered name, without the scope that may stand before it."""
    return str(settings.get('type', '')).rpartition('.')[2]
