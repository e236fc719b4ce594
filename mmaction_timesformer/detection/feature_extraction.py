"""Features of whole recordings, frame by frame, into files that training reads.

A stream model gives the feature of each frame. A clip model gives that of the window that *ends* at
each moment, so that its features know as little of the future.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from mmengine.config import Config
from torch import Tensor

from mmaction_timesformer.datasets.untrimmed_features import VideoFeatures
from mmaction_timesformer.detection.settings import DetectionSettings
from mmaction_timesformer.detection.sources.reader import Break, SourceReader
from mmaction_timesformer.detection.sources.sources import Source
from mmaction_timesformer.detection.windows import Prepare, Window, WindowCutter, WindowSettings
from mmaction_timesformer.inference import recognizer
from mmaction_timesformer.inference.online_model import (
    is_online,
    load_backbone,
    make_picture_preparer,
)
from mmaction_timesformer.models.precision import choose_dtype

_READ_SECONDS = 60.0
_WINDOWS_AT_ONCE = 16

Progress = Callable[[int, int, str], None]
"""Called with the number of recordings done, of all, and the name of the last."""


class FeatureExtractor:
    """Makes features of recordings with a trained model.

    Args:
        windows: Where windows lie; of one frame for a stream model.
        prepare: Makes the model's input of a picture.
        make_features: Starts a recording: gives a function from its windows, in order, to features
            (n, D).
        made_by: Names the model and the settings.
    """

    def __init__(
        self,
        windows: WindowSettings,
        prepare: Prepare,
        make_features: Callable[[], Callable[[Sequence[Window]], Tensor]],
        made_by: str,
    ) -> None:
        self.windows = windows
        self.made_by = made_by
        self._prepare = prepare
        self._make_features = make_features

    @classmethod
    def from_config(
        cls,
        config: Config,
        checkpoint: str | Path,
        device: str = 'cpu',
        step_seconds: float | None = None,
    ) -> FeatureExtractor:
        """Build the extractor of a config and a checkpoint.

        Args:
            config: Of an ``OnlineRecognizer``, or of a recognizer of clips.
            checkpoint: Its weights.
            device: Where it runs.
            step_seconds: Distance of features; a stream model has its own.

        Raises:
            FileNotFoundError: There is no such checkpoint.
            ValueError: The parts do not fit, or a stream model is asked for another distance.
        """
        recognizer.check_device(device)
        if is_online(config):
            return cls._of_stream(config, checkpoint, device, step_seconds)
        settings = DetectionSettings.from_config(config.get('detection'))
        if step_seconds is not None:
            settings = replace(settings, hop_seconds=step_seconds)
        parts, watch_settings = settings.for_pipeline(config)
        windows = watch_settings.windows
        state_dict, _, digest = recognizer.read_weights(checkpoint)
        model = recognizer.build_recognizer(config, state_dict, device)
        dtype = choose_dtype(settings.dtype, device)
        score = recognizer.RecognizerScore(model, dtype)
        prepare = recognizer.make_preparer(model, parts.picture_steps, dtype)

        def features_of(some: Sequence[Window]) -> Tensor:
            clips = torch.cat([window.clips() for window in some])
            features = score.features(clips)
            return features.unflatten(0, (len(some), -1)).mean(dim=1)

        made_by = recognizer.make_fingerprint(digest, windows, str(dtype))
        return cls(windows, prepare, lambda: features_of, made_by)

    @classmethod
    def _of_stream(
        cls, config: Config, checkpoint: str | Path, device: str, step_seconds: float | None
    ) -> FeatureExtractor:
        model = load_backbone(config, checkpoint, device)
        if step_seconds is not None and step_seconds != model.frame_seconds:
            raise ValueError(
                f'step_seconds={step_seconds:g}, but the model was made for frames '
                f'{model.frame_seconds:g} s apart; leave it out'
            )

        def begin() -> Callable[[Sequence[Window]], Tensor]:
            state = model.begin()

            def features_of(some: Sequence[Window]) -> Tensor:
                nonlocal state
                pictures = torch.cat([window.frames[0] for window in some]).to(device)
                seconds = torch.tensor([window.seconds for window in some], dtype=torch.float64)
                features, state = model.step_features(
                    pictures.transpose(0, 1).float(), state, seconds
                )
                return features

            return features_of

        windows = WindowSettings(1, model.frame_seconds, model.frame_seconds)
        # The head may be trained anew on the features of a backbone, which do not change with it.
        made_by = f'{model.stream[0].fingerprint()}-{model.frame_seconds:g}'
        return cls(windows, make_picture_preparer(config), begin, made_by)

    @torch.inference_mode()
    def extract(self, source: Source) -> VideoFeatures:
        """Read a recording and compute its features.

        Raises:
            VideoError: It cannot be read.
            ValueError: It is shorter than a window.
        """
        features_of = self._make_features()
        parts: list[np.ndarray] = []
        seconds: list[float] = []
        for some in _in_groups(read_windows(source, self.windows, self._prepare), _WINDOWS_AT_ONCE):
            if some[0].index == 0 and parts:
                features_of = self._make_features()
            parts.append(features_of(some).float().cpu().numpy())
            # A window knows all up to its last frame.
            seconds += [window.seconds + self.windows.reach_ticks / 2e6 for window in some]
        if not parts:
            raise ValueError(f'{source.name} is shorter than a window')
        return VideoFeatures(np.concatenate(parts), np.array(seconds), self.made_by)


def read_windows(source: Source, windows: WindowSettings, prepare: Prepare) -> Iterator[Window]:
    """Cut a whole recording into windows; a time line that begins anew begins at index 0.

    Raises:
        VideoError: It cannot be read.
    """
    max_step = max(_READ_SECONDS, windows.span_seconds)
    with SourceReader(source, _READ_SECONDS, max_step) as reader:
        cutter = None
        for item in reader.frames():
            if isinstance(item, Break):
                cutter = None
                continue
            if cutter is None:
                cutter = WindowCutter(windows, lambda frame: prepare(frame.picture()), item.seconds)
            yield from cutter.push(item)


def read_pictures(
    source: Source, prepare: Prepare, frame_seconds: float
) -> tuple[np.ndarray, np.ndarray]:
    """Pictures of a recording as a stream model is shown them.

    Args:
        source: The recording.
        prepare: Makes the model's input (1, 3, H, W), levels, of a picture.
        frame_seconds: Their distance.

    Returns:
        (T, H, W, 3) uint8 and their times (T,).
    """
    moments = list(read_windows(source, WindowSettings(1, frame_seconds, frame_seconds), prepare))
    pictures = torch.cat([moment.frames[0] for moment in moments]).permute(0, 2, 3, 1)
    return pictures.numpy(), np.array([moment.seconds for moment in moments])


def extract_all(
    extractor: FeatureExtractor,
    sources: Sequence[Source],
    out: str | Path,
    progress: Progress | None = None,
) -> list[Path]:
    """Extract the features of recordings; what is there already and fits is left alone.

    Args:
        extractor: The extractor.
        sources: The recordings.
        out: The folder of feature files, each with the name of its recording and ``.npz``.
        progress: Where to report.

    Raises:
        ValueError: A file there was made by another model, or two recordings have one name.
    """
    files = [Path(out) / f'{Path(source.name).name}.npz' for source in sources]
    if len(set(files)) < len(files):
        raise ValueError(f'recordings have the same name: {sorted(file.name for file in files)}')
    for number, (source, file) in enumerate(zip(sources, files, strict=True), start=1):
        if not file.exists():
            extractor.extract(source).write(file)
        elif (found := VideoFeatures.read(file).made_by) != extractor.made_by:
            raise ValueError(
                f'{file} was made by {found}, this is {extractor.made_by}; name another folder'
            )
        if progress is not None:
            progress(number, len(sources), source.name)
    return files


def _in_groups(windows: Iterator[Window], size: int) -> Iterator[list[Window]]:
    """Windows in groups; a time line that begins anew begins a group."""
    group: list[Window] = []
    for window in windows:
        if group and (len(group) == size or window.index == 0):
            yield group
            group = []
        group.append(window)
    if group:
        yield group
