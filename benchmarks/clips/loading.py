"""Loading clips of 8 frames: this project's reader beside mmaction2's Decord pipeline.

Both decode the same frames with one thread, then with two, and end with the same size. Beside them
stands the decoder alone, fed with the packets that must be decoded: no reader of this kind can be
faster. Then memory on a long file, clip after clip, and the speed-up of the copies that
``tools/cache_dataset.py`` makes. Without video files some are rendered.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any

import cv2
import numpy as np
from mmcv.transforms import Compose

import mmaction_timesformer.datasets.transforms  # noqa: F401
from benchmarks.clips.clip_files import render_camera_video
from benchmarks.clips.worker_memory import memory_of_loading
from benchmarks.interleave import Timings, time_in_turn
from benchmarks.record import Record, table
from data_analysis.copies import CopySettings, cache_videos, name_of_copy
from mmaction_timesformer.registry import TRANSFORMS
from video_clips.clip import find_clips
from video_clips.reading.decoding import decode_frames_of
from video_clips.reading.frame_index import index_frames
from video_clips.reading.packet_reader import PacketReader

CLIP_LEN, SHORT_SIDE = 8, 256
OURS, NO_FILTER, OURS_2, DECORD, DECORD_2, DECODER = (
    'this project',
    'this project, loop filter skipped',
    'this project, two threads',
    'mmaction2, Decord',
    'mmaction2, Decord, two threads',
    'the decoder alone',
)
Loader = Callable[[str], np.ndarray]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of this part."""
    parser.add_argument('--small', type=Path, metavar='FOLDER', help='a subfolder per class')
    parser.add_argument('--large', type=Path, nargs='*', default=(), metavar='FILE', help='1080p')
    parser.add_argument('--clips', type=int, default=40, metavar='N', help='(%(default)s)')
    parser.add_argument('--rounds', type=int, default=7, metavar='N', help='(%(default)s)')
    parser.add_argument(
        '--long-minutes', type=float, default=60.0, metavar='N', help='0: none (%(default)s)'
    )


def run(options: argparse.Namespace) -> None:
    """Measure, and write the record."""
    cv2.setNumThreads(0)  # as mmengine sets it in training
    with TemporaryDirectory() as name:
        folder = Path(name)
        sets = dict(_sets(options, folder))
        results: dict[str, Any] = {
            'loading': [_measure(*entry, options.rounds) for entry in sets.items()],
            'copies': [_measure_copies(*entry, folder, options.rounds) for entry in sets.items()],
        }
        if options.long_minutes:
            results['memory'] = memory_of_loading(folder, options.long_minutes)
    Record(
        'data',
        'Loading clips of 8 frames',
        {'clips': options.clips, 'rounds': options.rounds, 'short side': SHORT_SIDE},
        results,
        _tables(results),
        packages=('av', 'decord', 'mmcv-lite', 'numpy', 'opencv-python'),
    ).write(options.out)


def _sets(options: argparse.Namespace, folder: Path) -> Iterable[tuple[str, list[str]]]:
    """Files by the name that they have in the record."""
    if options.small:
        names = [str(options.small / clip.path) for clip in find_clips(options.small)[0]]
        chosen = Random(0).sample(names, min(options.clips, len(names)))
        yield f'{options.small.resolve().name}, {_describe(chosen[0])}', chosen
    else:
        file = str(render_camera_video(folder / 'small.mp4', (320, 240)))
        yield f'rendered, {_describe(file)}', [file]
    for path in map(str, options.large):
        yield f'{Path(path).name}, {_describe(path)}', [path]
    for b_frames in (2, 0):
        target = folder / f'large_{b_frames}.mp4'
        file = str(render_camera_video(target, (1920, 1080), b_frames=b_frames))
        yield f'rendered, {_describe(file)}', [file]


def _describe(file: str) -> str:
    reader = PacketReader(file)
    packets = reader.scan()
    size = f'{reader.stream.codec_context.width}x{reader.stream.codec_context.height}'
    reader.close()
    return f'{size}, {packets.is_reference.mean():.0%} of its frames are needed by others'


def _loader(reading: list[dict[str, Any]], decoding: list[dict[str, Any]], interval: int) -> Loader:
    sampling = {'clip_len': CLIP_LEN, 'frame_interval': interval, 'test_mode': True}
    steps = [*reading, {'type': 'SampleFrames', **sampling}, *decoding]
    pipeline = Compose([TRANSFORMS.build(step) for step in steps])

    def load(file: str) -> np.ndarray:
        return np.stack(pipeline({'filename': file, 'start_index': 0, 'modality': 'RGB'})['imgs'])

    return load


def _loaders(interval: int) -> dict[str, Loader]:
    """Every way to load a clip, by name; Decord's only where it is installed."""
    ours = [{'type': 'DecodeFrames', 'short_side': SHORT_SIDE}]
    loaders = {
        OURS: _loader([{'type': 'OpenVideo'}], ours, interval),
        NO_FILTER: _loader([{'type': 'OpenVideo', 'skip_loop_filter': True}], ours, interval),
        OURS_2: _loader([{'type': 'OpenVideo', 'num_threads': 2}], ours, interval),
    }
    try:
        import decord  # noqa: F401
    except ImportError:
        print(f'Decord is not installed, so {DECORD!r} is left out: pip install decord')
    else:
        theirs: list[dict[str, Any]] = [
            {'type': 'DecordDecode'},
            {'type': 'Resize', 'scale': (-1, SHORT_SIDE)},
        ]
        for way, threads in ((DECORD, 1), (DECORD_2, 2)):
            loaders[way] = _loader(
                [{'type': 'DecordInit', 'num_threads': threads}], theirs, interval
            )
    return loaders


