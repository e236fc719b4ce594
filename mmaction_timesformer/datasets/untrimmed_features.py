"""Features of untrimmed videos with their times, and what happens at each frame.

A feature file (``.npz``) holds ``features`` (T, D), ``seconds`` (T,) and ``made_by``, a name of the
model and settings that made it. Labels come from the seconds of events, frame by frame: rounding
events to whole frames or clips costs points of mAP.

Legend: T frames, D channels, F horizons, K classes.
"""

from __future__ import annotations

import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from video_clips.whole_files import written_beside

_NAMES = ('features', 'seconds', 'made_by')


class LabeledSpan(Protocol):
    """An event: a class from a start to an end."""

    @property
    def label(self) -> str:
        """Its class."""

    @property
    def start_seconds(self) -> float:
        """When it begins."""

    @property
    def end_seconds(self) -> float:
        """When it ends."""


@dataclass(frozen=True)
class VideoFeatures:
    """The features of one video.

    Attributes:
        features: (T, D).
        seconds: (T,), rising.
        made_by: Names the model and the settings.
    """

    features: np.ndarray
    seconds: np.ndarray
    made_by: str = ''

    def __post_init__(self) -> None:
        if self.features.ndim != 2 or self.seconds.shape != self.features.shape[:1]:
            raise ValueError(
                f'features {self.features.shape} and seconds {self.seconds.shape} are not '
                '(frames, channels) and (frames,)'
            )
        if (np.diff(self.seconds) <= 0).any():
            raise ValueError('seconds must rise from frame to frame')

    def write(self, file: str | Path) -> None:
        """Write the file whole, or not at all."""
        with written_beside(file) as partial, partial.open('wb') as stream:
            np.savez(
                stream,
                features=self.features,
                seconds=self.seconds,
                made_by=np.array(self.made_by),
            )

    @classmethod
    def read(cls, file: str | Path) -> VideoFeatures:
        """Read a feature file.

        Raises:
            FileNotFoundError: There is no such file.
            ValueError: It is damaged or holds something else.
        """
        try:
            with np.load(file, allow_pickle=False) as content:
                features, seconds, made_by = (content[name] for name in _NAMES)
        except (zipfile.BadZipFile, EOFError, KeyError, ValueError, TypeError) as error:
            raise ValueError(
                f'{file} is not a feature file with {", ".join(_NAMES)}: {error}'
            ) from None
        return cls(features, seconds, str(made_by))


@dataclass(frozen=True)
class LabelRule:
    """How the times of events become labels of frames.

    Attributes:
        classes: The K classes in index order, the background among them.
        background: The class of frames in which no other happens.
        margin_seconds: Frames this close to the start or end of an event do not count: nobody
            marks a border to the frame.
    """

    classes: tuple[str, ...]
    background: str
    margin_seconds: float = 0.0

    def __post_init__(self) -> None:
        if self.background not in self.classes:
            raise ValueError(
                f'background={self.background!r} is not a class; choose from {self.classes}'
            )
        if self.margin_seconds < 0:
            raise ValueError(f'margin_seconds={self.margin_seconds} must not be negative')

    def labels(
        self, seconds: np.ndarray, events: Sequence[LabeledSpan], duration_seconds: float
    ) -> tuple[np.ndarray, np.ndarray]:
        """Labels at moments.

        Args:
            seconds: (T,).
            events: Of the recording.
            duration_seconds: Its length; moments outside it do not count.

        Returns:
            Labels 0 or 1, (T, K), and whether they count, (T,).

        Raises:
            ValueError: An event is of another class.
        """
        labels = np.zeros((len(seconds), len(self.classes)), np.float32)
        known = (seconds >= 0) & (seconds <= duration_seconds)
        for event in events:
            if event.label not in self.classes or event.label == self.background:
                raise ValueError(f'{event.label!r} is not an event; choose from {self.actions}')
            inside = (seconds >= event.start_seconds) & (seconds < event.end_seconds)
            labels[inside, self.classes.index(event.label)] = 1
            for border in (event.start_seconds, event.end_seconds):
                if self.margin_seconds:
                    known &= np.abs(seconds - border) > self.margin_seconds
        labels[~labels.any(axis=1), self.classes.index(self.background)] = 1
        return labels, known

    @property
    def actions(self) -> tuple[str, ...]:
        """The classes without the background."""
        return tuple(name for name in self.classes if name != self.background)


