"""From a decoded frame to the upright RGB picture that a player shows, in one pass of scaling."""

from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Literal, get_args

import numpy as np
from av.video.frame import VideoFrame
from av.video.reformatter import Interpolation, VideoReformatter
from av.video.stream import VideoStream

_LARGEST_ASPECT = 4
"""A pixel that is longer than this comes from a damaged header."""
GROSS_ASPECT = 1.5
"""From here on a picture is plainly wrong, such as 704x288 of a recorder that keeps every other
line. Less is usual in sets that were scaled to one size, and readers and published weights take
their pixels as square."""

SquarePixels = Literal['gross', 'all', 'never']


@dataclass(frozen=True)
class Orientation:
    """How a coded picture must be turned and mirrored: rows and columns change places first.

    Attributes:
        is_transposed: Whether rows become columns.
        flips_columns: Whether left and right then change places.
        flips_rows: Whether top and bottom then change places.
    """

    is_transposed: bool = False
    flips_columns: bool = False
    flips_rows: bool = False

    @property
    def is_mirrored(self) -> bool:
        """Whether turning alone is not enough."""
        return (self.is_transposed + self.flips_columns + self.flips_rows) % 2 == 1

    @property
    def degrees_left(self) -> int:
        """How far the picture is turned to the left (-90 to 180), after a mirror of its columns."""
        if self.is_transposed:
            return -90 if self.flips_columns else 90
        return 180 if self.flips_rows else 0

    def apply(self, picture: np.ndarray) -> np.ndarray:
        """Turn and mirror a picture, (H, W, C), without copying it."""
        if self.is_transposed:
            picture = picture.swapaxes(0, 1)
        return picture[:: -1 if self.flips_rows else 1, :: -1 if self.flips_columns else 1]


UPRIGHT = Orientation()


def orientation(frame: VideoFrame) -> Orientation:
    """The orientation that the display matrix of a frame asks for, to the nearest right angle.

    A matrix of zeros, which some recorders write, asks for nothing.
    """
    matrix: Any = frame.side_data.get('DISPLAYMATRIX')
    if matrix is None:
        return UPRIGHT
    # Columns and rows of the shown picture are (a x + c y) and (b x + d y) of the coded one.
    a, b, _, c, d = np.frombuffer(matrix, np.int32)[:5].astype(np.int64).tolist()
    if abs(a) + abs(d) >= abs(b) + abs(c):
        return Orientation(False, a < 0, d < 0)
    return Orientation(True, c < 0, b < 0)


def pixel_aspect(stream: VideoStream, header_size: tuple[int, int], frame: VideoFrame) -> Fraction:
    """Width over height of a pixel (SAR) as a player takes it: the container's, or the codec's.

    Args:
        stream: The frame's stream.
        header_size: Width and height by the container's header. Where the frame has another size,
            the container's aspect is as wrong.
        frame: A decoded frame of it.

    Returns:
        1 where nothing is known, or nothing plausible.
    """
    aspect = stream.codec_context.sample_aspect_ratio
    if header_size == (frame.width, frame.height):
        aspect = stream.sample_aspect_ratio or aspect
    if not aspect or not 1 / _LARGEST_ASPECT <= aspect <= _LARGEST_ASPECT:
        return Fraction(1)
    return aspect


def is_gross(aspect: float | Fraction) -> bool:
    """Whether pixels are so far from square that the picture is plainly wrong."""
    return aspect > 0 and max(aspect, 1 / aspect) >= GROSS_ASPECT


def check_square_pixels(square_pixels: str) -> None:
    """Refuse what is none of the choices."""
    if square_pixels not in get_args(SquarePixels):
        raise ValueError(
            f'square_pixels must be one of {get_args(SquarePixels)}, got {square_pixels!r}'
        )


def fit_short_side(width: int, height: int, short_side: int | None) -> tuple[int, int]:
    """Width and height with the short side as wanted and the same shape, rounded as mmcv does.

    Args:
        width: Width of the picture.
        height: Height of the picture.
        short_side: Wanted length of the shorter one in pixels; None leaves both as they are.
    """
    if short_side is None:
        return width, height
    scale = short_side / min(width, height)
    return int(width * scale + 0.5), int(height * scale + 0.5)


class PictureMaker:
    """Makes RGB pictures of one size out of a video's frames.

    Args:
        width: Width of the pictures before they are turned; frames of another size are scaled.
        height: Their height before they are turned.
    """

    def __init__(self, width: int, height: int) -> None:
        self.width = width
        self.height = height
        self._converter = VideoReformatter()

    @classmethod
    def of_stream(
        cls,
        stream: VideoStream,
        header_size: tuple[int, int],
        frame: VideoFrame,
        square_pixels: SquarePixels = 'gross',
    ) -> 'PictureMaker':
        """A maker of pictures as a player shows them, for a stream that is read from its start.

        Args:
            stream: The stream.
            header_size: Its width and height before anything was decoded.
            frame: Its first frame, whose size is right where the header has another.
            square_pixels: Which pictures with pixels that are not square to scale to their true
                shape: those that are ``gross`` (by `GROSS_ASPECT` or more), ``all`` or ``never``.
        """
        aspect = pixel_aspect(stream, header_size, frame)
        if square_pixels == 'never' or (square_pixels == 'gross' and not is_gross(aspect)):
            aspect = Fraction(1)
        return cls(max(1, round(frame.width * aspect)), frame.height)

    def __call__(self, frame: VideoFrame) -> np.ndarray:
        """Convert, scale and turn one frame.

        Returns:
            (H, W, 3) uint8, RGB, upright.
        """
        picture = self._converter.reformat(
            frame,
            width=self.width,
            height=self.height,
            format='rgb24',
            # Where it scales down, every pixel counts, at a fifth of bilinear's time.
            interpolation=Interpolation.AREA,
            threads=1,
        )
        return orientation(frame).apply(picture.to_ndarray())
