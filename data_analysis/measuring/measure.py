"""Measures every file of a dataset, once: in parallel, guarded, and going on where it stopped."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import pandas as pd

from data_analysis.measuring.clip_table import any_text
from data_analysis.measuring.file_measurement import MEASUREMENT_VERSION, FileMeasurement, Tier
from data_analysis.measuring.measure_file import measure_file
from data_analysis.measuring.measurement_store import MeasurementStore
from data_analysis.measuring.worker_pool import Outcome, Workers, run_in_processes
from video_clips.reading.remote import file_identity, without_password

Identity = tuple[int, int]
"""Size in bytes and time of the last change in nanoseconds."""

Progress = Callable[[int, int], None]
"""Called with the number of files that are done, and of all."""


@dataclass(frozen=True)
class MeasureSettings:
    """How to measure.

    Attributes:
        tier: Depth for all files.
        decode_share: Share of the files that are decoded in full, drawn by `seed`; 1 decodes all.
        num_workers: Processes; 0 measures in this one, without a time limit.
        timeout_seconds: Time that one file may take.
        seed: For the draw.
        ray_address: Measure on the Ray cluster there, see `ray_pool`; None measures in processes of
            this machine.
    """

    tier: Tier = Tier.PACKETS
    decode_share: float = 0.0
    num_workers: int = 0
    timeout_seconds: float = 60.0
    seed: int = 0
    ray_address: str | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.decode_share <= 1:
            raise ValueError(
                f'the share of files to decode lies in 0 to 1, got {self.decode_share}'
            )


@dataclass
class MeasureCount:
    """How a run over files went.

    Attributes:
        measured: Files measured now.
        remembered: Files whose stored measurement was still valid.
        missing: Files that are not there.
    """

    measured: int = 0
    remembered: int = 0
    missing: int = 0

    @property
    def done(self) -> int:
        """Files that need no more work."""
        return self.measured + self.remembered + self.missing


def measure_files(
    files: Iterable[str],
    store_path: Path,
    settings: MeasureSettings,
    progress: Progress = lambda done, total: None,
) -> tuple[pd.DataFrame, MeasureCount]:
    """Measures files.

    Args:
        files: Paths or URLs; each is measured once.
        store_path: Where measurements are remembered.
        settings: How to measure.
        progress: Told about each file that is done.

    Returns:
        A table with the column `file` and the fields of `FileMeasurement`, sorted by file, and how
        many were measured, remembered and missing.
    """
    identities = {name: file_identity(name) for name in sorted(set(files))}
    count = MeasureCount()
    with MeasurementStore(store_path, MEASUREMENT_VERSION) as store:
        for outcome in _outcomes(_pending(identities, store, settings, count), settings):
            file, tier = outcome.item
            num_bytes, modified_ns = identities[file] or (0, 0)
            store.put(
                without_password(file),
                num_bytes,
                modified_ns,
                tier,
                _measurement_of(outcome, settings),
            )
            count.measured += 1
            progress(count.done, len(identities))
        progress(count.done, len(identities))
        return _collect(identities, store, settings), count


def _outcomes(requests: Iterable[tuple[str, int]], settings: MeasureSettings) -> Iterator[Outcome]:
    """Measures here or on a cluster."""
    if settings.ray_address is None:
        workers = Workers(settings.num_workers, settings.timeout_seconds)
        return run_in_processes(measure_file, requests, workers)
    from data_analysis.measuring.ray_pool import run_on_ray

    return run_on_ray(
        measure_file,
        requests,
        address=settings.ray_address,
        num_cpus=settings.num_workers or None,
        timeout_seconds=settings.timeout_seconds,
    )


def tier_of(name: str, settings: MeasureSettings) -> Tier:
    """The tier of a file; which ones are decoded depends on name and seed alone."""
    # A file's name need not be valid Unicode.
    draw = random.Random(f'{settings.seed} {name}'.encode(errors='surrogatepass'))
    if settings.decode_share > draw.random():
        return Tier.DECODE
    return settings.tier


def _pending(
    identities: Mapping[str, Identity | None],
    store: MeasurementStore,
    settings: MeasureSettings,
    count: MeasureCount,
) -> Iterator[tuple[str, int]]:
    """Requests for what the store does not hold."""
    for name, identity in identities.items():
        if identity is None:
            count.missing += 1
            continue
        tier = int(tier_of(name, settings))
        stored = store.get(without_password(name), *identity, tier)
        if stored is None or _may_pass_now(stored, settings):
            yield name, tier
        else:
            count.remembered += 1


def _may_pass_now(stored: Mapping[str, Any], settings: MeasureSettings) -> bool:
    """Whether a failure is worth another try, for its kind or for the time that there is now."""
    given = stored.get('allowed_seconds', math.inf)
    return stored.get('may_pass', False) or given < settings.timeout_seconds


def _measurement_of(outcome: Outcome, settings: MeasureSettings) -> dict[str, Any]:
    if outcome.failure is None:
        return outcome.value
    status = 'unreadable' if outcome.failure == 'raised' else outcome.failure
    failed = asdict(FileMeasurement(status=status, error=outcome.reason))
    if outcome.failure == 'timed_out':
        failed['allowed_seconds'] = settings.timeout_seconds
    else:  # a connection that broke, a right that was missing, a worker killed for its memory
        failed['may_pass'] = True
    return failed


def _collect(
    identities: Mapping[str, Identity | None], store: MeasurementStore, settings: MeasureSettings
) -> pd.DataFrame:
    """One row a file. Built column by column: a list of dicts would take ten times the memory."""
    columns: dict[str, list[Any]] = {field.name: [] for field in fields(FileMeasurement)}
    missing = asdict(FileMeasurement(status='missing', error='no such file'))
    for name, identity in identities.items():
        row = missing
        if identity is not None:
            row = (
                store.get(without_password(name), *identity, int(tier_of(name, settings)))
                or missing
            )
            row['bytes'] = identity[0]
        for key, values in columns.items():
            values.append(row[key])
    with any_text():
        return pd.DataFrame({'file': list(identities), **columns})
