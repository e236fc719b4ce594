"""Detection over an archive of recordings, spread over a Ray cluster.

Each recording is watched by one worker, by the same function as on one machine, into a folder of
its own below ``parts``; the model is built once a worker. When all are done, the parts become the
results folder that one machine would have written. A part that was begun goes on where it stopped,
and one that is finished is left alone.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from mmengine.config import Config

from data_analysis.measuring.ray_pool import connected
from mmaction_timesformer.detection.detector import DangerDetector
from mmaction_timesformer.detection.results.folder import EVENTS, SCORES
from mmaction_timesformer.detection.running import RunSummary, run
from mmaction_timesformer.detection.sources.sources import Source
from video_clips.whole_files import write_atomically

PARTS = 'parts'


class RecordingWatcher:
    """A worker: the model, ready to watch one recording after the other.

    Args:
        config: The model's config, on a path that every machine has.
        checkpoint: Its weights, likewise.
        device: Where the model runs.
        cfg_options: Values that replace the config's.
        trust_compiled: Run machine code out of a ``.pt2`` file.
    """

    def __init__(
        self,
        config: str,
        checkpoint: str,
        device: str,
        cfg_options: Mapping[str, Any],
        trust_compiled: bool = False,
    ) -> None:
        cfg = Config.fromfile(config)
        cfg.merge_from_dict(dict(cfg_options))
        self._detector = DangerDetector.from_config(
            cfg, checkpoint, device, trust_compiled=trust_compiled
        )

    def __call__(self, row: dict[str, Any]) -> dict[str, Any]:
        """Watch one recording, from where its part ends."""
        source = Source(row['name'], row['url'])
        return {'summary': json.dumps(asdict(run(self._detector, [source], row['folder'])))}


def watch_archive(
    config: str,
    checkpoint: str,
    sources: Sequence[Source],
    folder: Path,
    *,
    device: str = 'cpu',
    cfg_options: Mapping[str, Any] | None = None,
    address: str = 'local',
    num_workers: int = 2,
    trust_compiled: bool = False,
) -> RunSummary:
    """Watch recordings on a cluster.

    Args:
        config: The model's config.
        checkpoint: Its weights.
        sources: The recordings, on paths that every machine has.
        folder: Where the results go, on a path that every machine has.
        device: Where a worker's model runs; for ``cuda`` each worker asks the cluster for a GPU.
        cfg_options: Values that replace the config's.
        address: Of the cluster, see `data_analysis.measuring.ray_pool.connected`.
        num_workers: How many recordings are watched at a time.
        trust_compiled: Run machine code out of a ``.pt2`` file.

    Returns:
        What all of them did together.

    Raises:
        ImportError: Ray is not installed.
        ValueError: A source is live, or the folder holds results of one machine.
    """
    _check(sources, folder)
    rows = [
        {
            'name': source.name,
            'url': str(Path(source.url).resolve()),
            'folder': str(_part(folder, source).resolve()),
        }
        for source in sources
    ]
    worker = {
        'config': str(Path(config).resolve()),
        'checkpoint': str(Path(checkpoint).resolve()),
        'device': device,
        'cfg_options': dict(cfg_options or {}),
        'trust_compiled': trust_compiled,
    }
    total = RunSummary(len(sources))
    started = time.monotonic()
    with connected(address, num_workers) as ray:
        # A recording is a block, so that a worker that is done takes the next.
        finished = ray.data.from_items(rows, override_num_blocks=len(rows)).map(
            RecordingWatcher,
            fn_constructor_kwargs=worker,
            concurrency=min(num_workers, len(rows)),
            num_gpus=1 if device.startswith('cuda') else 0,
        )
        for row in finished.iter_rows():
            _add(total, json.loads(row['summary']))
    _merge([_part(folder, source) for source in sources], folder)
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
    names = ('num_skipped', 'num_failed', 'num_events', 'num_windows', 'num_gaps')
    for name in (*names, 'video_seconds'):
        setattr(total, name, getattr(total, name) + part[name])
    total.dropped.update(part['dropped'])


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
