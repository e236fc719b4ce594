"""Nights: closed form as at once; by gradients with replay, the old answers and an average."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.runner import Runner

from mmaction_timesformer.inference.trained_model import TrainedModel
from mmaction_timesformer.learning.corrections import Corrections, name_of
from mmaction_timesformer.learning.known import known_clips
from mmaction_timesformer.learning.lineage import Lineage
from mmaction_timesformer.learning.overnight import (
    NightSettings,
    average,
    grow_classifier,
    learn_overnight,
)
from mmaction_timesformer.learning.steps import learn_at_once, start
from mmaction_timesformer.models.checkpoints import read_checkpoint
from tests.tiny_run import CLASSES, write_config
from video_clips.annotation_files import read_annotations


@pytest.mark.slow
def test_a_closed_form_night_without_augmentation_is_learning_at_once(lineage, yard):
    """The views of this config are alike, so that two of them are one that counts twice."""
    once = learn_at_once(lineage, yard.new, 'ann')
    night = learn_overnight(lineage, yard.new, 'ann')
    assert (night.how, night.classes, night.data) == ('overnight', CLASSES, once.data)
    states = [read_checkpoint(lineage.checkpoint(c.model))['state_dict'] for c in (once, night)]
    for name in ('cls_head.fc_cls.weight', 'cls_head.fc_cls.bias'):
        torch.testing.assert_close(*(state[name] for state in states), rtol=1e-3, atol=1e-5)
    # The next one goes on from it.
    lineage.accept(night.model, 'ann', 'for the test', against_gate=True)
    gone = Corrections.of([replace(yard.new.clips[0], label=None)], CLASSES)
    assert learn_at_once(lineage, gone, 'ann').change['num_forgotten'] == 1


@pytest.fixture(scope='module')
def transformer(yard, tmp_path_factory) -> Lineage:
    """A lineage of a small TimeSformer of three classes."""
    folder = tmp_path_factory.mktemp('transformer')
    config = Config.fromfile(write_config(folder, 1, 'divided_space_time'))
    config.model.cls_head.num_classes = 3
    for name in ('train', 'val', 'test'):
        dataset = config[f'{name}_dataloader'].dataset
        dataset.update(data_root=str(yard.folder / 'data'), ann_file='known.csv')
        dataset.classes = CLASSES[:3]
    config.work_dir = str(folder / 'run')
    runner = Runner.from_cfg(config)
    runner.train()
    checkpoint = next((folder / 'run').glob('best_*.pth'))
    return start(folder / 'lineage', checkpoint, yard.exam, by='ann')


@pytest.mark.slow
def test_a_night_with_the_old_weights_alone_changes_the_new_class_alone(transformer, yard):
    settings = NightSettings(epochs=1, replay=1, old_share=1.0)
    card = learn_overnight(transformer, yard.new, 'ann', settings)
    assert card.classes == CLASSES
    before, after = (
        read_checkpoint(transformer.checkpoint(model))['state_dict']
        for model in ('0001', card.model)
    )
    for name, value in before.items():
        torch.testing.assert_close(after[name][: len(value)] if value.dim() else after[name], value)
    trained = TrainedModel.load(None, transformer.checkpoint(card.model))
    assert trained.config.model.type == 'Recognizer3D'
    (night,) = (transformer.folder / 'nights').iterdir()
    shown = read_annotations(night / 'train.csv', CLASSES)
    old = [clip for clip in shown if name_of(clip) not in set(map(name_of, yard.new.clips))]
    # One clip of each class and camera that were known.
    assert len(old) == len({(c.label, c.recording) for c in yard.known.clips}) == 12
    assert len(shown) == len(old) + len(yard.new)


@pytest.mark.slow
def test_what_was_learned_is_known(transformer, yard):
    relabelled = replace(yard.known.clips[0], label=2)
    forgotten = replace(yard.known.clips[1], label=None)
    corrections = Corrections.of([relabelled, forgotten, *yard.new.clips[:3]], CLASSES)
    settings = NightSettings(epochs=1, replay=0, distillation=0.0, old_share=0.0)
    card = learn_overnight(transformer, corrections, 'ann', settings)
    transformer.accept(card.model, 'ann', 'for the test', against_gate=True)
    trained = TrainedModel.load(None, transformer.checkpoint())
    known = {name_of(clip): clip.label for clip in known_clips(transformer, trained, CLASSES)}
    expected = {name_of(clip): clip.label for clip in yard.known.clips}
    expected |= {name_of(clip): clip.label for clip in corrections.clips}
    del expected[name_of(forgotten)]
    assert known == expected


def test_the_average_by_hand():
    old = {'cls_head.fc_cls.weight': torch.tensor([[1.0], [3.0]]), 'count': torch.tensor(1)}
    old['cls_head.fc_cls.bias'] = torch.tensor([0.0, 2.0])
    grown = grow_classifier(old, 3)
    assert grown['cls_head.fc_cls.weight'].tolist() == [[1.0], [3.0], [2.0]]
    assert grown['cls_head.fc_cls.bias'].tolist() == [0.0, 2.0, 1.0]
    new = {name: value + 4 for name, value in grown.items()}
    found = average(grown, new, 0.75, 2)
    assert found['cls_head.fc_cls.weight'].tolist() == [[2.0], [4.0], [6.0]]
    assert found['cls_head.fc_cls.bias'].tolist() == [1.0, 3.0, 5.0]
    assert found['count'] == 5


def test_settings_make_sense():
    with pytest.raises(ValueError, match='old_share=2'):
        NightSettings(old_share=2)
    with pytest.raises(ValueError, match='replay'):
        NightSettings(replay=-1)
    assert np.isclose(NightSettings().old_share, 0.5)