def _interval(file: str) -> int:
    """32, or as many frames as let the clip fit into a short file."""
    reader = PacketReader(file)
    num_frames = len(index_frames(reader))
    reader.close()
    return min(32, max(1, num_frames // CLIP_LEN))


def _measure(name: str, files: list[str], num_rounds: int) -> dict[str, Any]:
    interval = min(map(_interval, files[:1]))
    loaders = _loaders(interval)
    ways: dict[str, Callable[[], object]] = {
        way: partial(_load_all, loader, files) for way, loader in loaders.items()
    }
    ways[DECODER] = partial(_decode_all, files, interval)
    timings = time_in_turn(ways, num_rounds)
    exact = [loaders[OURS](file).astype(int) for file in files]
    return {
        'set': name,
        'clips': len(files),
        'interval': interval,
        **_rates(timings, len(files)),
        'pixel_difference': {
            way: _difference(exact, [loader(file) for file in files])
            for way, loader in loaders.items()
            if way != OURS
        },
    }


def _load_all(loader: Loader, files: Iterable[str]) -> None:
    for file in files:
        loader(file)


def _decode_all(files: Iterable[str], interval: int) -> None:
    """Decode what the clip in the middle needs, and look at no picture."""
    for file in files:
        reader = PacketReader(file)
        index = index_frames(reader)
        room = max(len(index) - CLIP_LEN * interval, 0)
        frames = room // 2 + np.arange(CLIP_LEN) * interval
        for _ in decode_frames_of(reader, index, sorted({*(frames % len(index)).tolist()})):
            pass
        reader.close()


def _rates(timings: Timings, num_clips: int) -> dict[str, Any]:
    """Clips a second of each way, and how many times Decord's that is."""
    rates = {way: round(num_clips / timings.spread(way).median, 2) for way in timings.seconds}
    found: dict[str, Any] = {'clips_per_second': rates}
    if DECORD in timings.seconds:
        found['times_decord'] = {
            way: timings.ratio(DECORD, way).as_dict(3) for way in timings.seconds
        }
    return found


def _difference(exact: list[np.ndarray], others: list[np.ndarray]) -> dict[str, float]:
    gaps = [np.abs(a - b) for a, b in zip(exact, others, strict=True) if a.shape == b.shape]
    return {
        'most': int(max(gap.max() for gap in gaps)),
        'mean': round(float(np.mean([gap.mean() for gap in gaps])), 4),
        'clips_that_differ': sum(bool(gap.any()) for gap in gaps),
    }


def _measure_copies(name: str, files: list[str], folder: Path, num_rounds: int) -> dict[str, Any]:
    """Loading from the copies of the same files."""
    interval, out = _interval(files[0]), folder / 'copies'
    count = cache_videos(files, '.', out, CopySettings(SHORT_SIDE))
    if count.failures:
        raise RuntimeError(f'copies could not be made: {count.failures}')
    copies = [str(out / name_of_copy(file)) for file in files]
    loader = _loaders(interval)[OURS]
    timings = time_in_turn(
        {'original': partial(_load_all, loader, files), 'copy': partial(_load_all, loader, copies)},
        num_rounds,
    )
    sizes = [sum(Path(file).stat().st_size for file in group) for group in (copies, files)]
    return {
        'set': name,
        'clips_per_second': round(len(files) / timings.spread('copy').median, 2),
        'times_original': timings.ratio('original', 'copy').as_dict(3),
        'times_bytes': round(sizes[0] / sizes[1], 2),
    }


def _tables(results: Mapping[str, Any]) -> list[str]:
    return [*_loading_tables(results['loading']), *_other_tables(results)]


def _loading_tables(rows: list[Mapping[str, Any]]) -> list[str]:
    lines = ['One process, one thread where no other number is said. In brackets the quartiles of']
    lines += ['the rounds.', '']
    for row in rows:
        ratios = row.get('times_decord', {})
        lines += [
            f'## {row["set"]}; {row["clips"]} clips, interval {row["interval"]}',
            '',
            *table(
                ('way', 'clips/s', "times Decord's", 'largest and mean difference of a pixel'),
                [
                    (way, rate, _ratio(ratios.get(way)), _gap(row['pixel_difference'].get(way)))
                    for way, rate in row['clips_per_second'].items()
                ],
            ),
        ]
    return lines


def _other_tables(results: Mapping[str, Any]) -> list[str]:
    lines = [
        f'## From copies by `tools/cache_dataset.py`: {SHORT_SIDE} pixels, a keyframe in 8 frames',
        '',
        *table(
            ('copies of', 'clips/s', "times the original's", 'times its bytes'),
            [
                (
                    row['set'],
                    row['clips_per_second'],
                    _ratio(row['times_original']),
                    row['times_bytes'],
                )
                for row in results['copies']
            ],
        ),
    ]
    if memory := results.get('memory'):
        heads = list(memory[0])
        lines += [
            '## Memory of a worker, loading clips from all over a file (320x240, 25 fps)',
            '',
            *table(
                [head.replace('_', ' ').replace('mib', 'MiB') for head in heads],
                [list(row.values()) for row in memory],
            ),
        ]
    return lines


def _ratio(spread: Mapping[str, float] | None) -> str:
    if spread is None:
        return ''
    return f'{spread["median"]:.2f} ({spread["lower"]:.2f} to {spread["upper"]:.2f})'


def _gap(difference: Mapping[str, float] | None) -> str:
    return '' if difference is None else f'{difference["most"]}, {difference["mean"]}'
