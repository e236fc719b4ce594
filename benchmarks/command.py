"""The parts of ``tools/benchmark.py``, each a module that is imported only when it is asked for.

A part's module has ``add_arguments(parser)`` and ``run(options)``; ``options.out`` is the folder
for its record.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import NamedTuple


class Part(NamedTuple):
    """One subcommand.

    Attributes:
        module: Where its ``add_arguments`` and ``run`` are.
        help: What it measures.
        extra: The extra of this project that brings what it imports, if there is one.
    """

    module: str
    help: str
    extra: str | None = None


PARTS = {
    'model': Part('benchmarks.models.speed', "the model beside its peers' and its floor", 'test'),
    'profile': Part(
        'benchmarks.models.profile_model', 'where the time of the model goes, and what is copied'
    ),
    'attention': Part(
        'benchmarks.models.attention_backends', 'ways to compute attention, by size of a group'
    ),
    'memory': Part(
        'benchmarks.models.memory', 'FLOPs, time and memory of the schemes against clip size'
    ),
    'rates': Part('benchmarks.models.rates', 'one model for several rates, beside one for each'),
    'rates-cameras': Part(
        'benchmarks.models.rates_cameras', 'averaged windows beside the best, on cameras left out'
    ),
    'demo': Part('benchmarks.demo', 'the demo: seconds and figures'),
    'data': Part('benchmarks.clips.loading', "loading clips, beside mmaction2's way"),
    'detect': Part(
        'benchmarks.detection.detect', 'detection in a long video, beside the demo of mmaction2'
    ),
    'streams': Part(
        'benchmarks.detection.streams', 'online models: frames, events, what they foresee'
    ),
    'increments': Part('benchmarks.learning.increments', 'corrections of a closed-form head'),
    'review': Part('benchmarks.learning.review', 'false alarms after one hour of review', 'web'),
    'active-choice': Part(
        'benchmarks.learning.active_choice', 'the order of the review queue against F1', 'web'
    ),
    'analysis': Part('benchmarks.clips.analysis', 'the analysis of a dataset'),
    'export': Part(
        'benchmarks.models.export', 'exported models beside the one in PyTorch', 'export'
    ),
}


def run_part(arguments: Sequence[str] | None = None) -> None:
    """Run the part that the command line names.

    Args:
        arguments: The command line without the program's name; ``None`` is the process's own.
    """
    parser = argparse.ArgumentParser(
        description='Measure for the record.',
        epilog='\n'.join(f'  {name:14}{part.help}' for name, part in PARTS.items()),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument('part', choices=PARTS, help='what to measure; PART --help has more')
    parser.add_argument('rest', nargs=argparse.REMAINDER, metavar='...', help='its own arguments')
    chosen = parser.parse_args(arguments)
    # It imports torch, which --help can do without.
    from benchmarks.record import RECORDS, processor_folder

    part = PARTS[chosen.part]
    try:
        module = import_module(part.module)
    except ModuleNotFoundError as error:
        parser.error(_what_is_missing(chosen.part, part, error))
    own = argparse.ArgumentParser(prog=f'{parser.prog} {chosen.part}', description=module.__doc__)
    own.add_argument(
        '--out',
        type=Path,
        default=RECORDS,
        metavar='FOLDER',
        help='for the record, in a folder of the processor (%(default)s)',
    )
    module.add_arguments(own)
    options = own.parse_args(chosen.rest)
    options.out = options.out / processor_folder()
    options.out.mkdir(parents=True, exist_ok=True)
    module.run(options)


def _what_is_missing(name: str, part: Part, error: ModuleNotFoundError) -> str:
    if error.name == part.module:
        return f'{name} has not been built yet: there is no {part.module}'
    wanted = f'mmaction_timesformer[{part.extra}]' if part.extra else error.name
    return f"{name} needs {error.name}, which is not installed: pip install '{wanted}'"
