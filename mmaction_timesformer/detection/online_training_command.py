"""The commands behind ``tools/extract_features.py`` and the tools that train online models."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import torch

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
from mmaction_timesformer.engine.inputs import read_config
from mmaction_timesformer.engine.online.backbone_training import (
    BackboneTraining,
    LabeledPictures,
    backbone_input,
    train_backbone,
)
from mmaction_timesformer.engine.online.head_training import (
    HeadTraining,
    score_recordings,
    train_head,
)
from mmaction_timesformer.engine.online.hidden_patches import (
    HiddenPatchTraining,
    train_on_hidden_patches,
)
from mmaction_timesformer.evaluation.frame_metrics import FrameMetrics, frame_metrics
from mmaction_timesformer.inference.online_model import (
    build_online,
    load_backbone,
    make_picture_preparer,
)
from mmaction_timesformer.models.heads.future_frame_decoder import FutureFrameDecoder
from mmaction_timesformer.models.recognizers import OnlineRecognizer
from video_clips.plain_data import plain
from video_clips.whole_files import check_writable, write_atomically, written_beside

MODEL, METRICS = 'model.pth', 'metrics.json'


@dataclass(frozen=True)
class ExtractArguments:
    """Arguments of ``tools/extract_features.py``.

    Attributes:
        config: The model's config.
        checkpoint: Its weights.
        sources: Video files, folders, globs.
        out: Folder of the feature files; those that are there are left alone.
        device: Where the model runs.
        step_seconds: Distance of features, for a model of clips.
    """

    config: str
    checkpoint: str
    sources: Sequence[str]
    out: str
    device: str = 'cpu'
    step_seconds: float | None = None


@dataclass(frozen=True)
class BackboneArguments:
    """Arguments of ``tools/train_online_backbone.py``.

    Attributes:
        config: Of an ``OnlineRecognizer``.
        recordings: Folder of the recordings that the truth names.
        truth: The true events.
        out: The checkpoint to write.
        init: Weights to start from, of any known format.
        margin_seconds: Frames this close to a border are not trained on.
        hidden_steps: Steps before that, in which hidden patches are predicted, without labels.
        steps: Of the optimizer.
        seed: Of everything.
    """

    config: str
    recordings: str
    truth: str
    out: str
    init: str | None = None
    margin_seconds: float = 0.0
    hidden_steps: int = 0
    steps: int = 700
    seed: int = 0


@dataclass(frozen=True)
class HeadArguments:
    """Arguments of ``tools/train_online.py``.

    Attributes:
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
    """

    config: str
    backbone: str
    features: str
    truth: str
    out: str
    val_features: str | None = None
    val_truth: str | None = None
    margin_seconds: float = 0.0
    steps: int = 1500
    max_frames: int = 128
    seed: int = 0


def extract_command(arguments: ExtractArguments) -> None:
    """Extract the features of recordings.

    Raises:
        ValueError: A source is live, or the parts do not fit.
        OSError: A file cannot be read or written.
    """
    found = find_sources(arguments.sources)
    if live := [source.name for source in found if source.is_live]:
        raise ValueError(f'{live[0]} is a live source; features are extracted from files')
    config = read_config(str(arguments.config))
    extractor = FeatureExtractor.from_config(
        config, arguments.checkpoint, arguments.device, arguments.step_seconds
    )
    extract_all(
        extractor,
        found,
        arguments.out,
        lambda done, total, name: print(f'  {done} of {total}: {name}', flush=True),
    )


def train_backbone_command(arguments: BackboneArguments) -> None:
    """Train the backbone of an online model on untrimmed recordings and save it.

    Raises:
        ValueError: The parts do not fit.
        OSError: A file cannot be read or written.
    """
    config = read_config(str(arguments.config))
    check_writable(Path(arguments.out).parent)
    torch.manual_seed(arguments.seed)
    init = arguments.init
    model = build_online(config) if init is None else load_backbone(config, init)
    rule = LabelRule(tuple(config.classes), SAFE_CLASS, arguments.margin_seconds)
    recordings = []
    for name, known in read_truth(arguments.truth).items():
        source = Source(name, str(Path(arguments.recordings) / name))
        prepare = make_picture_preparer(config)
        pictures, seconds = read_pictures(source, prepare, model.frame_seconds)
        video = VideoFeatures(np.zeros((len(seconds), 1)), seconds)
        one = label_recording(
            name, video, known.events, rule, model.horizons, known.duration_seconds
        )
        recordings.append(LabeledPictures(pictures, one.labels, one.known))
    if arguments.hidden_steps:
        _train_on_hidden_patches(model, recordings, arguments)
    schedule = replace(BackboneTraining().schedule, num_steps=arguments.steps, seed=arguments.seed)
    train_backbone(model, recordings, BackboneTraining(schedule), _print_loss)
    weights = {f'backbone.{name}': value for name, value in model.backbone.state_dict().items()}
    with written_beside(arguments.out) as partial:
        torch.save({'state_dict': weights}, partial)


def _train_on_hidden_patches(
    model: OnlineRecognizer, recordings: Sequence[LabeledPictures], arguments: BackboneArguments
) -> None:
    """Train the backbone to predict what is hidden; what predicts is thrown away."""
    patch_size = model.backbone.patch_size
    decoder = FutureFrameDecoder(model.backbone.embed_dims, patch_size)
    inputs = [backbone_input(model, one.pictures) for one in recordings]
    settings = HiddenPatchTraining()
    schedule = replace(settings.schedule, num_steps=arguments.hidden_steps, seed=arguments.seed)
    settings = replace(settings, schedule=schedule)
    train_on_hidden_patches(model.stream[0], decoder, inputs, settings, _print_loss)


def train_head_command(arguments: HeadArguments) -> None:
    """Train the head of an online model and save the whole model.

    Raises:
        ValueError: The parts do not fit.
        OSError: A file cannot be read or written.
    """
    config = read_config(str(arguments.config))
    check_writable(arguments.out)
    torch.manual_seed(arguments.seed)
    model = load_backbone(config, arguments.backbone)
    rule = LabelRule(tuple(config.classes), SAFE_CLASS, arguments.margin_seconds)
    recordings = read_recordings(arguments.features, arguments.truth, rule, model.horizons)
    schedule = replace(HeadTraining().schedule, num_steps=arguments.steps, seed=arguments.seed)
    training = HeadTraining(schedule, max_frames=arguments.max_frames)
    train_head(model.head, recordings, training, _print_loss)
    out = Path(arguments.out)
    out.mkdir(parents=True, exist_ok=True)
    meta = {'dataset_meta': {'classes': tuple(config.classes)}}
    with written_beside(out / MODEL) as partial:
        torch.save({'state_dict': model.state_dict(), 'meta': meta}, partial)
    if arguments.val_features and arguments.val_truth:
        val = read_recordings(arguments.val_features, arguments.val_truth, rule, model.horizons)
        scores = score_recordings(model.head, val)
        metrics = frame_metrics(scores, rule.classes, SAFE_CLASS, model.horizons)
        write_metrics(metrics, out / METRICS)
        print(f'per-frame mAP {metrics.mean_ap.value:.3f}, chance {metrics.chance:.3f}')


def _print_loss(step: int, loss: float) -> None:
    print(f'  step {step}: loss {loss:.3f}', flush=True)


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
