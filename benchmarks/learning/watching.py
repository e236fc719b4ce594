"""Detection with a frozen network whose features of a frame are computed once for all models.

Legend: B clips, C channels, T frames, H/W pixels, D features of a frame.
"""

from __future__ import annotations

import hashlib
import shutil
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor

from mmaction_timesformer.detection.detector import DangerDetector
from mmaction_timesformer.detection.quality.command import Results, read_results
from mmaction_timesformer.detection.running import run
from mmaction_timesformer.detection.sources.sources import find_sources
from mmaction_timesformer.inference.recognizer import RecognizerScore


@dataclass
class FrameMemo:
    """Features (D,) of frames by their content."""

    known: dict[bytes, Tensor] = field(default_factory=dict)

    def frames(self, score: RecognizerScore, clip: Tensor) -> Tensor:
        """Features (T, D) of a prepared clip (C, T, H, W)."""
        frames = clip.transpose(0, 1).contiguous()
        keys = [
            hashlib.blake2b(frame.numpy().tobytes(), digest_size=16).digest() for frame in frames
        ]
        new = [place for place, key in enumerate(keys) if key not in self.known]
        if new:
            inputs = clip[:, new][None, None]
            maps = score.model.extract_feat(inputs, stage='backbone')[0]
            for place, row in zip(new, score.model.cls_head.pool(maps)[0], strict=True):
                self.known[keys[place]] = row
        return torch.stack([self.known[key] for key in keys])


@dataclass(frozen=True)
class MemoScore:
    """A closed-form model that looks frames up: the same scores, in an eighth of the time."""

    score: RecognizerScore
    memo: FrameMemo

    @torch.inference_mode()
    def __call__(self, clips: Tensor) -> Tensor:
        """Clips (B, C, T, H, W) to probabilities (B, K)."""
        head = self.score.model.cls_head
        frames = torch.stack([self.memo.frames(self.score, clip) for clip in clips])
        logits = head.classify(head.summarise(frames))
        return (logits / self.score.temperature).softmax(dim=1)


def watch(config: Path, checkpoint: Path, recordings: Path, out: Path, memo: FrameMemo) -> Results:
    """Watch recordings as ``tools/detect.py`` does, afresh."""
    shutil.rmtree(out, ignore_errors=True)
    detector = DangerDetector.from_config(config, checkpoint, overrides=dict(dtype='float32'))
    assert isinstance(detector.score, RecognizerScore)
    detector.score = MemoScore(detector.score, memo)
    run(detector, find_sources([str(recordings)]), out)
    return read_results(out, recordings / 'events.json')
