"""Open a clip's video, where mmaction2 has ``DecordInit``."""

import os

from mmcv.transforms import BaseTransform

from mmaction_timesformer.registry import TRANSFORMS
from video_clips.reading.pictures import SquarePixels, check_square_pixels
from video_clips.reading.video import IndexCache, VideoError, open_video
from video_clips.sampling import frames_between


@TRANSFORMS.register_module()
class OpenVideo(BaseTransform):
    """Open a video, or the part of it that the annotation names.

    It stands where mmaction2 has ``DecordInit``; any sampler can follow, then `DecodeFrames`.

    Required keys: ``filename``, ``start_index``; optional ``start_seconds`` and ``end_seconds``.

    Added keys: ``video_reader``; ``total_frames``, the exact number of frames of the clip;
    ``avg_fps``; ``frame_seconds`` (total_frames,), when a player shows each. Modified key:
    ``start_index``, which becomes the number of the clip's first frame.

    Args:
        num_threads: Threads of the decoder; 0 lets it choose. One is best with loader workers.
        most_packets_remembered: How many packets the worker's memory of files' indices holds, some
            45 bytes each, so that a long file is not read through each time; 0 turns it off.
        skip_loop_filter: Leave out the codec's smoothing of block edges: about a quarter less time,
            and other pixels, which drift further from a keyframe.
        square_pixels: Which pictures with pixels that are not square to scale to the shape that a
            player shows: ``gross``, by 1.5 times or more, such as 704x288; ``all``; or ``never``,
            as Decord does.

    Raises:
        VideoError: The file cannot be used, or has no frame between the start and the end.
    """

    def __init__(
        self,
        num_threads: int = 1,
        most_packets_remembered: int = 500_000,
        skip_loop_filter: bool = False,
        square_pixels: SquarePixels = 'gross',
    ) -> None:
        check_square_pixels(square_pixels)
        self.num_threads = num_threads
        self.most_packets_remembered = most_packets_remembered
        self.skip_loop_filter = skip_loop_filter
        self.square_pixels = square_pixels
        self._cache = IndexCache(most_packets_remembered)

    def transform(self, results: dict) -> dict:
        """Open the clip; one whose frames are there, as mmaction2's inferencer has them, stays."""
        if results.get('video_reader') is not None or 'filename' not in results:
            return results
        filename = results['filename']
        if not os.path.splitext(filename)[1] and not os.path.exists(filename):
            filename += '.mp4'  # Lists of Kinetics and others leave it out, and DecordInit adds it.
        video = open_video(
            filename,
            self.num_threads,
            cache=self._cache,
            skip_loop_filter=self.skip_loop_filter,
            square_pixels=self.square_pixels,
        )
        try:
            first, stop = frames_between(
                video.seconds, results.get('start_seconds'), results.get('end_seconds')
            )
        except ValueError as error:
            video.close()
            raise VideoError(filename, str(error)) from None
        results['video_reader'] = video
        results['total_frames'] = stop - first
        results['start_index'] += first
        results['avg_fps'] = video.fps
        results['frame_seconds'] = video.seconds[first:stop]
        return results

    def __repr__(self) -> str:
        return (
            f'{type(self).__name__}(num_threads={self.num_threads}, '
            f'most_packets_remembered={self.most_packets_remembered}, '
            f'skip_loop_filter={self.skip_loop_filter}, square_pixels={self.square_pixels!r})'
        )
