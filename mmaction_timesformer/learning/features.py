"""Features of clips, as a model's classifier reads them; each clip is decoded once and then kept.

Legend: N clips, V views, F features.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from mmengine.dataset import pseudo_collate
from mmengine.registry import init_default_scope

from mmaction_timesformer.inference.preparation import split_pipeline
from mmaction_timesformer.inference.trained_model import TrainedModel, run_pipeline, test_dataset
from mmaction_timesformer.learning.corrections import name_of
from mmaction_timesformer.models.heads import ClosedFormHead
from video_clips.clip import Clip
from video_clips.whole_files import written_beside

LEARNED = tuple(f'cls_head.{part}.' for part in ('fc_cls', 'temperature', 'residual', 'novelty'))
"""Weights that features do not depend on."""


@dataclass
class FeatureReader:
    """Features of clips, through the test pipeline.

    Attributes:
        trained: The model.
        cache: Folder of features that were computed before, or None to keep none. They depend on
            the network below the head alone, so that all models with that network share them.
    """

    trained: TrainedModel
    cache: Path | None = None
    _key: str = field(default='', init=False)

    def __call__(self, clips: Sequence[Clip]) -> np.ndarray:
        """(N, V, F) features of the views that the pipeline makes.

        Raises:
            VideoError: A clip cannot be decoded.
        """
        if not clips:
            return np.zeros((0, 1, self.trained.model.cls_head.fc_cls.in_features), np.float32)
        return np.stack([self._one(clip) for clip in clips])

    def missing(self, clips: Sequence[Clip]) -> int:
        """How many clips have not been computed before."""
        return sum(not (self.cache and self._file(clip).is_file()) for clip in clips)

    def _one(self, clip: Clip) -> np.ndarray:
        if self.cache is None:
            return self._compute(clip)
        file = self._file(clip)
        if file.is_file():
            return np.load(file)
        features = self._compute(clip)
        with written_beside(file) as partial, partial.open('wb') as stream:
            np.save(stream, features)
        return features

    def _file(self, clip: Clip) -> Path:
        assert self.cache is not None
        state = os.stat(clip.path)
        text = json.dumps([self.network, name_of(clip), state.st_size, state.st_mtime_ns])
        return self.cache / f'{hashlib.sha256(text.encode()).hexdigest()[:24]}.npy'

    @property
    def network(self) -> str:
        """Changes with the weights below the head, and with how clips are read."""
        if not self._key:
            digest = hashlib.sha256(repr(test_dataset(self.trained.config)['pipeline']).encode())
            for name, value in self.trained.model.state_dict().items():
                if not name.startswith(LEARNED):
                    digest.update(name.encode())
                    digest.update(value.cpu().contiguous().numpy().tobytes())
            head = self.trained.model.cls_head
            digest.update(
                repr([getattr(head, 'over_space', 0), getattr(head, 'over_time', 0)]).encode()
            )
            self._key = digest.hexdigest()[:16]
        return self._key

    @torch.inference_mode()
    def _compute(self, clip: Clip) -> np.ndarray:
        trained = self.trained
        init_default_scope(trained.config.get('default_scope', 'mmaction'))
        part = dict(start_seconds=clip.start_seconds, end_seconds=clip.end_seconds)
        packed = run_pipeline(trained.pipeline, test_dataset(trained.config), clip.path, **part)
        data = trained.model.data_preprocessor(pseudo_collate([packed]))
        read: list[torch.Tensor] = []
        layer = trained.model.cls_head.fc_cls
        handle = layer.register_forward_pre_hook(lambda module, args: read.append(args[0]))
        try:
            trained.model.extract_feat(data['inputs'], stage='head')
        finally:
            handle.remove()
        return torch.cat(read).float().cpu().numpy()


@torch.inference_mode()
def score_features(trained: TrainedModel, features: np.ndarray) -> np.ndarray:
    """Features (N, V, F) to probabilities (N, K), as a test run averages views."""
    head = trained.model.cls_head
    rows = torch.from_numpy(features).flatten(0, 1).to(head.fc_cls.weight)
    logits = head.classify(rows) if isinstance(head, ClosedFormHead) else head.fc_cls(rows)
    if hasattr(head, 'temperature'):
        logits = head.temperature(logits)
    return head.average_clip(logits, num_segs=features.shape[1]).float().cpu().numpy()


def span_seconds(trained: TrainedModel) -> float | None:
    """Time that a clip of the model covers, at the frame rate that its detection is set for."""
    parts = split_pipeline(test_dataset(trained.config)['pipeline'])
    detection = trained.config.get('detection') or {}
    if detection.get('span_seconds') is not None:
        return float(detection['span_seconds'])
    if parts.span_seconds is not None:
        return float(parts.span_seconds)
    if parts.frame_interval is None:
        return None
    return parts.num_frames * parts.frame_interval / float(detection.get('clip_fps', 25.0))
