"""What ``tools/extract_features.py`` and the tools that train online models do."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
from mmengine.config import Config

from mmaction_timesformer.datasets.untrimmed_features import (
    LabeledRecording,
    LabelRule,
    VideoFeatures,
    label_recording,
)
from mmaction_timesformer.detection.events.rules import SAFE_CLASS
from mmaction_timesformer.detection.feature_extraction import (
    FeatureExtractor,
    extract_all,
    read_pictures,
)
from mmaction_timesformer.detection.quality.truth import read_truth
from mmaction_timesformer.detection.sources.sources import Source, find_sources
from mmaction_timesformer.engine.online_backbone_training import (
    BackboneTraining,
    LabeledPictures,
    train_backbone,
)
from mmaction_timesformer.engine.online_training import HeadTraining, score_recordings, train_head
from mmaction_timesformer.evaluation.frame_metrics import FrameMetrics, frame_metrics
from mmaction_timesformer.inference.online_model import (
    build_online,
    load_backbone,
    make_picture_preparer,
)
from video_clips.plain_data import plain
from video_clips.whole_files import write_atomically

MODEL, METRICS = 'model.pth', 'metrics.json'


def extract_command(
    config: str,
    checkpoint: str,
    sources: Sequence[str],
    out: str,
    device: str = 'cpu',
    step_seconds: float | None = None,
) -> int:
    """Extract the features of recordings.

    Args:
        config: The model's config.
        checkpoint: Its weights.
        sources: Video files, folders, globs.
        out: Folder of the feature files; those that are there are left alone.
        device: Where the model runs.
        step_seconds: Distance of features, for a model of clips.

    Returns:
        The exit code: 0, or 2 if something could not be used.
    """
    try:
        found = find_sources(sources)
        if live := [source.name for source in found if source.is_live]:
            raise ValueError(f'{live[0]} is a live source; features are extracted from files')
        extractor = FeatureExtractor.from_config(
            Config.fromfile(config), checkpoint, device, step_seconds
        )
        extract_all(
            extractor,
            found,
            out,
            lambda done, total, name: print(f'  {done} of {total}: {name}', flush=True),
        )
    except (ValueError, OSError) as error:
        print(f'error: {error}', file=sys.stderr)
        return 2
    return 0


def train_backbone_command(
    config: str,
    recordings: str,
    truth: str,
    out: str,
    init: str | None = None,
    margin_seconds: float = 0.0,
    steps: int = 600,
    seed: int = 0,
) -> int:
    """Train the backbone of an online model on untrimmed recordings.

    Args:
        config: Of an ``OnlineRecognizer``.
        recordings: Folder of the recordings that the truth names.
        truth: The true events.
        out: The checkpoint to write.
        init: Weights to start from, of any known format.
        margin_seconds: Frames this close to a border are not trained on.
        steps: Of the optimizer.
        seed: Of everything.

    Returns:
        The exit code: 0, or 2 if something could not be used.
    """
    try:
        cfg = Config.fromfile(config)
        torch.manual_seed(seed)
        model = build_online(cfg) if init is None else load_backbone(cfg, init)
        rule = LabelRule(tuple(cfg.classes), SAFE_CLASS, margin_seconds)
        found = []
        for name, known in read_truth(truth).items():
            pictures, seconds = read_pictures(
                Source(name, str(Path(recordings) / name)),
                make_picture_preparer(cfg),
                model.frame_seconds,
            )
            video = VideoFeatures(np.zeros((len(seconds), 1)), seconds)
            one = label_recording(
                name, video, known.events, rule, model.horizons, known.duration_seconds
            )
            found.append(LabeledPictures(pictures, one.labels, one.known))
        train_backbone(
            model,
            found,
            rule.classes.index(SAFE_CLASS),
            BackboneTraining(num_steps=steps, seed=seed),
            lambda step, loss: print(f'  step {step}: loss {loss:.3f}', flush=True),
        )
        Path(out).parent.mkdir(parents=True, exist_ok=True)
        torch.save({'state_dict': _with_prefix(model.backbone.state_dict(), 'backbone.')}, out)
    except (ValueError, OSError) as error:
        print(f'error: {error}', file=sys.stderr)
        return 2
    return 0


def _with_prefix(state_dict: Mapping[str, torch.Tensor], prefix: str) -> dict[str, torch.Tensor]:
    return {prefix + name: value for name, value in state_dict.items()}


def train_command(
    config: str,
    backbone: str,
    features: str,
    truth: str,
    out: str,
    val_features: str | None = None,
    val_truth: str | None = None,
    margin_seconds: float = 0.0,
    steps: int = 1500,
    max_frames: int = 128,
    seed: int = 0,
) -> int:
    """Train the head of an online model and save the whole model.

    Args:
        config: Of an ``OnlineRecognizer``.
        backbone: The checkpoint that the features were made with.
        features: Folder of feature files.
        truth: The true events, as ``tools/evaluate_events.py`` reads them.
        out: Folder for the model and the metrics.
        val_features: Features of recordings to take the metrics on.
        val_truth: Their events.
        margin_seconds: Frames this close to a border are neither trained on nor measured.
        steps: Of the optimizer.
        max_frames: Longest window.
        seed: Of everything.

    Returns:
        The exit code: 0, or 2 if something could not be used.
    """
    try:
        cfg = Config.fromfile(config)
        torch.manual_seed(seed)
        model = load_backbone(cfg, backbone)
        rule = LabelRule(tuple(cfg.classes), SAFE_CLASS, margin_seconds)
        recordings = read_recordings(features, truth, rule, model.horizons)
        train_head(
            model.head,
            recordings,
            HeadTraining(num_steps=steps, max_frames=max_frames, seed=seed),
            lambda step, loss: print(f'  step {step}: loss {loss:.3f}', flush=True),
        )
        Path(out).mkdir(parents=True, exist_ok=True)
        meta = {'dataset_meta': {'classes': tuple(cfg.classes)}}
        torch.save({'state_dict': model.state_dict(), 'meta': meta}, Path(out) / MODEL)
        if val_features and val_truth:
            val = read_recordings(val_features, val_truth, rule, model.horizons)
            metrics = frame_metrics(
                score_recordings(model.head, val), rule.classes, SAFE_CLASS, model.horizons
            )
            write_metrics(metrics, Path(out) / METRICS)
            print(f'per-frame mAP {metrics.mean_ap.value:.3f}, chance {metrics.chance:.3f}')
    except (ValueError, OSError) as error:
        print(f'error: {error}', file=sys.stderr)
        return 2
    return 0


def read_recordings(
    features: str | Path, truth: str | Path, rule: LabelRule, horizons: Sequence[float]
) -> list[LabeledRecording]:
    """The recordings of a truth file with their features.

    Raises:
        FileNotFoundError: A file is missing.
        ValueError: A file is damaged, or they are of different models.
    """
    recordings, makers = [], set()
    for name, known in read_truth(truth).items():
        video = VideoFeatures.read(Path(features) / f'{Path(name).name}.npz')
        makers.add(video.made_by)
        recordings.append(
            label_recording(name, video, known.events, rule, horizons, known.duration_seconds)
        )
    if len(makers) > 1:
        raise ValueError(f'{features} holds features of several models: {sorted(makers)}')
    return recordings


def write_metrics(metrics: FrameMetrics, file: Path) -> None:
    """Write metrics as JSON."""
    with write_atomically(file) as stream:
        json.dump(plain(asdict(metrics)), stream, indent=2)
