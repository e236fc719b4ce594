"""The exam: clips that no model learns from, on which every model is judged.

It is frozen: clips can join it, for a new class or a new camera, and none leaves it.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from mmaction_timesformer.evaluation.predictions import Predictions
from mmaction_timesformer.inference.trained_model import TrainedModel
from mmaction_timesformer.learning.corrections import (
    Corrections,
    fingerprint_of,
    name_of,
    overlapping,
)
from mmaction_timesformer.learning.features import FeatureReader, score_features
from video_clips.annotation_files import class_names_in, read_annotations, write_annotations
from video_clips.clip import Clip
from video_clips.plain_data import parse_json, plain
from video_clips.whole_files import write_atomically

FILE = 'exam.csv'


@dataclass(frozen=True)
class Exam:
    """Clips to be judged on.

    Attributes:
        clips: With absolute paths; ``recording`` is the camera.
        classes: Names of their labels.
    """

    clips: tuple[Clip, ...]
    classes: tuple[str, ...]

    @classmethod
    def of(cls, clips: Corrections) -> Exam:
        """Make an exam of a list of labelled clips.

        Raises:
            ValueError: A clip has no label.
        """
        for clip in clips.clips:
            if clip.label is None:
                raise ValueError(f'{clip.path} has no label; an exam needs one for each clip')
        return cls(clips.clips, clips.classes)

    @classmethod
    def read(cls, file: Path) -> Exam:
        """Read an exam that was written."""
        classes = class_names_in([file])
        return cls(tuple(read_annotations(file, classes)), classes)

    def write(self, file: Path) -> None:
        """Write it as an annotation CSV."""
        write_annotations(file, self.clips, self.classes)

    def __len__(self) -> int:
        return len(self.clips)

    @property
    def fingerprint(self) -> str:
        """Changes with any clip or label."""
        return fingerprint_of(self.clips, self.classes)

    def joined_by(self, more: Exam) -> Exam:
        """With more clips.

        Raises:
            ValueError: A clip is in the exam already, with another label.
        """
        labels = {name_of(clip): self.classes[int(clip.label)] for clip in self.clips}  # type: ignore[arg-type]
        classes = (*self.classes, *(c for c in more.classes if c not in self.classes))
        new = []
        for clip in more.clips:
            label = more.classes[int(clip.label)]  # type: ignore[arg-type]
            if labels.setdefault(name_of(clip), label) != label:
                raise ValueError(
                    f'{clip.path} is in the exam as {labels[name_of(clip)]}, not {label}: an exam '
                    'is not changed'
                )
            if all(name_of(clip) != name_of(old) for old in self.clips):
                new.append(replace(clip, label=classes.index(label)))
        return Exam((*self.clips, *new), classes)

    def held_back(self, corrections: Corrections) -> set[str]:
        """Names of corrections that show what the exam asks."""
        return overlapping(corrections.clips, self.clips)

    def sit(
        self, trained: TrainedModel, classes: Sequence[str] | None = None, cache: Path | None = None
    ) -> Predictions:
        """Let a model answer.

        Args:
            trained: The model.
            classes: Its classes, where it has grown since it was loaded.
            cache: Folder of features.

        Raises:
            VideoError: A clip cannot be decoded.
        """
        own = trained.classes if classes is None else tuple(classes)
        names = (*own, *(name for name in self.classes if name not in own))
        if getattr(trained.model.cls_head, 'residual', None) is None:
            scores = score_features(trained, FeatureReader(trained, cache)(self.clips))
        else:
            scores = np.array([_predicted(trained, clip) for clip in self.clips])
        padded = np.zeros((len(self), len(names)))
        padded[:, : len(own)] = scores
        labels = np.array([names.index(self.classes[int(c.label)]) for c in self.clips])  # type: ignore[arg-type]
        return Predictions(padded, labels, names, _facts(self.clips))


def _predicted(trained: TrainedModel, clip: Clip) -> list[float]:
    part = dict(start_seconds=clip.start_seconds, end_seconds=clip.end_seconds)
    scores = trained.predict(clip.path, **part)
    return [scores[name] for name in trained.classes]


def _facts(clips: Sequence[Clip]) -> pd.DataFrame:
    return pd.DataFrame(
        dict(
            filename=[clip.path for clip in clips],
            recording=[clip.recording for clip in clips],
            start_seconds=[clip.start_seconds for clip in clips],
            end_seconds=[clip.end_seconds for clip in clips],
        )
    )


def write_answers(file: Path, answers: Predictions) -> None:
    """Keep a model's answers as JSON."""
    content: dict[str, Any] = dict(
        classes=answers.classes,
        labels=answers.labels.tolist(),
        scores=np.round(answers.scores, 6).tolist(),
        clips=plain(answers.clips.to_dict('list')),
    )
    with write_atomically(file) as stream:
        json.dump(content, stream)


def read_answers(file: Path) -> Predictions:
    """Read answers that were kept.

    Raises:
        ValueError: The file holds something else.
    """
    try:
        content = parse_json(file.read_text(encoding='utf-8'))
        return Predictions(
            np.array(content['scores']),
            np.array(content['labels']),
            tuple(content['classes']),
            pd.DataFrame(content['clips']),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f'{file} holds no answers: {error!r}') from None
