"""A record: what was measured, on what, with which versions and settings, from which commit.

``NAME.json`` holds everything, ``NAME.md`` shows it as tables. Each processor has a folder of its
own, so that a figure of one never stands for another.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

import torch

from benchmarks.clips.analysis_runs import machine
from benchmarks.comparison import compare
from video_clips.whole_files import write_atomically

RECORDS = Path('benchmarks/records')
_ROOT = Path(__file__).resolve().parents[1]
_SOURCES = ('mmaction_timesformer', 'data_analysis', 'video_clips', 'demo_yard', 'benchmarks')
_MACHINE = ('processor', 'cores', 'load_average')
_FLAGS = ('avx2', 'avx512f', 'avx512_vnni', 'avx_vnni', 'avx512_bf16', 'amx_bf16', 'amx_int8')
"""Instructions that decide how fast products are."""


def circumstances(
    packages: Iterable[str] = (), sources: Sequence[str] = _SOURCES
) -> dict[str, Any]:
    """Hardware, versions and commit, as they are now.

    Args:
        packages: Distributions whose versions matter, beside torch and mmaction2.
        sources: Folders whose code is measured: whether it differs from the commit is told.
    """
    found = machine()
    hardware = {name: found[name] for name in _MACHINE}
    hardware['memory_gib'] = round(_memory_bytes() / 2**30)
    hardware['flags'] = ' '.join(processor_flags()) or 'none that matter'
    hardware['threads'] = torch.get_num_threads()
    if torch.cuda.is_available():
        hardware['gpu'] = torch.cuda.get_device_name()
    versions = {'python': found['python']}
    for name in dict.fromkeys(('torch', 'mmaction2', *packages)):
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            versions[name] = 'not installed'
    return {'hardware': hardware, 'versions': versions, 'commit': _commit(sources)}


@dataclass(frozen=True)
class Record:
    """A finished measurement."""

    name: str
    """The subcommand that makes it, or starting with it."""
    title: str
    """Of the page."""
    settings: dict[str, Any]
    """Options of the measurement."""
    results: Any
    """Plain data."""
    tables: Sequence[str]
    """The results in Markdown, a line each."""
    packages: Iterable[str] = ()
    """See :func:`circumstances`."""
    sources: Sequence[str] = _SOURCES
    """See :func:`circumstances`."""

    def write(self, folder: Path) -> None:
        """Write ``NAME.json`` and ``NAME.md`` into the folder of this processor's records."""
        around = circumstances(self.packages, self.sources)
        content = {
            'title': self.title, **around, 'settings': self.settings, 'results': self.results,
        }  # fmt: skip
        with write_atomically(folder / f'{self.name}.json') as stream:
            json.dump(content, stream, indent=1, ensure_ascii=False)
            stream.write('\n')
        earlier = RECORDS / processor_folder() / f'{self.name}.json'
        if folder.resolve() != earlier.parent.resolve():
            print('\n'.join(compare(content, earlier)))
        lines = [
            f'# {self.title}',
            '',
            f'Written by `python tools/benchmark.py {self.name.split("_")[0]}`; do not edit.',
            '',
            *(f'- {what.capitalize()}: {_sentence(around[what])}' for what in around),
            f'- Settings: {_sentence(self.settings)}',
            '',
            *self.tables,
        ]
        with write_atomically(folder / f'{self.name}.md') as stream:
            stream.write('\n'.join(lines).rstrip() + '\n')


def processor_folder() -> str:
    """Name of this processor's records, such as ``amd_epyc-avx2``; with a GPU, its name too."""
    flags = processor_flags()
    best = next(
        (flag for flag in ('amx_bf16', 'avx512_bf16', 'avx512f', 'avx2') if flag in flags), ''
    )
    names = [machine()['processor'], best]
    if torch.cuda.is_available():
        names.append(torch.cuda.get_device_name())
    return '-'.join(re.sub(r'[^a-z0-9]+', '_', name.lower()).strip('_') for name in names if name)


def processor_flags() -> list[str]:
    """Those of ``_FLAGS`` that this processor has; none where the system does not tell."""
    try:
        text = Path('/proc/cpuinfo').read_text(encoding='utf-8')
    except OSError:
        return []
    found = set(text.split())
    return [flag for flag in _FLAGS if flag in found]


def table(heads: Sequence[str], rows: Iterable[Sequence[object]]) -> list[str]:
    """Lines of a Markdown table, with an empty one behind it."""
    lines = [heads, ['---'] * len(heads), *rows]
    return [f'| {" | ".join(str(cell) for cell in line)} |' for line in lines] + ['']


def _sentence(value: Any) -> str:
    if not isinstance(value, dict):
        return str(value)
    return ', '.join(f'{key.replace("_", " ")} {entry}' for key, entry in value.items())


def _memory_bytes() -> int:
    return os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES')


def _commit(sources: Sequence[str]) -> str:
    """Short hash of the commit, and whether sources differ from it."""

    def git(*arguments: str) -> str:
        return subprocess.run(
            ['git', '-C', str(_ROOT), *arguments], capture_output=True, text=True, check=True
        ).stdout.strip()

    try:
        changed = git('status', '--porcelain', '--', *sources, ':(exclude)benchmarks/records')
        return git('rev-parse', '--short=12', 'HEAD') + (', with changes' if changed else '')
    except (FileNotFoundError, subprocess.CalledProcessError):
        return 'unknown: no git repository'
