"""Files of a work folder: curves, config, record, checkpoint."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mmengine.config import Config

from mmaction_timesformer.models.checkpoints import find_checkpoint
from video_clips.plain_data import parse_json

EXPECTED = 'expected the work folder of a training run, as tools/train.py writes it'


@dataclass(frozen=True)
class RunFiles:
    """A work folder.

    Attributes:
        folder: The folder.
        config: The run's config, as mmengine wrote it down.
        train_curve: Training log, one entry a logged iteration: ``epoch``, ``step``, ``loss``, ...
        val_curve: Validation log, one entry a validation: ``step`` and the metrics.
        records: What ``RunRecordHook`` wrote, oldest first.
        checkpoint: The best checkpoint, else the last; None if there is none.
    """

    folder: Path
    config: Config
    train_curve: list[dict[str, Any]]
    val_curve: list[dict[str, Any]]
    records: list[dict[str, Any]]
    checkpoint: Path | None

    @property
    def name(self) -> str:
        """Name of the run."""
        return self.folder.resolve().name

    @property
    def train_accuracy(self) -> list[tuple[float, float]]:
        """Epoch and training accuracy of each epoch.

        Runs of this project's configs log the mean of the epoch so far, so its last entry counts.
        Others log single batches, whose mean is taken.
        """
        by_epoch: dict[int, list[float]] = {}
        for entry in self.train_curve:
            if 'top1_acc' in entry and 'epoch' in entry:
                by_epoch.setdefault(entry['epoch'], []).append(entry['top1_acc'])
        custom = (self.config.get('log_processor') or {}).get('custom_cfg') or ()
        is_mean = any(
            part.get('data_src') == 'top1_acc' and part.get('window_size') == 'epoch'
            for part in custom
        )
        return [
            (float(epoch), values[-1] if is_mean else sum(values) / len(values))
            for epoch, values in sorted(by_epoch.items())
        ]

    @classmethod
    def read(cls, folder: str | Path, dump: Path | None = None) -> RunFiles:
        """Read a work folder.

        Args:
            folder: The folder.
            dump: Predictions of the run; the test that wrote them may have a work folder of its
                own, around the dump, with a record of its own.

        Raises:
            FileNotFoundError: There is no such folder, or no config in it.
            ValueError: A file in it is damaged.
        """
        folder = Path(folder)
        if not folder.is_dir():
            raise FileNotFoundError(f'{folder}: no such folder; {EXPECTED}')
        train, val = _curves(folder)
        records = _records(folder)
        if dump is not None and dump.parent.resolve() != folder.resolve():
            records += [record for record in _records(dump.parent) if _wrote(record, dump)]
        return cls(folder, _config(folder), train, val, records, _checkpoint(folder))


def _config(folder: Path) -> Config:
    found = sorted(folder.glob('*.py'), key=lambda file: file.stat().st_mtime)
    found = found or sorted(folder.glob('*/vis_data/config.py'))
    if not found:
        raise FileNotFoundError(f'{folder}: holds no config (*.py); {EXPECTED}')
    try:
        return Config.fromfile(found[-1])
    # A config is Python code and can fail in any way.
    except Exception as error:
        raise ValueError(f'{found[-1]}: cannot be read as a config: {error}') from error


def _curves(folder: Path) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Log entries of all runs in the folder; of a step that a resumed run repeats, the later."""
    train: dict[int, dict[str, Any]] = {}
    val: dict[int, dict[str, Any]] = {}
    for file in sorted(folder.glob('*/vis_data/scalars.json')):
        for entry in _lines(file):
            if 'step' not in entry:
                continue
            if 'loss' in entry:
                train[entry['step']] = entry
            elif any('/' in name for name in entry):
                val[entry['step']] = entry
    return [train[step] for step in sorted(train)], [val[step] for step in sorted(val)]


def _lines(file: Path) -> Iterator[dict[str, Any]]:
    """Entries of a log; a last line that was cut off by a killed run is left out."""
    lines = file.read_text(encoding='utf-8').splitlines()
    for number, line in enumerate(lines, start=1):
        try:
            yield _object(line)
        except ValueError as error:
            if number < len(lines):
                raise ValueError(f'{file}: line {number} is damaged: {error}') from None


def _records(folder: Path) -> list[dict[str, Any]]:
    records = []
    for file in sorted(folder.glob('*/run.json')):
        try:
            records.append(_object(file.read_text(encoding='utf-8')))
        except ValueError as error:
            raise ValueError(f'{file}: damaged: {error}') from None
    return records


def _object(text: str) -> dict[str, Any]:
    content = parse_json(text)
    if not isinstance(content, dict):
        raise ValueError(f'holds a {type(content).__name__}, not an object')
    return content


def _wrote(record: dict[str, Any], dump: Path) -> bool:
    """Whether a record is of the test that wrote a dump, by its command."""
    return any(word.endswith(dump.name) for word in record.get('command') or ())


def _checkpoint(folder: Path) -> Path | None:
    found = find_checkpoint(folder)
    return found if found.is_file() else None
