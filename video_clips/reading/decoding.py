"""Decode the frames that are asked for, exactly, and as little else as possible.

A run starts at the last keyframe before a wanted frame and ends with the packet of the last wanted
one. In it, packets that no other frame needs are left out. The frames that come out are recognised
by their time stamps; if one is missing, everything is decoded from the beginning.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import av
import numpy as np
from av.video.frame import VideoFrame

from video_clips.reading.frame_index import FrameIndex
from video_clips.reading.opening import VideoError, why
from video_clips.reading.packet_reader import PacketReader

# Emptying the decoder and seeking costs about as much as decoding a few packets.
_PACKETS_WORTH_A_JUMP = 4


@dataclass(frozen=True)
class Run:
    """Packets to read after one jump.

    Attributes:
        start: Position of the first, a keyframe.
        stop: Position after the last.
        wanted: Positions of those whose frames are wanted, both fields of a frame.
    """

    start: int
    stop: int
    wanted: tuple[int, ...]


def plan_runs(index: FrameIndex, frames: Sequence[int]) -> list[Run]:
    """Where to start and stop decoding so that all wanted frames come out.

    Args:
        index: The video's frames, with their packets.
        frames: Wanted frames, rising.

    Returns:
        Runs in file order that do not overlap.
    """
    assert index.positions is not None
    table = index.packets
    keyframes = np.flatnonzero(table.is_keyframe)
    runs: list[Run] = []
    for position in index.positions[list(frames)].tolist():
        # A keyframe that is shown after the wanted frame does not lead to it (open GOP).
        leads = (keyframes <= position) & (table.pts[keyframes] <= table.pts[position])
        start = int(keyframes[leads][-1]) if leads.any() else 0
        stop = position + 1
        stop += stop < len(table) and bool(table.is_second_field[stop])
        run = Run(start, stop, tuple(range(position, stop)))
        if runs and run.start - runs[-1].stop < _PACKETS_WORTH_A_JUMP:
            last = runs.pop()
            run = Run(last.start, max(last.stop, run.stop), last.wanted + run.wanted)
        runs.append(run)
    return runs


def decode_frames_of(
    reader: PacketReader, index: FrameIndex, frames: Sequence[int]
) -> Iterator[tuple[int, VideoFrame]]:
    """Decode some frames of a video.

    Args:
        reader: The open video.
        index: Its frames.
        frames: Which of them, rising, each once.

    Yields:
        The wanted frames and their numbers, each once, nearly in order. A frame that the decoder
        silently leaves out is given as the one before it, which is what a player shows.

    Raises:
        VideoError: The decoder fails before all wanted frames are out.
    """
    if index.positions is None:
        yield from _count_to(reader, index, frames)
        return
    stamps = index.packets.pts[index.positions[list(frames)]]
    missing = dict(zip(stamps.tolist(), frames, strict=True))
    try:
        for run in plan_runs(index, frames):
            for frame in decode_run(reader, index, run):
                if frame.pts in missing:
                    yield missing.pop(frame.pts), frame
    except av.FFmpegError:
        pass  # Decoding everything either mends it or says where it fails.
    if missing:
        yield from _decode_everything(reader, index, missing)


def decode_run(reader: PacketReader, index: FrameIndex, run: Run) -> Iterator[VideoFrame]:
    """Decode the packets of a run that its wanted frames need, and perhaps others."""
    table = index.packets
    is_sent = table.is_reference[run.start : run.stop].copy()
    is_sent[np.subtract(run.wanted, run.start)] = True
    if run.start:
        # Frames shown before the keyframe need others from before it; none of them is wanted.
        is_sent &= table.pts[run.start : run.stop] >= table.pts[run.start]
    for position, packet in reader.packets(table, run.start):
        if position >= run.start and is_sent[position - run.start]:
            yield from reader.decode(packet)
        if position + 1 >= run.stop:
            break
    yield from reader.decode(None)


def _decode_everything(
    reader: PacketReader, index: FrameIndex, missing: dict[int, int]
) -> Iterator[tuple[int, VideoFrame]]:
    """Decode from the beginning until all missing time stamps have a frame."""
    wanted = sorted(missing)
    shown: VideoFrame | None = None
    for frame in _all_frames(reader, index):
        while wanted and frame.pts is not None and wanted[0] <= frame.pts:
            stamp = wanted.pop(0)
            yield missing[stamp], frame if stamp == frame.pts or shown is None else shown
        if not wanted:
            return
        shown = frame
    if shown is None:
        raise VideoError(reader.path, 'no frame can be decoded')
    for stamp in wanted:
        yield missing[stamp], shown


def _count_to(
    reader: PacketReader, index: FrameIndex, frames: Sequence[int]
) -> Iterator[tuple[int, VideoFrame]]:
    wanted = set(frames)
    for number, frame in enumerate(_all_frames(reader, index)):
        if number in wanted:
            yield number, frame
            wanted.discard(number)
        if not wanted:
            return
    if wanted:
        raise VideoError(reader.path, f'frame {min(wanted)} of {len(index)} does not come out')


def _all_frames(reader: PacketReader, index: FrameIndex) -> Iterator[VideoFrame]:
    """Every frame from the beginning on, as a plain reader decodes them."""
    count = 0
    try:
        for _, packet in reader.packets(index.packets):
            for frame in reader.decode(packet):
                yield frame
                count += 1
        yield from reader.decode(None)
    except av.FFmpegError as error:
        raise VideoError(
            reader.path, f'decoding fails after {count} of {len(index)} frames: {why(error)}'
        ) from error
