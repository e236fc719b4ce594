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

    def frames(self, score: RecognizerScore, clips: Tensor) -> Tensor:
        """Features (B, T, D) of prepared clips (B, C, T, H, W)."""
        frames = clips.transpose(1, 2).flatten(0, 1)
        keys = [hashlib.blake2b(frame.numpy().tobytes()).digest() for frame in frames]
        new = {key: place for place, key in enumerate(keys) if key not in self.known}
        if new:
            # All new frames as one clip: the network sees each by itself.
            inputs = frames[list(new.values())].transpose(0, 1)[None, None]
            maps = score.model.extract_feat(inputs, stage='backbone')[0]
            self.known |= zip(new, score.model.cls_head.pool(maps)[0], strict=True)
        return torch.stack([self.known[key] for key in keys]).unflatten(0, (len(clips), -1))


@dataclass(frozen=True)
class MemoScore:
    """A closed-form model that looks frames up: the same scores, in an eighth of the time."""

    score: RecognizerScore
    memo: FrameMemo

    @torch.inference_mode()
    def __call__(self, clips: Tensor) -> Tensor:
        """Clips (B, C, T, H, W) to probabilities (B, K)."""
        head = self.score.model.cls_head
        logits = head.classify(head.summarise(self.memo.frames(self.score, clips)))
        return (logits / self.score.temperature).softmax(dim=1)


def watch(
    config: Path, checkpoint: Path, day: tuple[Path, int], out: Path, memo: FrameMemo
) -> Results:
    """Watch the first recordings of a folder as ``tools/detect.py`` does, afresh.

    Args:
        config: The model's config.
        checkpoint: Its weights.
        day: The folder, and how many of its recordings.
        out: Folder for the results.
        memo: Features of frames.
    """
    recordings, count = day
    shutil.rmtree(out, ignore_errors=True)
    detector = DangerDetector.from_config(config, checkpoint, overrides=dict(dtype='float32'))
    assert isinstance(detector.score, RecognizerScore)
    detector.score = MemoScore(detector.score, memo)
    files = sorted(map(str, recordings.glob('*.mp4')))[:count]
    run(detector, find_sources(files), out)
    return read_results(out, recordings / 'events.json')
