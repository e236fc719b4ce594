"""How fast a set is measured, and how much memory a large one takes: figures for the record."""

from __future__ import annotations

import json
import os
import platform
import shutil
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from data_analysis.measuring.file_measurement import Tier
from data_analysis.measuring.measure_file import measure_file
from video_clips.clip import find_clips

_PACKAGES = ('av', 'numpy', 'pandas', 'scikit-learn')
_MOST_DECODED = 60


def measure_speed(folder: Path, repeats: int) -> list[dict[str, Any]]:
    """Clips a second of each tier, in one process, after a warm-up; medians over the repeats."""
    files = [str(folder / clip.path) for clip in find_clips(folder)[0]]
    rows = []
    for tier in Tier:
        chosen = files if tier < Tier.DECODE else files[:: max(1, len(files) // _MOST_DECODED)]
        for file in chosen[:10]:
            measure_file((file, int(tier)))
        wall, cpu = [], []
        for _ in range(repeats):
            started = time.perf_counter(), time.process_time()
            for file in chosen:
                measure_file((file, int(tier)))
            wall.append(len(chosen) / (time.perf_counter() - started[0]))
            cpu.append(len(chosen) / (time.process_time() - started[1]))
        rows.append(
            {
                'tier': tier.name.lower(),
                'clips': len(chosen),
                'clips_per_second': round(statistics.median(wall), 1),
                'clips_per_cpu_second': round(statistics.median(cpu), 1),
                'slowest': round(min(wall), 1),
                'fastest': round(max(wall), 1),
            }
        )
    return rows


def make_large_set(folder: Path, target: Path, num_clips: int) -> None:
    """Fills a folder with copies of a set's clips, as hard links to one copy of each."""
    clips, classes = find_clips(folder)
    originals = target.with_name(f'{target.name}_originals')
    originals.mkdir(parents=True)
    for index, clip in enumerate(clips):
        shutil.copyfile(folder / clip.path, originals / f'{index}{Path(clip.path).suffix}')
    for name in classes:
        (target / name).mkdir(parents=True)
    for index in range(num_clips):
        clip = clips[index % len(clips)]
        source = originals / f'{index % len(clips)}{Path(clip.path).suffix}'
        os.link(source, target / clip.path.split('/')[0] / f'{index:06d}{source.suffix}')


def run_interrupted(folder: Path, out: Path, workers: int, kill_after: float) -> dict[str, Any]:
    """Analyses a set, kills the run, runs it again to the end.

    Returns:
        Seconds, files remembered and measured in the second run, and the peak memory of all its
        processes in MiB, sampled at a tenth and at the end of the measuring.
    """
    command = [sys.executable, '-m', 'data_analysis', str(folder), '--out', str(out)]
    command += ['--workers', str(workers), '--no-strips']
    first = subprocess.Popen(command, stdout=subprocess.DEVNULL, start_new_session=True)
    time.sleep(kill_after)
    os.killpg(first.pid, signal.SIGKILL)
    first.wait()
    started = time.perf_counter()
    second = subprocess.Popen(command, stdout=subprocess.DEVNULL, start_new_session=True)
    samples: list[float] = []
    while second.poll() is None:
        samples.append(memory_of_tree(second.pid))
        time.sleep(0.5)
    if second.returncode:
        raise RuntimeError(f'{" ".join(command)} ended with {second.returncode}')
    measured = json.loads((out / 'summary.json').read_text(encoding='utf-8'))['measured']
    measuring = samples[: max(1, round(measured['seconds'] / 0.5))]
    return {
        'killed_after_seconds': kill_after,
        'files_remembered': measured['files_remembered'],
        'files_measured': measured['files_measured'],
        'measuring_seconds': measured['seconds'],
        'whole_run_seconds': round(time.perf_counter() - started, 1),
        'mib_early_in_measuring': round(measuring[len(measuring) // 10]),
        'mib_late_in_measuring': round(measuring[-1 - len(measuring) // 10]),
        'mib_peak': round(max(samples)),
    }


def memory_of_tree(pid: int) -> float:
    """Resident memory of a process and its children in MiB; Linux only."""
    total = 0.0
    for process in (pid, *_children(pid)):
        try:
            status = Path(f'/proc/{process}/status').read_text(encoding='utf-8')
        except (FileNotFoundError, ProcessLookupError):
            continue
        for line in status.splitlines():
            if line.startswith('VmRSS:'):
                total += int(line.split()[1]) / 1024
    return total


def _children(pid: int) -> Sequence[int]:
    try:
        text = Path(f'/proc/{pid}/task/{pid}/children').read_text(encoding='utf-8')
    except (FileNotFoundError, ProcessLookupError):
        return []
    return [int(word) for word in text.split()]


def machine() -> dict[str, Any]:
    """Machine and versions of the measurement."""
    model = next(
        (
            line.split(':', 1)[1].strip()
            for line in Path('/proc/cpuinfo').read_text(encoding='utf-8').splitlines()
            if line.startswith('model name')
        ),
        platform.processor(),
    )
    return {
        'processor': model,
        'cores': os.cpu_count(),
        'load_average': round(os.getloadavg()[0], 2),
        'python': platform.python_version(),
        **{name: version(name) for name in _PACKAGES},
    }
