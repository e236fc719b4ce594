"""Command line of the analysis: `python -m data_analysis`."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from data_analysis.measuring.file_measurement import Tier
from video_clips.commands import (
    FAILED,
    command_parser,
    in_a_line,
    num_cores,
    printable,
    progress_bar,
    set_up_process,
)
from video_clips.labels import read_class_names

if TYPE_CHECKING:
    from data_analysis.analysis import AnalysisSettings
    from data_analysis.inputs.datasets import DatasetInput, SplitFile

_DESCRIPTION = """\
Measure, check and report a video dataset: a folder per class, annotation files as splits, or an
mmaction2 config. Writes clips.csv, problems.csv, summary.json, figures and report.html to --out.
Exit status: 0 without a problem named by --fail-on; 1 with one, or if no split could be judged for
a leakage alarm named there; 2 if the input cannot be read."""
_RULES = ('loop', 'repeat_last', 'shrink_interval', 'uniform', 'error')


def build_parser() -> argparse.ArgumentParser:
    """Build the parser; what is not given is taken from the config where there is one."""
    parser = command_parser(_DESCRIPTION, prog='data_analysis')
    source = parser.add_argument_group('what to analyse (one of the first three)')
    source.add_argument('folder', nargs='?', help='folder with a subfolder of videos per class')
    source.add_argument(
        '--split', action='append', metavar='NAME=FILE', help='annotation file, text or CSV; repeat'
    )
    source.add_argument('--config', type=Path, metavar='FILE', help='mmaction2 config')
    source.add_argument(
        '--data-root',
        metavar='PATH',
        help='what paths in annotation files are relative to, or a URL',
    )
    source.add_argument(
        '--classes',
        metavar='NAMES',
        help='class names in index order, by commas, or a file of them',
    )
    source.add_argument(
        '--group-regex', metavar='REGEX', help='tells the recording from the path, e.g. "rec\\d+"'
    )
    source.add_argument(
        '--group-column', default='recording', metavar='NAME', help='CSV column of recordings'
    )
    sampler = parser.add_argument_group('the sampler of the training')
    sampler.add_argument('--clip-len', type=int, metavar='N')
    sampler.add_argument('--frame-interval', type=int, metavar='N')
    sampler.add_argument('--short-clip', choices=_RULES, help='what it does with short clips')
    sampler.add_argument('--decoder', choices=('pyav', 'decord', 'opencv'))
    depth = parser.add_argument_group('how to measure')
    depth.add_argument(
        '--tier',
        choices=[tier.name.lower() for tier in Tier],
        default='packets',
        help='believe headers, scan packets, or decode everything',
    )
    depth.add_argument(
        '--decode',
        type=float,
        nargs='?',
        const=1.0,
        default=0.0,
        metavar='SHARE',
        help='decode all files, or this share of them',
    )
    depth.add_argument('--workers', type=int, default=num_cores(), metavar='N')
    depth.add_argument('--timeout', type=float, default=60.0, metavar='SECONDS', help='for a file')
    depth.add_argument(
        '--ray',
        nargs='?',
        const='local',
        metavar='ADDRESS',
        help='measure on a Ray cluster: auto or HOST:PORT; without an address on one of its own',
    )
    depth.add_argument('--seed', type=int, default=0)
    output = parser.add_argument_group('what to write')
    output.add_argument('--out', type=Path, default=Path('dataset_report'), metavar='FOLDER')
    output.add_argument('--no-strips', action='store_true', help='no frames in the report')
    output.add_argument('--compare', type=Path, metavar='OLD/summary.json')
    output.add_argument(
        '--fail-on', default='', metavar='CODE,...', help='codes or severities that give status 1'
    )
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit status."""
    parser = build_parser()
    options = parser.parse_args(arguments)
    set_up_process()
    from rich.console import Console
    from rich.markup import escape

    from data_analysis.analysis import analyze
    from data_analysis.checks.problems import parse_fail_on
    from data_analysis.report.terminal import print_summary

    console = Console()
    try:
        failing = parse_fail_on(options.fail_on)
        dataset = read_dataset(options)
        settings = _settings(options, dataset)
        for note in dataset.notes:
            console.print(f'[yellow]note:[/] {escape(printable(note))}', highlight=False)
        with progress_bar(console, 'Measuring', dataset.clips['file'].nunique()) as progress:
            result = analyze(dataset, settings, progress)
    except (ValueError, OSError, ImportError) as error:
        parser.exit(2, f'{parser.prog}: error: {in_a_line(error)}\n')
    print_summary(console, result.summary, result.changes, options.out)
    found = sorted(failing & set(result.problems['code']))
    if found:
        console.print(f'[bold red]--fail-on:[/] {", ".join(found)}')
    is_unjudged = _names_alarm(options.fail_on) and not result.summary['leakage']
    if is_unjudged:
        console.print(f'[bold red]--fail-on:[/] {escape(_why_unjudged(result.summary))}')
    return FAILED if found or is_unjudged else 0


