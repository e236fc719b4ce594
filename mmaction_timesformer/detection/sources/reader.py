"""Frames of a source with their times, in presentation order and constant memory.

A file of any length and a live stream are read in the same way: nothing is known in advance and
nothing is kept. What cannot be decoded is skipped and counted.

Times of recordings are those that a player shows: 0 is where the container begins, which may be
before the first picture if the sound begins earlier.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

import av
from av.container import InputContainer
from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from mmaction_timesformer.detection.sources.recording_time import RecordingTime, recording_time
from mmaction_timesformer.detection.sources.sources import Source
from mmaction_timesformer.detection.windows import TimedFrame
from video_clips.reading.demuxing import demux_video, known_packets
from video_clips.reading.opening import (
    VideoError,
    best_stream,
    nominal_fps,
    open_container,
    why,
)
from video_clips.reading.packets import is_flush
from video_clips.reading.pictures import PictureMaker, SquarePixels

# These demuxers invent time stamps: they pass on pictures as they come.
_WITHOUT_STAMPS = ('mpjpeg', 'mjpeg', 'image2pipe', 'rawvideo')
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
        time_rule: How to read the time of recording.
        square_pixels: Which pictures with pixels that are not square to scale to the shape that a
            player shows, see `PictureMaker.of_stream`.

    Attributes:
        frame_seconds: How long a frame is usually shown.
        recorded: Wall-clock time at 0, if the container has it, and where it comes from.
        num_errors: Packets that could not be decoded.
        num_damaged: Frames that the decoder marked as damaged, shown or not.
        num_out_of_order: Frames that came after a later one and were left out.
        ending: Why reading ended before the source did, or an empty text.

    Raises:
        VideoError: It cannot be opened, or has no video.
    """

    def __init__(
        self,
        source: Source,
        timeout_seconds: float,
        max_step_seconds: float = math.inf,
        time_rule: str = 'start',
        square_pixels: SquarePixels = 'gross',
    ) -> None:
        self.source = source
        self.num_errors = self.num_out_of_order = self.num_damaged = 0
        self.ending = ''
        self._square_pixels = square_pixels
        self._timeout_seconds = timeout_seconds
        self._max_step_seconds = max_step_seconds
        self._open()
        self.recorded: RecordingTime = recording_time(self._container, self._stream, time_rule)

    def _open(self) -> None:
        self._container = _open(self.source, self._timeout_seconds)
        try:
            self._stream = best_stream(self._container)
        except VideoError as error:
            self._container.close()
            raise VideoError(self.source.name, error.reason) from None
        # An average would spread a jump of the time stamps over all frames.
        self.frame_seconds = 1 / nominal_fps(self._stream)
        decoder = self._stream.codec_context
        self._header_size = decoder.width, decoder.height
        decoder.thread_count = 0
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
    def has_stamps(self) -> bool:
        """Whether frames carry times of their own."""
        return self._container.format.name not in _WITHOUT_STAMPS

    @property
    def is_segmented(self) -> bool:
        """Whether frames arrive in bursts of many seconds, as in HLS and DASH."""
        return self._container.format.name in ('hls', 'dash')

    def __enter__(self) -> SourceReader:
        return self

    def __exit__(self, *error: object) -> None:
        self._container.close()

    def frames(self, from_seconds: float = 0.0) -> Iterator[TimedFrame | Break]:
        """Decode the source.

        Args:
            from_seconds: Earlier frames are not wanted; some may still come.

        Yields:
            Frames with rising times, and where the time line breaks. Times of live sources begin
            with 0 at the first frame.

        Raises:
            VideoError: Not one frame could be decoded.
        """
        make_picture: PictureMaker | None = None
        # Frames that come regularly but rarely, as in a time lapse, are no holes.
        max_step_seconds = max(self._max_step_seconds, 5 * self.frame_seconds)
        start = None if self.source.is_live and not self.has_end else self._container.start_time
        clock = _Clock(self._stream, self._container, self.frame_seconds, max_step_seconds)
        clock.start_seconds = None if start is None else start / av.time_base
        for frame in self._decode(from_seconds, clock):
            if make_picture is None:
                make_picture = PictureMaker.of_stream(
                    self._stream, self._header_size, frame, self._square_pixels
                )
            for seconds in clock.read(frame):
                if isinstance(seconds, Break):
                    yield seconds
                else:
                    yield TimedFrame(seconds, partial(make_picture, frame), time.monotonic())
            self.num_out_of_order = clock.num_out_of_order
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
            if packet is not None and is_flush(packet):
                continue  # where one stream ends, another may go on
            for frame in self._decode_packet(packet):
                self.num_damaged += frame.is_corrupt
                if frame.is_corrupt and may_skip:
                    may_skip -= 1
                    continue
                may_skip = 0
                yield frame

    def _packets(self) -> Iterator[Packet | None]:
        """Packets of the pictures, then None, at which the decoder gives what it still holds."""
        is_broadcast = self._container.format.name == 'mpegts' and not self.has_end
        try:
            if is_broadcast:
                yield from self._broadcast_packets()
            else:
                self.ending = yield from demux_video(self._container, self._stream)
        except (av.FFmpegError, EOFError) as error:
            self.ending = f'reading breaks off: {why(error)}'
        yield None

    def _broadcast_packets(self) -> Iterator[Packet]:
        """Packets of a live transport stream, as long as its pictures keep their number (PID)."""
        heard = time.monotonic()
        for packet in known_packets(self._container, *self._container.streams.video):
            if packet is not None and packet.stream_index == self._stream.index:
                heard = time.monotonic()
                yield packet
            elif time.monotonic() - heard > self._timeout_seconds:
                self.ending = 'the pictures go on under another number, or not at all'
                return

    def _decode_packet(self, packet: Packet | None) -> list[VideoFrame]:
        try:
            return self._stream.codec_context.decode(packet)
        except (av.FFmpegError, EOFError):
            self.num_errors += 1
            return []


