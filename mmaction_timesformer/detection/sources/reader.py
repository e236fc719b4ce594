"""Frames of a source with their times, in the order in which they are shown, in flat memory.

Nothing is known in advance and nothing is kept: a file of any length and a live stream are read
alike. What cannot be decoded is skipped and counted.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timezone
from functools import partial

import av
from av.container import InputContainer
from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from mmaction_timesformer.detection.sources.sources import Source
from mmaction_timesformer.detection.windows import TimedFrame
from video_clips.reading.opening import VideoError, best_stream, open_container, why
from video_clips.reading.pictures import PictureMaker

# Time stamps that step back further than this begin a new time line: the recorder was restarted.
_RESTART_SECONDS = 1.0
# Closer to the start than this, decoding again costs less than seeking.
_WORTH_SEEKING_SECONDS = 60.0
# A decoder that marks this many frames as damaged will not get better.
_MAX_DAMAGED_FRAMES = 250


@dataclass(frozen=True)
class Break:
    """The time line breaks off; the next frame stands at `seconds`.

    Attributes:
        seconds: Where the time line goes on.
        reason: Why.
    """

    seconds: float
    reason: str


class SourceReader:
    """An open source.

    Args:
        source: What to open.
        timeout_seconds: Longest wait for the network, when opening and for each read.
        max_step_seconds: From frame to frame; where time stamps step further, the time line breaks.
        num_threads: Threads of the decoder; 0 lets it choose.

    Attributes:
        epoch: Wall-clock time of the first frame, where the source has it.
        num_errors: Packets that could not be decoded.
        ending: Why reading ended before the source did, or an empty text.

    Raises:
        VideoError: It cannot be opened, or has no video.
    """

    def __init__(
        self,
        source: Source,
        timeout_seconds: float,
        max_step_seconds: float = math.inf,
        num_threads: int = 0,
    ) -> None:
        self.source = source
        self.num_errors = 0
        self.ending = ''
        self._timeout_seconds = timeout_seconds
        self._max_step_seconds = max_step_seconds
        self._num_threads = num_threads
        self._open()
        self.epoch = _recording_time(self._container)

    def _open(self) -> None:
        self._container = _open(self.source, self._timeout_seconds)
        try:
            self._stream = best_stream(self._container)
        except VideoError as error:
            self._container.close()
            raise VideoError(self.source.name, error.reason) from None
        decoder = self._stream.codec_context
        decoder.thread_count = self._num_threads
        # Frame threads hold frames back, which a live source must not wait for.
        decoder.thread_type = 'SLICE' if self.source.is_live else 'AUTO'

    @property
    def has_end(self) -> bool:
        """Whether it is a file, or one on a web server, which tells its length."""
        url = self.source.url
        if not self.source.is_live or url.startswith('file:'):
            return True
        return url.startswith(('http://', 'https://')) and self._container.duration is not None

    @property
    def frame_seconds(self) -> float:
        """How long a frame is shown, mostly."""
        # An average would spread a jump of the time stamps over all frames.
        rate = self._stream.guessed_rate or self._stream.average_rate or 25
        return float(1 / rate)

    def __enter__(self) -> SourceReader:
        return self

    def __exit__(self, *error: object) -> None:
        self._container.close()

    def frames(self, from_seconds: float = 0.0) -> Iterator[TimedFrame | Break]:
        """Decode the source.

        Args:
            from_seconds: Earlier frames are not wanted; some may still come.

        Yields:
            Frames with rising times, 0 at the first of the source, and where the time line breaks.

        Raises:
            VideoError: Not one frame could be decoded.
        """
        decoder = self._stream.codec_context
        width, height = decoder.width, decoder.height
        make_picture: PictureMaker | None = None
        clock = _Clock(self._stream, self._container, self.frame_seconds, self._max_step_seconds)
        for frame in self._decode(from_seconds, clock):
            if make_picture is None:
                make_picture = PictureMaker(width or frame.width, height or frame.height)
            for seconds in clock.read(frame):
                if isinstance(seconds, Break):
                    yield seconds
                else:
                    yield TimedFrame(seconds, partial(make_picture, frame), time.monotonic())
        if make_picture is None:
            reason = self.ending or f'no frame can be decoded ({self.num_errors} packets failed)'
            raise VideoError(self.source.name, reason)

    def _decode(self, from_seconds: float, clock: _Clock) -> Iterator[VideoFrame]:
        """Every frame; after the first, where it pays, only those from a keyframe on."""
        for frame in self._decode_on():
            yield frame
            if from_seconds > _WORTH_SEEKING_SECONDS and clock.can_seek:
                break
        else:
            return
        if not self._seek(clock, from_seconds):
            self._container.close()
            self._open()
        clock.forget_last()
        yield from self._decode_on()

    def _seek(self, clock: _Clock, seconds: float) -> bool:
        """Whether a frame could be reached from which the wanted ones follow."""
        wanted = clock.stamp(seconds)
        try:
            self._container.seek(wanted, stream=self._stream, backward=True)
            landed = next(self._decode_on(), None)
            if landed is None or landed.pts is None or landed.pts > wanted:
                return False
            # Once more: the frame that was looked at is the first that is wanted.
            self._container.seek(wanted, stream=self._stream, backward=True)
        except av.FFmpegError:
            return False
        return True

    def _decode_on(self) -> Iterator[VideoFrame]:
        """Decode from where the container stands to its end, past what cannot be decoded."""
        # The first frames of a stream that was joined between keyframes are half grey.
        may_skip = _MAX_DAMAGED_FRAMES
        for packet in self._packets():
            for frame in self._decode_packet(packet):
                if frame.is_corrupt and may_skip:
                    may_skip -= 1
                    continue
                may_skip = 0
                yield frame

    def _packets(self) -> Iterator[Packet]:
        try:
            yield from self._container.demux(self._stream)
        except (av.FFmpegError, EOFError) as error:
            self.ending = f'reading breaks off: {why(error)}'

    def _decode_packet(self, packet: Packet) -> list[VideoFrame]:
        try:
            return self._stream.codec_context.decode(packet)
        except (av.FFmpegError, EOFError):
            self.num_errors += 1
            return []


class _Clock:
    """Reads the time of each frame and mends what time stamps get wrong."""

    def __init__(
        self,
        stream: VideoStream,
        container: InputContainer,
        frame_seconds: float,
        max_step_seconds: float,
    ) -> None:
        self._time_base = float(stream.time_base or 0.001)
        self._frame_seconds = frame_seconds
        self._max_step_seconds = max_step_seconds
        # AVI stores no times; FFmpeg's guess is wrong where frames are reordered.
        self._counts = container.format.name == 'avi' and bool(stream.codec_context.has_b_frames)
        self._origin: float | None = None
        self._last: float | None = None

    @property
    def can_seek(self) -> bool:
        """Whether frames can be recognised by their time stamps."""
        return not self._counts and self._origin is not None

    def stamp(self, seconds: float) -> int:
        """The time stamp that stands for a time."""
        return round((seconds + (self._origin or 0.0)) / self._time_base)

    def forget_last(self) -> None:
        """The next frame does not follow the last one: the source was searched or opened again."""
        self._last = None

    def read(self, frame: VideoFrame) -> Iterator[float | Break]:
        """The time of a frame, from 0 at the first, after a break if there is one.

        A frame that is out of order by a little is left out.
        """
        if self._last is None and self._origin is None:
            self._origin = 0.0 if frame.pts is None else frame.pts * self._time_base
        expected = 0.0 if self._last is None else self._last + self._frame_seconds
        if frame.pts is None or self._counts:
            seconds = expected
        else:
            seconds = frame.pts * self._time_base - (self._origin or 0.0)
        if self._last is not None and seconds <= self._last:
            if self._last - seconds < _RESTART_SECONDS:
                return
            self._origin = (self._origin or 0.0) - (expected - seconds)
            seconds = expected
            yield Break(seconds, 'the time stamps begin anew')
        elif self._last is not None and seconds - self._last > self._max_step_seconds:
            step = seconds - self._last
            yield Break(seconds, f'the time stamps jump ahead by {step:.0f} s')
        self._last = seconds
        yield seconds


def _open(source: Source, timeout_seconds: float) -> InputContainer:
    if source.kind == 'file':
        return open_container(source.url)
    options = {}
    if source.url.startswith(('rtsp://', 'rtsps://')):
        options = {'rtsp_transport': 'tcp'}
    try:
        return av.open(
            source.url,
            format=source.device_format,
            options=options,
            timeout=timeout_seconds,
            metadata_errors='replace',
        )
    except (av.FFmpegError, EOFError) as error:
        # FFmpeg's own text would repeat the URL with its password.
        raise VideoError(source.name, f'cannot be opened: {why(error)}') from None


def _recording_time(container: InputContainer) -> datetime | None:
    """When recording began, by the container's own account."""
    text = container.metadata.get('creation_time')
    if text:
        try:
            moment = datetime.fromisoformat(text.replace('Z', '+00:00'))
        except ValueError:
            return None
        return moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)
    return None
