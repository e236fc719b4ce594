"""What `tools/cache_dataset.py` does with its arguments."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from rich.console import Console

from data_analysis.cli import in_a_line, measuring_bar, read_classes
from data_analysis.copies import CopySettings, cache_videos, name_of_copy, rewrite_paths
from video_clips.annotation_files import class_names_in, read_annotations

_MOST_FAILURES_SHOWN = 10


def run_caching(options: argparse.Namespace) -> int:
    """Makes the copies and the lists that name them, and returns the exit status."""
    console = Console()
    try:
        settings = CopySettings(options.short_side, options.keyframe_interval, options.crf)
        paths = _annotated_paths(options)
        options.out.mkdir(parents=True, exist_ok=True)
    except (ValueError, OSError) as error:
        print(f'error: {in_a_line(error)}', file=sys.stderr)
        return 2
    videos = options.out / 'videos'
    with measuring_bar(console, len(paths), 'Copying') as progress:
        count = cache_videos(
            paths,
            options.data_root,
            videos,
            settings,
            num_workers=options.workers,
            timeout_seconds=options.timeout,
            progress=progress,
        )
    root = Path(options.data_root).resolve()
    for file in options.annotations:
        rewrite_paths(
            file,
            options.out / file.name,
            # What cannot be copied is read where it is, so that no set changes silently.
            lambda path: str(root / path) if path in count.failures else name_of_copy(path),
        )
    console.print(f'{count.made} videos copied, {count.kept} were there already.')
    for path, reason in list(count.failures.items())[:_MOST_FAILURES_SHOWN]:
        console.print(f'[yellow]no copy[/] of {path}: {reason}', soft_wrap=True, highlight=False)
    if len(count.failures) > _MOST_FAILURES_SHOWN:
        console.print(f'and of {len(count.failures) - _MOST_FAILURES_SHOWN} more')
    console.print(
        f'To read them: data_root={options.out}, data_prefix=dict(video="videos"), lists '
        f'{", ".join(file.name for file in options.annotations)}.',
        soft_wrap=True,
        highlight=False,
    )
    return 0


def _annotated_paths(options: argparse.Namespace) -> set[str]:
    """Paths of all lists.

    Raises:
        ValueError: A list is wrong, or two have the same name.
    """
    names = [file.name for file in options.annotations]
    if len(set(names)) < len(names):
        raise ValueError(f'the new lists have the names of the old ones, and these repeat: {names}')
    if any(file.resolve().parent == options.out.resolve() for file in options.annotations):
        raise ValueError(f'--out {options.out} holds the lists themselves; name another folder')
    for file in options.annotations:
        if not file.is_file():
            raise FileNotFoundError(f'{file}: no such annotation file')
    tables = [file for file in options.annotations if file.suffix.lower() == '.csv']
    classes = read_classes(options.classes) or class_names_in(tables) or None
    return {
        clip.path
        for file in options.annotations
        for clip in read_annotations(file, classes, multi_label=options.multi_label)
    }