class _Clock:
    """Reads the time of each frame and repairs time stamps."""

    def __init__(
        self,
        stream: VideoStream,
        container: InputContainer,
        frame_seconds: float,
        max_step_seconds: float,
    ) -> None:
        self.num_out_of_order = 0
        self.start_seconds: float | None = None
        self._time_base = float(stream.time_base or 0.001)
        self._frame_seconds = frame_seconds
        self._max_step_seconds = max_step_seconds
        # AVI stores no presentation times. Where frames are reordered, the place of the packet
        # that releases a frame from the decoder is that of the frame, later by a constant.
        self._by_packet = container.format.name == 'avi' and bool(stream.codec_context.has_b_frames)
        self._origin: float | None = None
        self._last: float | None = None

    @property
    def can_seek(self) -> bool:
        """Whether frames can be recognised by their time stamps."""
        return not self._by_packet and self._origin is not None

    def stamp(self, seconds: float) -> int:
        """The time stamp that stands for a time."""
        return round((seconds + (self._origin or 0.0)) / self._time_base)

    def forget_last(self) -> None:
        """The next frame does not follow the last one: the source was searched or opened again."""
        self._last = None

    def read(self, frame: VideoFrame) -> Iterator[float | Break]:
        """Give the time of a frame, after a break if there is one.

        A frame that is out of order by a little is left out.
        """
        stamp = self._stamp_of(frame)
        if self._last is None and self._origin is None:
            first = 0.0 if stamp is None else stamp
            is_shifted = self.start_seconds is None or self._by_packet
            self._origin = first if is_shifted else min(first, self.start_seconds or 0.0)
        expected = 0.0 if self._last is None else self._last + self._frame_seconds
        seconds = expected if stamp is None else stamp - (self._origin or 0.0)
        if self._last is not None and seconds <= self._last:
            if self._last - seconds < _RESTART_SECONDS:
                self.num_out_of_order += 1
                return
            self._origin = (self._origin or 0.0) - (expected - seconds)
            seconds = expected
            yield Break(seconds, 'the time stamps begin anew')
        elif self._last is not None and seconds - self._last > self._max_step_seconds:
            step = seconds - self._last
            yield Break(seconds, f'the time stamps jump ahead by {step:.0f} s')
        self._last = seconds
        yield seconds

    def _stamp_of(self, frame: VideoFrame) -> float | None:
        """The time stamp in seconds; None where the frame has none."""
        stamp = frame.dts if self._by_packet else frame.pts
        return None if stamp is None else stamp * self._time_base


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
