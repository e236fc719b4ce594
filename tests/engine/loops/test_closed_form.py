"""Training in closed form through mmengine's runner, checkpoints included."""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.runner import Runner
from sklearn.linear_model import RidgeClassifier

from mmaction_timesformer.learning.corrections import Corrections
from mmaction_timesformer.learning.increments import Learner
from mmaction_timesformer.models.heads.ridge import RidgeStatistics
from mmaction_timesformer.registry import DATASETS, MODELS
from tests.closed_form_run import write_config
from tests.tiny_run import CLASSES
from video_clips.annotation_files import read_annotations, write_annotations


@pytest.fixture(scope='module')
def folder(tmp_path_factory, tiny_videos) -> Path:
    folder = tmp_path_factory.mktemp('closed_form')
    shutil.copytree(tiny_videos, folder / 'data')
    clips = read_annotations(folder / 'data' / 'train.csv', CLASSES)
    write_annotations(folder / 'data' / 'first.csv', clips[: len(clips) // 2], CLASSES)
    write_annotations(folder / 'data' / 'second.csv', clips[len(clips) // 2 :], CLASSES)
    write_config(folder, CLASSES, 'train.csv', 'val.csv')
    return folder


def train(folder: Path, name: str, ann_file: str, load_from: Path | None = None) -> Runner:
    cfg = Config.fromfile(folder / 'config.py')
    cfg.work_dir = str(folder / name)
    cfg.train_dataloader.dataset.ann_file = ann_file
    cfg.load_from = None if load_from is None else str(load_from)
    runner = Runner.from_cfg(cfg)
    runner.train()
    return runner


@pytest.fixture(scope='module')
def whole(folder) -> Runner:
    """A training on all clips."""
    return train(folder, 'whole', 'train.csv')


def test_training_is_the_regression(folder, whole):
    model = whole.model.eval()
    dataset = DATASETS.build(whole.cfg.train_dataloader.dataset)
    items = [dataset[number] for number in range(len(dataset))]
    rows, labels = [], []
    for item in items:
        data = model.data_preprocessor(
            dict(inputs=[item['inputs']], data_samples=[item['data_samples']])
        )
        with torch.no_grad():
            maps = model.extract_feat(data['inputs'], stage='backbone')[0]
            rows.append(model.cls_head.features(maps)[0].double().numpy())
        labels.append(int(item['data_samples'].gt_label))
    features = np.array(rows)
    mean, deviation = features.mean(axis=0), features.std(axis=0)
    scaled = (features - mean) / np.where(deviation < 1e-6, np.inf, deviation)
    peer = RidgeClassifier(alpha=0.1 * features.shape[1]).fit(scaled, labels)
    weight = model.cls_head.fc_cls.weight.detach().double().numpy()
    bias = model.cls_head.fc_cls.bias.detach().double().numpy()
    found = 2 * (features @ weight.T + bias) - 1
    np.testing.assert_allclose(found, peer.decision_function(scaled), atol=1e-3)
    # Validation came after the fit, and has left the temperature alone.
    checkpoint = torch.load(folder / 'whole' / 'epoch_1.pth', weights_only=True)
    assert model.cls_head.temperature.value == pytest.approx(checkpoint['meta']['temperature'])
    assert model.cls_head.temperature.value < 1


def test_training_on_adds_to_what_was_seen(folder):
    """Half the clips, then the other half from the checkpoint: as if they had come together."""
    first = train(folder, 'first', 'first.csv')
    random_part = first.model.backbone.state_dict()
    second = train(folder, 'second', 'second.csv', folder / 'first' / 'epoch_1.pth')
    again = train(folder, 'whole_again', 'train.csv', save_backbone(folder, random_part))
    torch.testing.assert_close(
        second.model.cls_head.fc_cls.weight,
        again.model.cls_head.fc_cls.weight,
        rtol=1e-4,
        atol=1e-6,
    )


def save_backbone(folder: Path, state: dict) -> Path:
    """A checkpoint of the network alone: no classes were seen by it."""
    file = folder / 'backbone.pth'
    torch.save({'state_dict': {f'backbone.{k}': v for k, v in state.items()}}, file)
    return file


def test_fine_tuning_starts_as_an_exact_copy(folder, whole):
    """A TimeSformer that corrects the fit says at first what the fit says, and then learns."""
    checkpoint = folder / 'whole' / 'epoch_1.pth'
    cfg = Config.fromfile(folder / 'config.py')
    cfg.work_dir, cfg.load_from = str(folder / 'tuned'), str(checkpoint)
    cfg.model.backbone.transformer = dict(
        num_frames=4, img_size=8, embed_dims=12, num_heads=2, num_transformer_layers=1
    )
    cfg.model.cls_head.residual_channels = 12
    cfg.train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=1)
    cfg.optim_wrapper = dict(optimizer=dict(type='AdamW', lr=1e-3))
    cfg.pop('closed_form_statistics', None)
    runner = Runner.from_cfg(cfg)
    runner.model.init_weights()
    runner.load_or_resume()
    dataset = DATASETS.build(cfg.val_dataloader.dataset)
    batch = [dataset[number] for number in range(6)]
    data = dict(
        inputs=[item['inputs'] for item in batch],
        data_samples=[item['data_samples'] for item in batch],
    )

    def probabilities(model):
        with torch.no_grad():
            return torch.stack([sample.pred_score for sample in model.eval().test_step(data)])

    expected = probabilities(whole.model)
    torch.testing.assert_close(probabilities(runner.model), expected, rtol=0, atol=0)
    runner._has_loaded = False
    runner.train()
    assert (probabilities(runner.model) - expected).abs().max() > 1e-4


def test_another_head_is_refused(folder):
    cfg = Config.fromfile(folder / 'config.py')
    cfg.work_dir = str(folder / 'refused')
    cfg.model.backbone = dict(type='ResNet3d', depth=18, pretrained2d=False, pretrained=None)
    cfg.model.cls_head = dict(type='I3DHead', num_classes=4, in_channels=512)
    with pytest.raises(ValueError, match='ClosedFormHead'):
        Runner.from_cfg(cfg).train()


def test_a_trained_timesformer_gets_a_closed_form_head(folder):
    """Its network stays as it was, its own classifier goes, and corrections can be learned."""
    cfg = Config.fromfile(folder / 'config.py')
    size = dict(num_frames=4, img_size=32, embed_dims=12, num_heads=2, num_transformer_layers=1)
    cfg.model.backbone = dict(type='TimeSformerBackbone', **size)
    cfg.model.cls_head = dict(type='TimeSformerClsHead', num_classes=4, in_channels=12)
    torch.manual_seed(1)
    trained = MODELS.build(cfg.model)
    trained.init_weights()
    torch.save({'state_dict': trained.state_dict()}, folder / 'trained.pth')
    cfg.model.backbone.out_type = 'tokens'
    cfg.model.cls_head = dict(type='ClosedFormHead', num_classes=4, in_channels=12)
    cfg.test_dataloader, cfg.test_evaluator = cfg.val_dataloader, cfg.val_evaluator
    cfg.test_cfg = dict(type='TestLoop')
    cfg.work_dir, cfg.load_from = str(folder / 'on_tokens'), str(folder / 'trained.pth')
    runner = Runner.from_cfg(cfg)
    runner.train()
    for name, value in trained.backbone.state_dict().items():
        torch.testing.assert_close(runner.model.backbone.state_dict()[name], value)
    learner = Learner.open(folder / 'on_tokens' / 'epoch_1.pth')
    clips = read_annotations(folder / 'data' / 'val.csv', CLASSES)[:3]
    paths = [str(folder / 'data' / 'videos' / clip.path) for clip in clips]
    wrong = [replace(c, path=p, label=0) for c, p in zip(clips, paths, strict=True)]
    assert learner.learn(Corrections.of(wrong, CLASSES)).num_added == 3
    weight = learner.head.fc_cls.weight
    again = RidgeStatistics(4, weight.shape[1])
    for label, rows, weights, _ in learner.head.statistics.kept():
        again.add(rows, [label] * len(rows), weights)
    expected = again.solve(learner.head.strength)[0]
    np.testing.assert_allclose(weight.detach().numpy(), expected, atol=1e-5)


def test_a_dictionary_is_learned_once(folder):
    """From the first clips; those that come later are seen with the same one."""
    patches = dict(
        cls_head=dict(in_channels=8),
        data_preprocessor=dict(mean=[0.0] * 3, std=[1.0] * 3),
    )

    def train_patches(name: str, ann_file: str, load_from: Path | None = None) -> Runner:
        cfg = Config.fromfile(folder / 'config.py')
        cfg.merge_from_dict(dict(model=patches, work_dir=str(folder / name)))
        cfg.model.backbone = dict(type='PatchEncoder', num_entries=8)
        cfg.train_dataloader.dataset.ann_file = ann_file
        cfg.load_from = None if load_from is None else str(load_from)
        runner = Runner.from_cfg(cfg)
        runner.train()
        return runner

    first = train_patches('patches', 'first.csv').model.backbone
    assert not torch.equal(first.entries, type(first)(8).entries)
    more = train_patches('more', 'second.csv', folder / 'patches' / 'epoch_1.pth').model
    torch.testing.assert_close(more.backbone.entries, first.entries)
    known = sum(len(rows) for _, rows, _, _ in more.cls_head.statistics.kept())
    assert known == len(read_annotations(folder / 'data' / 'train.csv', CLASSES))