def _names_alarm(fail_on: str) -> bool:
    """Whether the leakage alarm itself is named; a severity asks for what could be judged."""
    return 'leakage_alarm' in map(str.strip, fail_on.split(','))


def _why_unjudged(summary: Mapping[str, Any]) -> str:
    reasons = [f'{row["split"]}: {row["reason"]}' for row in summary['unjudged_splits']]
    return f'leakage_alarm judged no split ({"; ".join(reasons) or "there is only one"})'


def read_dataset(options: argparse.Namespace) -> DatasetInput:
    """Read whichever kind of input was named.

    Raises:
        ValueError: None was, or several.
    """
    from data_analysis.inputs.datasets import input_from_annotations, input_from_folder
    from data_analysis.inputs.mmaction_config import input_from_config

    given = [options.folder is not None, bool(options.split), options.config is not None]
    if sum(given) != 1:
        raise ValueError(
            'name one input: a folder, --split NAME=FILE (repeatedly), or --config FILE'
        )
    classes = read_class_names(options.classes)
    if options.folder is not None:
        return input_from_folder(options.folder, classes, options.group_regex)
    if options.config is not None:
        return input_from_config(
            options.config, classes, options.group_regex, options.group_column, options.data_root
        )
    splits = [_parse_split(text, options.data_root or '') for text in options.split]
    return input_from_annotations(splits, classes, options.group_regex, options.group_column)


def _parse_split(text: str, root: str) -> SplitFile:
    from data_analysis.inputs.datasets import SplitFile

    name, equals, file = text.partition('=')
    if not (name and equals and file):
        raise ValueError(f'--split {text!r}: write NAME=FILE, for instance train=lists/train.csv')
    return SplitFile(name, Path(file), root)


def _settings(options: argparse.Namespace, dataset: DatasetInput) -> AnalysisSettings:
    from data_analysis.analysis import AnalysisSettings
    from data_analysis.checks.settings import CheckSettings
    from data_analysis.inputs.mmaction_config import SAMPLERS
    from data_analysis.inputs.sampler import SamplerSettings
    from data_analysis.measuring.measure import MeasureSettings

    # The project's own configs shrink the interval for short clips.
    told = dataset.sampler or SamplerSettings(short_clip='shrink_interval')
    is_unknown = options.config is not None and dataset.sampler is None
    if is_unknown and not (options.clip_len and options.frame_interval):
        steps = ', '.join(dataset.pipeline) or 'none'
        raise ValueError(
            f'{options.config}: no step of its pipeline ({steps}) is a sampler that is known here '
            f'({", ".join(SAMPLERS)}); say what it does with --clip-len and --frame-interval'
        )
    sampler = SamplerSettings(
        clip_len=options.clip_len or told.clip_len,
        frame_interval=options.frame_interval or told.frame_interval,
        num_clips=told.num_clips,
        short_clip=options.short_clip or told.short_clip,
        target_fps=told.target_fps,
        span_seconds=None if options.frame_interval else told.span_seconds,
    )
    return AnalysisSettings(
        out=options.out,
        measure=MeasureSettings(
            tier=Tier[options.tier.upper()],
            decode_share=options.decode,
            num_workers=options.workers,
            timeout_seconds=options.timeout,
            seed=options.seed,
            ray_address=options.ray,
        ),
        check=CheckSettings(
            classes=dataset.classes,
            sampler=sampler,
            decoder=options.decoder or dataset.decoder or 'pyav',
            seed=options.seed,
        ),
        compare=options.compare,
        with_strips=not options.no_strips,
    )
