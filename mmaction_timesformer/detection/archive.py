"""Detection over an archive of recordings, spread over a Ray cluster.

Each recording is watched by one worker, by the same function as on one machine, into a folder of
its own below ``parts``; each worker builds the model once, and of a lineage all have the same. When
all are done, the parts become the results folder that one machine would have written. A part that
was begun is resumed, and one that is finished is left alone.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from mmengine.config import Config

from data_analysis.measuring.ray_pool import connected
from mmaction_timesformer.detection.detector import DangerDetector
from mmaction_timesformer.detection.following import load_lineage
from mmaction_timesformer.detection.results.folder import EVENTS, SCORES
from mmaction_timesformer.detection.running import RunSummary, run
from mmaction_timesformer.detection.sources.sources import Source
from mmaction_timesformer.learning.lineage import current_model, lineage_of
from video_clips.clip import real_path
from video_clips.growing_files import FolderLock
from video_clips.whole_files import write_atomically

PARTS = 'parts'


@dataclass(frozen=True)
class ModelFiles:
    """A model on paths that every machine has.

    Attributes:
        config: The model's config.
        checkpoint: Its weights, or what ``tools/export.py`` made of them; or a lineage of models
            (`learning.lineage`), whose current one is used and followed.
        device: Where the model runs.
        cfg_options: Values that replace the config's.
        trust_compiled: Run machine code out of a ``.pt2`` file.
        anticipate: Seconds ahead at which dangers are events too, with an online model.
        version: The model of the lineage to stay with; None follows the lineage.
    """

    config: str
    checkpoint: str
    device: str = 'cpu'
    cfg_options: Mapping[str, Any] = field(default_factory=dict)
    trust_compiled: bool = False
    anticipate: float | None = None
    version: str | None = None

    def pinned(self) -> ModelFiles:
        """The same, staying with the model that its lineage has in use now."""
        folder = lineage_of(self.checkpoint)
        return self if folder is None else replace(self, version=current_model(folder).name)

    def load(self) -> DangerDetector:
        """Build the detector.

        Raises:
            FileNotFoundError: A file is missing.
            ValueError: The config cannot be read, or does not fit the checkpoint.
        """
        try:
            config = Config.fromfile(self.config)
            config.merge_from_dict(dict(self.cfg_options))
        except OSError:
            raise
        # A config is a program that may raise anything.
        except Exception as error:
            raise ValueError(f'{self.config}: {type(error).__name__}: {error}') from error
        if (folder := lineage_of(self.checkpoint)) is not None:
            return load_lineage(folder, config, self._build, self.version)
        return self._build(config, self.checkpoint)

    def _build(self, config: Config, checkpoint: str | Path) -> DangerDetector:
        return DangerDetector.from_config(
            config,
            checkpoint,
            self.device,
            trust_compiled=self.trust_compiled,
            anticipate=self.anticipate,
        )


class RecordingWatcher:
    """A worker: the model, ready to watch one recording after the other.

    Args:
        model: The model's files, with absolute paths.
    """

    def __init__(self, model: ModelFiles) -> None:
        self._detector = model.load()

    def __call__(self, row: dict[str, Any]) -> dict[str, Any]:
        """Watch one recording, from where its part ends."""
        source = Source(row['name'], row['url'])
        return {'summary': json.dumps(asdict(run(self._detector, [source], row['folder'])))}


def watch_archive(
    model: ModelFiles,
    sources: Sequence[Source],
    folder: Path,
    address: str = 'local',
    num_workers: int = 2,
) -> RunSummary:
    """Watch recordings on a cluster.

    Args:
        model: The model's files; for ``cuda`` each worker asks the cluster for a GPU.
        sources: The recordings, on paths that every machine has.
        folder: Where the results go, on a path that every machine has.
        address: Of the cluster, see `data_analysis.measuring.ray_pool.connected`.
        num_workers: How many recordings are watched at a time.

    Returns:
        The counts of all together.

    Raises:
        ImportError: Ray is not installed.
        ValueError: A source is live, or the folder holds results of one machine.
    """
    _check(sources, folder)
    rows = [
        {
            'name': source.name,
            'url': str(real_path(source.url)),
            'folder': str(_part(folder, source).resolve()),
        }
        for source in sources
    ]
    absolute = replace(
        model,
        config=str(Path(model.config).resolve()),
        checkpoint=str(Path(model.checkpoint).resolve()),
    )
    lock = FolderLock(folder)
    total = RunSummary(len(sources))
    started = time.monotonic()
    with connected(address, num_workers) as ray:
        # A recording is a block, so that a worker that is done takes the next.
        finished = ray.data.from_items(rows, override_num_blocks=len(rows)).map(
            RecordingWatcher,
            fn_constructor_kwargs={'model': absolute},
            concurrency=min(num_workers, len(rows)),
            num_gpus=1 if model.device.startswith('cuda') else 0,
        )
        for row in finished.iter_rows():
            _add(total, json.loads(row['summary']))
    _merge([_part(folder, source) for source in sources], folder)
    lock.release()
    total.wall_seconds = time.monotonic() - started
    return total


def _check(sources: Sequence[Source], folder: Path) -> None:
    if live := [source.name for source in sources if source.is_live or source.pace]:
        raise ValueError(f'--ray is for recordings; {live[0]} is watched as it comes')
    if (folder / EVENTS).exists() and not (folder / PARTS).exists():
        raise ValueError(f'{folder} holds a run without --ray; name another folder')


def _part(folder: Path, source: Source) -> Path:
    return folder / PARTS / hashlib.sha256(source.name.encode()).hexdigest()[:16]


def _add(total: RunSummary, part: Mapping[str, Any]) -> None:
    for name in ('num_skipped', 'num_failed', 'num_events', 'num_windows', 'num_gaps'):
        setattr(total, name, getattr(total, name) + part[name])
    total.dropped.update(part['dropped'])
    total.watched.update(part['watched'])


def _merge(parts: Iterable[Path], folder: Path) -> None:
    """Write the parts' scores and events as those of one run, in the order of the sources."""
    parts = list(parts)
    with write_atomically(folder / SCORES) as stream:
        for number, part in enumerate(parts):
            lines = (part / SCORES).read_text(encoding='utf-8').splitlines(keepends=True)
            stream.writelines(lines if number == 0 else lines[1:])
    with write_atomically(folder / EVENTS) as stream:
        for part in parts:
            stream.write((part / EVENTS).read_text(encoding='utf-8'))
