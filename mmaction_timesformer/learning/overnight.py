"""Learning overnight: the normal training, from the model in use, of corrections and old clips.

A closed-form head is trained by its own loop: its statistics hold all old clips, so that nothing
has to be shown again, and the penalty and the temperature are chosen anew. Any other recognizer is
fine-tuned with three things against forgetting: old clips, chosen by herding, are shown again; the
old model's answers are asked for (distillation); and the weights are averaged with the old ones.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
from mmengine.config import Config

from mmaction_timesformer.engine.launch import TrainingOptions, run_training
from mmaction_timesformer.inference.trained_model import TrainedModel
from mmaction_timesformer.learning.corrections import Corrections, name_of, names_of, windows_of
from mmaction_timesformer.learning.features import FeatureReader, span_seconds
from mmaction_timesformer.learning.gate import GateRule
from mmaction_timesformer.learning.herding import herd_groups
from mmaction_timesformer.learning.increments import (
    Learner,
    config_text,
    meta_with_classes,
    with_classes,
)
from mmaction_timesformer.learning.known import known_clips
from mmaction_timesformer.learning.lineage import MODEL, Card, Lineage, NewModel
from mmaction_timesformer.learning.steps import (
    OVERNIGHT,
    data_of,
    exam_entry,
    examine,
    is_closed_form,
    plan,
    writer,
)
from mmaction_timesformer.models.checkpoints import find_checkpoint, read_checkpoint
from video_clips.annotation_files import write_annotations
from video_clips.clip import Clip
from video_clips.whole_files import write_atomically

CLASSIFIER = ('cls_head.fc_cls.weight', 'cls_head.fc_cls.bias')
TEMPERATURE = 'cls_head.temperature.value'


@dataclass(frozen=True)
class NightSettings:
    """How a night goes.

    Attributes:
        epochs: How often each clip is seen; by default a quarter of the config's epochs.
        replay: Old clips of each class and camera that are shown again.
        distillation: Weight of the old model's answers in the loss.
        old_share: Of the old weights in the average.
        learning_rate: The highest; by default a tenth of the config's.
        seed: Of what is drawn at random.
    """

    epochs: int | None = None
    replay: int = 20
    distillation: float = 1.0
    old_share: float = 0.5
    learning_rate: float | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        if not 0 <= self.old_share <= 1:
            raise ValueError(f'old_share={self.old_share} must be from 0 to 1')
        if self.replay < 0 or self.distillation < 0 or (self.epochs or 1) < 1:
            raise ValueError('replay and distillation must be at least 0, epochs at least 1')


def learn_overnight(
    lineage: Lineage,
    corrections: Corrections,
    by: str,
    settings: NightSettings | None = None,
    rule: GateRule | None = None,
) -> Card:
    """Train on corrections; the model waits for a decision.

    Args:
        lineage: The lineage; its current model is the parent.
        corrections: What to learn.
        by: Who asks for it.
        settings: How.
        rule: Of the gate.

    Raises:
        ValueError: There is nothing to learn, or the model cannot be trained like this.
    """
    started = time.perf_counter()
    settings = settings or NightSettings()
    parent = lineage.current
    left = plan(lineage, corrections).corrections
    trained = TrainedModel.load(None, lineage.checkpoint(parent.model))
    folder = lineage.folder / 'nights' / time.strftime('%Y%m%d_%H%M%S')
    folder.mkdir(parents=True)
    night = _ClosedFormNight if is_closed_form(trained) else _GradientNight
    content = night(lineage, trained, left, settings, folder).run()
    torch.save(content, folder / MODEL)
    found = TrainedModel.load(None, folder / MODEL)
    answers, verdict = examine(lineage, found, found.classes, rule)
    new = NewModel(
        OVERNIGHT,
        (parent.model,),
        found.classes,
        writer(partial(torch.save, content), left, answers),
        data=data_of(content, found.classes, parent, left.clips),
        change=dict(
            corrections=len(left),
            fingerprint=left.fingerprint,
            seconds=round(time.perf_counter() - started, 1),
            settings=asdict(settings),
        ),
        exam=exam_entry(lineage, verdict),
    )
    for file in folder.glob('*.pth'):  # The logs stay.
        file.unlink()
    return lineage.add(new, by)


@dataclass
class _Night:
    """A training in a folder of its own."""

    lineage: Lineage
    trained: TrainedModel
    corrections: Corrections
    settings: NightSettings
    folder: Path

    def run(self) -> dict[str, Any]:
        """The checkpoint that comes out."""
        raise NotImplementedError

    @property
    def new_clips(self) -> list[Clip]:
        """The corrections in windows."""
        span = span_seconds(self.trained)
        labelled = [clip for clip in self.corrections.clips if clip.label is not None]
        return [part for clip in labelled for part in windows_of(clip, span)]

    def train(self, values: dict[str, Any], clips: list[Clip], start: Path) -> dict[str, Any]:
        """Train on clips by the config, from a checkpoint; gives the last one."""
        annotations = self.folder / 'train.csv'
        write_annotations(annotations, clips, self.corrections.classes)
        dataset = _innermost(values['train_dataloader']['dataset'])
        dataset |= dict(ann_file=str(annotations), data_root='', data_prefix=dict(video=''))
        values['train_dataloader']['dataset'] = dataset
        values |= dict(load_from=str(start), resume=False)
        values['default_hooks'] = dict(
            values.get('default_hooks') or {},
            checkpoint=dict(type='CheckpointHook', interval=1, max_keep_ckpts=1, save_best=None),
        )
        for part in (values['model'], values['model']['backbone']):
            part.pop('init_cfg', None)
            if 'pretrained' in part:
                part['pretrained'] = None
        with write_atomically(self.folder / 'config.py') as stream:
            stream.write(config_text(Config(values)))
        options = TrainingOptions(str(self.folder), no_validate=True, seed=self.settings.seed)
        run_training(str(self.folder / 'config.py'), options)
        return read_checkpoint(find_checkpoint(self.folder))

    def finished(self, content: Mapping[str, Any], start: Mapping[str, Any]) -> dict[str, Any]:
        """A checkpoint as the lineage keeps it: its config is that of the model before."""
        classes, weights = self.corrections.classes, content['state_dict']
        meta = meta_with_classes(start.get('meta') or {}, classes, weights)
        kept = {key: value for key, value in content.items() if key not in _OF_A_RUN}
        return kept | dict(meta=meta)


_OF_A_RUN = ('optimizer', 'param_schedulers', 'message_hub', 'ema_state_dict', 'meta')


class _ClosedFormNight(_Night):
    def run(self) -> dict[str, Any]:
        learner = Learner.open(self.lineage.checkpoint(), self.lineage.cache)
        learner.make_room(self.corrections)
        learner.head.fit()
        start = self.folder / 'start.pth'
        learner.save(start)
        if not self.new_clips:  # There is only something to forget.
            return read_checkpoint(start)
        config = with_classes(self.trained.config, self.corrections.classes)
        content = self.train(config.to_dict(), self.new_clips, start)
        return self.finished(content, read_checkpoint(start))


class _GradientNight(_Night):
    def run(self) -> dict[str, Any]:
        old = read_checkpoint(self.lineage.checkpoint())
        num_old, classes = len(self.trained.classes), self.corrections.classes
        grown = grow_classifier(old['state_dict'], len(classes))
        start = self.folder / 'start.pth'
        torch.save(dict(state_dict=grown, meta=old.get('meta') or {}), start)
        values = fine_tuning(self.trained.config, self.corrections, self.settings)
        values['model'] |= dict(
            type='DistilledRecognizer3D',
            teacher=str(start),
            num_old_classes=num_old,
            distillation=self.settings.distillation,
        )
        content = self.train(values, self.new_clips + self.old_clips(), start)
        state = average(grown, content['state_dict'], self.settings.old_share, num_old)
        return self.finished(dict(state_dict=state), old)

    def old_clips(self) -> list[Clip]:
        """Herded clips that the model has learned before."""
        span = span_seconds(self.trained)
        replaced = set().union(*(names_of(clip, span) for clip in self.corrections.clips))
        known = [
            clip
            for clip in known_clips(self.lineage, self.trained, self.corrections.classes)
            if name_of(clip) not in replaced
        ]
        if not known or not self.settings.replay:
            return []
        features = FeatureReader(self.trained, self.lineage.cache)(known).mean(axis=1)
        groups = [(clip.label, clip.recording) for clip in known]
        return [known[row] for row in herd_groups(features, groups, self.settings.replay)]


def fine_tuning(
    config: Config, corrections: Corrections, settings: NightSettings
) -> dict[str, Any]:
    """A config's values for fewer and smaller steps.

    Raises:
        ValueError: It trains by iterations, or builds another kind of model.
    """
    values: dict[str, Any] = with_classes(config, corrections.classes).to_dict()
    if values['model'].get('type') != 'Recognizer3D':
        raise ValueError(f'a night trains a Recognizer3D, not a {values["model"].get("type")}')
    whole = (values.get('train_cfg') or {}).get('max_epochs')
    if whole is None:
        raise ValueError('the config trains by iterations; a night needs max_epochs')
    epochs = settings.epochs or math.ceil(whole / 4)
    optimizer = values['optim_wrapper']['optimizer']
    optimizer['lr'] = settings.learning_rate or 0.1 * optimizer['lr']
    cosine = dict(type='CosineAnnealingLR', T_max=epochs, by_epoch=True, convert_to_iter_based=True)
    hooks = [hook for hook in values.get('custom_hooks') or [] if hook.get('type') != 'EMAHook']
    return values | dict(
        train_cfg=dict(type='EpochBasedTrainLoop', max_epochs=epochs),
        param_scheduler=[cosine],
        custom_hooks=hooks,
    )


def grow_classifier(state: Mapping[str, Any], num_classes: int) -> dict[str, Any]:
    """Weights with room for more classes, whose logits begin as the mean of the others'."""
    grown = dict(state)
    for name in CLASSIFIER:
        value = state[name]
        missing = num_classes - len(value)
        new = value.mean(dim=0, keepdim=True).expand(missing, *value.shape[1:])
        grown[name] = torch.cat([value, new])
    return grown


def average(
    old: Mapping[str, Any], new: Mapping[str, Any], old_share: float, num_old_classes: int
) -> dict[str, Any]:
    """Weights between those of two models; classes that the old one does not know are the new's."""
    state = {}
    for name, value in new.items():
        before = old.get(name)
        if before is None or not value.is_floating_point():
            state[name] = value
            continue
        state[name] = old_share * before + (1 - old_share) * value
        if name in CLASSIFIER:
            state[name][num_old_classes:] = value[num_old_classes:]
    if TEMPERATURE in old:
        state[TEMPERATURE] = old[TEMPERATURE]
    return state


def _innermost(dataset: dict[str, Any]) -> dict[str, Any]:
    while 'dataset' in dataset:
        dataset = dataset['dataset']
    return dict(dataset)
