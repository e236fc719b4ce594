"""Features of a study's clips, computed once and kept in small files.

A run that is killed resumes behind the last file.

Legend: N clips, T frames, h/w cells of a map, C channels, D = 3 C summaries of a frame.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import mmcv
import numpy as np
import torch
from mmengine.dataset import Compose
from torch import Tensor, nn

from mmaction_timesformer.datasets.transforms import CameraAugment
from mmaction_timesformer.models.heads.closed_form_head import OVER_SPACE
from mmaction_timesformer.models.patch_embeds import FeatureMaps
from mmaction_timesformer.studies.clips import StudyClips, batches
from mmaction_timesformer.studies.spec import Study
from video_clips.whole_files import written_beside

CLIPS_A_FILE = 16
THUMBNAIL = (32, 24)
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Wanted:
    """Features of an image network that a study needs.

    Attributes:
        network: Its name, or ``thumbnails``.
        stages: Stages whose summaries are kept.
        map_stages: Stages whose whole maps are kept.
        views: Number of views of each clip.
    """

    network: str
    stages: tuple[int, ...] = ()
    map_stages: tuple[int, ...] = ()
    views: int = 1


def wanted_by(study: Study) -> dict[str, Wanted]:
    """Features that all rows of a study need, by network."""
    wanted: dict[str, Wanted] = {}
    for row in study.rows:
        if row.recipe == 'majority':
            continue
        known = wanted.get(row.features, Wanted(row.features))
        stages = row.stages if row.needs_network else set()
        wanted[row.features] = Wanted(
            row.features,
            tuple(sorted({*known.stages, *stages})),
            tuple(sorted({*known.map_stages, *(stages if row.needs_maps else ())})),
            max(known.views, row.views),
        )
    return wanted


@dataclass
class FeatureStore:
    """Features on disk.

    Attributes:
        folder: Where files are kept.
        clips: The clips.
        study: Tells how clips are sampled.
        progress: Called with what is computed, how many clips are done and of how many.
        seconds: Time spent on computing, by network, and how many clips that were.
    """

    folder: Path
    clips: StudyClips
    study: Study
    progress: Progress = lambda what, done, total: None
    seconds: dict[str, tuple[float, int]] = field(default_factory=dict)

    def load(self, wanted: Wanted, view: int) -> dict[str, np.ndarray]:
        """Arrays over all clips; what is missing is computed first.

        Returns:
            ``frames{stage}`` (N, T, D) and ``maps{stage}`` (N, T, h, w, C); ``thumbnails``
            (N, pixels).
        """
        folder = self.folder / self._key(wanted, view)
        folder.mkdir(parents=True, exist_ok=True)
        compute: Callable[[int], dict[str, np.ndarray]] | None = None
        parts = []
        for numbers in batches(len(self.clips), CLIPS_A_FILE):
            file = folder / f'{numbers.start:06d}.npz'
            if not file.is_file():
                compute = compute or self._computer(wanted, view)
                self._write(file, compute, numbers, wanted.network)
                self.progress(f'{wanted.network}, view {view}', numbers.stop, len(self.clips))
            with np.load(file) as content:
                parts.append(dict(content))
        return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}

    def missing(self, wanted: Wanted, view: int) -> int:
        """How many clips have no features yet."""
        folder = self.folder / self._key(wanted, view)
        parts = list(batches(len(self.clips), CLIPS_A_FILE))
        return sum(len(part) for part in parts if not (folder / f'{part.start:06d}.npz').is_file())

    def time_a_clip(self, wanted: Wanted) -> float:
        """Seconds for a view of a clip, measured on the first two."""
        compute = self._computer(wanted, 0)
        compute(0)
        start = time.perf_counter()
        compute(len(self.clips) // 2)
        return time.perf_counter() - start

    def _write(
        self,
        file: Path,
        compute: Callable[[int], dict[str, np.ndarray]],
        numbers: range,
        network: str,
    ) -> None:
        start = time.perf_counter()
        rows = [compute(number) for number in numbers]
        arrays: dict[str, Any] = {name: np.stack([row[name] for row in rows]) for name in rows[0]}
        with written_beside(file) as partial, partial.open('wb') as stream:
            np.savez(stream, **arrays)
        seconds, count = self.seconds.get(network, (0.0, 0))
        self.seconds[network] = (seconds + time.perf_counter() - start, count + len(numbers))

    def _key(self, wanted: Wanted, view: int) -> str:
        study = self.study
        sampling = (study.clip_len, study.frame_interval, study.size)
        needs = (wanted.network, wanted.stages, wanted.map_stages, view)
        text = repr((*needs, *sampling, self.clips.fingerprint, repr(CameraAugment())))
        if wanted.network == 'pixels':
            text += repr((study.kept_frames, study.kept_size, 'area'))
        return f'{wanted.network}-view{view}-{hashlib.sha256(text.encode()).hexdigest()[:12]}'

    def _computer(self, wanted: Wanted, view: int) -> Callable[[int], dict[str, np.ndarray]]:
        if wanted.network == 'pixels':
            read = self._reader(view, self.study.kept_frames, self.study.kept_size, 'area')
            return lambda number: {'pixels': np.stack(read(number))}
        read = self._reader(view, self.study.clip_len, (self.study.size, self.study.size))
        if wanted.network == 'thumbnails':
            return lambda number: _thumbnails(read(number))
        encode = _Encoder(wanted, self.study.size)
        return lambda number: encode(read(number))

    def _reader(
        self, view: int, num_frames: int, size: tuple[int, int], how: str = 'bilinear'
    ) -> Callable[[int], list[np.ndarray]]:
        """Pictures of a clip by its number; later views are drawn for the clip and the view."""
        sampling = dict(
            type='SampleClip',
            clip_len=num_frames,
            frame_interval=self.study.frame_interval,
            out_of_bound='shrink_interval',
            test_mode=True,
        )
        pipeline = Compose([dict(type='OpenVideo'), sampling, dict(type='DecodeFrames')])
        augment = CameraAugment()

        def read(number: int) -> list[np.ndarray]:
            clip: dict[str, Any] = dict(filename=self.clips.files[number], start_index=0)
            clip = pipeline(clip)
            pictures = clip['imgs']
            if view:
                np.random.seed([view, number])
                pictures = augment.transform(clip)['imgs']
                if np.random.random() < 0.5:
                    pictures = [picture[:, ::-1] for picture in pictures]
            pictures = [np.ascontiguousarray(picture) for picture in pictures]
            return [mmcv.imresize(picture, size, interpolation=how) for picture in pictures]

        return read


def _thumbnails(pictures: list[np.ndarray]) -> dict[str, np.ndarray]:
    """Mean picture and mean absolute difference, small and grey."""
    small = np.stack([mmcv.imresize(picture, THUMBNAIL).mean(axis=2) for picture in pictures])
    steps = np.abs(np.diff(small, axis=0)).mean(axis=0) if len(small) > 1 else 0 * small[0]
    return {'thumbnails': np.concatenate([small.mean(axis=0), steps], axis=None) / 255}


class _Encoder:
    """A network's summaries and maps of one clip."""

    def __init__(self, wanted: Wanted, size: int) -> None:
        self.wanted = wanted
        self.network = FeatureMaps(wanted.network, max(wanted.stages)).eval()
        self.network.check_weights()
        preprocessing = self.network.preprocessing
        assert preprocessing is not None
        self.mean = 255 * torch.tensor(preprocessing.mean).view(3, 1, 1)
        self.std = 255 * torch.tensor(preprocessing.std).view(3, 1, 1)
        self.seen: dict[int, list[Tensor]] = {}
        stages = self.network.network.stages
        assert isinstance(stages, nn.ModuleList)
        for number in wanted.stages:
            stages[number - 1].register_forward_hook(self._keep(number))

    def _keep(self, number: int) -> Callable:
        return lambda module, given, maps: self.seen.setdefault(number, []).append(maps)

    @torch.inference_mode()
    def __call__(self, pictures: list[np.ndarray]) -> dict[str, np.ndarray]:
        self.seen.clear()
        frames = torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2).float()
        self.network((frames - self.mean) / self.std)
        found = {}
        for number in self.wanted.stages:
            maps = torch.cat(self.seen[number]).permute(0, 2, 3, 1)
            cells = maps.flatten(1, 2)[None]
            summaries = torch.cat([summary(cells) for summary in OVER_SPACE.values()], dim=-1)
            found[f'frames{number}'] = summaries[0].numpy()
            if number in self.wanted.map_stages:
                found[f'maps{number}'] = maps.half().numpy()
        return found