@dataclass(frozen=True)
class LabeledRecording:
    """A recording's features and labels at each frame, now and ahead.

    Attributes:
        name: Its name in the truth.
        features: (T, D).
        seconds: (T,).
        labels: (T, 1 + F, K), the present first.
        known: Whether those count, (T, 1 + F).
        progress: How much of its event each frame has seen, 0 to 1, (T, K); NaN outside.
    """

    name: str
    features: np.ndarray
    seconds: np.ndarray
    labels: np.ndarray
    known: np.ndarray
    progress: np.ndarray


def label_recording(
    name: str,
    video: VideoFeatures,
    events: Sequence[LabeledSpan],
    rule: LabelRule,
    horizons: Sequence[float] = (),
    duration_seconds: float | None = None,
) -> LabeledRecording:
    """Put labels to a recording's frames.

    Args:
        name: Of the recording.
        video: Its features.
        events: What happens in it.
        rule: How times become labels.
        horizons: Seconds ahead; ago, if negative.
        duration_seconds: Its length; by default to the last frame.
    """
    end = float(video.seconds[-1]) if duration_seconds is None else duration_seconds
    moments = [rule.labels(video.seconds + ahead, events, end) for ahead in (0.0, *horizons)]
    progress = np.full((len(video.seconds), len(rule.classes)), np.nan)
    for event in events:
        inside = (video.seconds >= event.start_seconds) & (video.seconds < event.end_seconds)
        share = (video.seconds - event.start_seconds) / (event.end_seconds - event.start_seconds)
        progress[inside, rule.classes.index(event.label)] = share[inside]
    return LabeledRecording(
        name,
        video.features,
        video.seconds,
        np.stack([labels for labels, _ in moments], axis=1),
        np.stack([known for _, known in moments], axis=1),
        progress,
    )


class WindowSampler:
    """Draws windows of equally many frames from labelled recordings, for training.

    Windows start anywhere and are of any length up to a limit: a stream that has just begun is to
    be understood as well as one that runs for minutes.

    Args:
        recordings: What to draw from.
        min_frames: Shortest window.
        max_frames: Longest window.
        seed: Of the draws.

    Raises:
        ValueError: No recording is as long as the shortest window.
    """

    def __init__(
        self,
        recordings: Sequence[LabeledRecording],
        min_frames: int = 16,
        max_frames: int = 128,
        seed: int = 0,
    ) -> None:
        self.recordings = [one for one in recordings if len(one.seconds) >= min_frames]
        if not self.recordings or not 1 <= min_frames <= max_frames:
            raise ValueError(
                f'no windows of {min_frames} to {max_frames} frames in {len(recordings)} recordings'
            )
        self.min_frames = min_frames
        self.max_frames = max_frames
        self._rng = np.random.default_rng(seed)

    def draw(self, batch_size: int) -> Mapping[str, np.ndarray]:
        """Windows of one length.

        Returns:
            ``features`` (B, T, D), ``labels`` (B, T, K), ``known`` (B, T), and those at the
            horizons after the last frame, ``future`` (B, F, K) and ``future_known`` (B, F).
        """
        chosen = [
            self.recordings[index]
            for index in self._rng.integers(0, len(self.recordings), batch_size)
        ]
        longest = min(self.max_frames, *(len(one.seconds) for one in chosen))
        length = int(self._rng.integers(self.min_frames, longest + 1))
        ends = [int(self._rng.integers(length, len(one.seconds) + 1)) for one in chosen]
        pairs = list(zip(chosen, ends, strict=True))
        last = [(one.labels[end - 1], one.known[end - 1]) for one, end in pairs]
        return {
            'features': np.stack([one.features[end - length : end] for one, end in pairs]),
            'labels': np.stack([one.labels[end - length : end, 0] for one, end in pairs]),
            'known': np.stack([one.known[end - length : end, 0] for one, end in pairs]),
            'future': np.stack([labels[1:] for labels, _ in last]),
            'future_known': np.stack([known[1:] for _, known in last]),
        }
