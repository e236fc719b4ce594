"""Features of a study's clips, computed once and kept in small files.

A run that is killed resumes behind the last file.

Legend: N clips, T frames, h/w cells of a map, C channels, D = 3 C summaries of a frame.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import mmcv
import numpy as np
import torch
from torch import Tensor, nn

from mmaction_timesformer.datasets.transforms import CameraAugment
from mmaction_timesformer.models.heads.closed_form_head import OVER_SPACE
from mmaction_timesformer.models.patch_embeds import FeatureMaps
from mmaction_timesformer.studies.clips import StudyClips, batches
from mmaction_timesformer.studies.pictures import PictureReader
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
        views: Which views of each clip.
        pictures: Of which kind.
    """

    network: str
    stages: tuple[int, ...] = ()
    map_stages: tuple[int, ...] = ()
    views: tuple[int, ...] = (0,)
    pictures: str = 'camera'

    @property
    def name(self) -> str:
        """As rows name it among their sources."""
        return self.network if self.pictures == 'camera' else f'{self.network} {self.pictures}'


def wanted_by(study: Study) -> dict[str, Wanted]:
    """Features that all rows of a study need, by their source."""
    wanted: dict[str, Wanted] = {}
    for row in study.rows:
        stages = row.stages if row.needs_network else set()
        for source, view in row.sources:
            kind = 'camera' if source == row.features else row.pictures
            known = wanted.get(source, Wanted(row.features, views=(), pictures=kind))
            wanted[source] = replace(
                known,
                stages=tuple(sorted({*known.stages, *stages})),
                map_stages=tuple(sorted({*known.map_stages, *(stages if row.needs_maps else ())})),
                views=tuple(sorted({*known.views, view})),
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
        seconds: Processor time spent on computing, by source, and how many clips that were.
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
                self._write(file, compute, numbers, wanted.name)
                self.progress(f'{wanted.name}, view {view}', numbers.stop, len(self.clips))
            with np.load(file) as content:
                parts.append(dict(content))
        return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}

    def missing(self, wanted: Wanted, view: int) -> int:
        """How many clips have no features yet."""
        folder = self.folder / self._key(wanted, view)
        parts = list(batches(len(self.clips), CLIPS_A_FILE))
        return sum(len(part) for part in parts if not (folder / f'{part.start:06d}.npz').is_file())

    def time_a_clip(self, wanted: Wanted) -> float:
        """Seconds for a view of a clip, measured on two; other backgrounds are not counted."""
        compute = self._computer(replace(wanted, pictures='camera'), wanted.views[0])
        compute(0)
        start = time.perf_counter()
        compute(len(self.clips) // 2)
        return time.perf_counter() - start

    def _write(
        self,
        file: Path,
        compute: Callable[[int], dict[str, np.ndarray]],
        numbers: range,
        source: str,
    ) -> None:
        start = time.process_time()
        rows = [compute(number) for number in numbers]
        arrays: dict[str, Any] = {name: np.stack([row[name] for row in rows]) for name in rows[0]}
        with written_beside(file) as partial, partial.open('wb') as stream:
            np.savez(stream, **arrays)
        seconds, count = self.seconds.get(source, (0.0, 0))
        self.seconds[source] = (seconds + time.process_time() - start, count + len(numbers))

    def _key(self, wanted: Wanted, view: int) -> str:
        study = self.study
        sampling = (study.clip_len, study.frame_interval, study.size)
        needs = (wanted.network, wanted.stages, wanted.map_stages, view)
        text = repr((*needs, *sampling, self.clips.fingerprint, repr(CameraAugment())))
        if wanted.network == 'pixels':
            text += repr((study.kept_frames, study.kept_size, 'area'))
        if wanted.pictures != 'camera':
            text += repr((wanted.pictures, self.clips.groups.tolist()))
        digest = hashlib.sha256(text.encode()).hexdigest()[:12]
        return f'{wanted.name.replace(" ", "-")}-view{view}-{digest}'

    def _computer(self, wanted: Wanted, view: int) -> Callable[[int], dict[str, np.ndarray]]:
        study, clips = self.study, self.clips
        if wanted.network == 'pixels':
            kept = PictureReader(clips, study, study.kept_frames, study.kept_size, 'area')
            return lambda number: {'pixels': kept.read(number, view)}
        reader = PictureReader(clips, study, study.clip_len, (study.size, study.size))
        if wanted.network == 'thumbnails':
            return lambda number: _thumbnails(reader.read(number, view))
        encode = _Encoder(wanted, study.size)
        return lambda number: encode(reader.read(number, view, wanted.pictures))


def _thumbnails(pictures: np.ndarray) -> dict[str, np.ndarray]:
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
    def __call__(self, pictures: np.ndarray) -> dict[str, np.ndarray]:
        self.seen.clear()
        frames = torch.from_numpy(pictures).permute(0, 3, 1, 2).float()
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
