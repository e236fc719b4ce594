"""Counting labels through dataset wrappers, and a training run that weighs by them."""

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import torch
from mmaction.datasets import VideoDataset
from mmengine.dataset import BaseDataset, ClassBalancedDataset, ConcatDataset, RepeatDataset
from mmengine.model import BaseModule
from mmengine.runner import Runner

from mmaction_timesformer.engine.hooks import count_labels
from mmaction_timesformer.models.losses import ClassBalancedFocalLoss
from mmaction_timesformer.registry import DATASETS, MODELS, TRANSFORMS

LABELS = [0, 0, 0, 0, 0, 1, 2, 2]


@DATASETS.register_module()
class LabelledNoise(BaseDataset):
    """Tiny clips of noise with the labels above."""

    def load_data_list(self) -> list[dict]:
        return [dict(label=label) for label in LABELS]

    def get_cat_ids(self, idx: int) -> list[int]:
        return [self.get_data_info(idx)['label']]


@TRANSFORMS.register_module()
class NoiseClip:
    """Put a clip of one view, three channels, two frames and 4 x 4 pixels where a decoder would."""

    def __call__(self, results: dict) -> dict:
        return results | dict(imgs=torch.rand(1, 3, 2, 4, 4).numpy())


@MODELS.register_module()
class MeanPixel(BaseModule):
    """A backbone without parameters."""

    def forward(self, clips: torch.Tensor) -> torch.Tensor:
        return clips.mean(dim=(2, 3, 4))


@pytest.fixture
def noise() -> LabelledNoise:
    return LabelledNoise()


def test_counts_of_a_dataset(noise: LabelledNoise) -> None:
    assert count_labels(noise) == Counter({0: 5, 1: 1, 2: 2})


def test_counts_are_of_what_an_epoch_shows(noise: LabelledNoise) -> None:
    assert count_labels(RepeatDataset(noise, times=3)) == {0: 15, 1: 3, 2: 6}
    assert count_labels(ConcatDataset([noise, noise])) == {0: 10, 1: 2, 2: 4}
    # Frequencies 5/8, 1/8, 1/4 below 1/2 repeat by sqrt(4) = 2 and ceil(sqrt(2)) = 2.
    assert count_labels(ClassBalancedDataset(noise, oversample_thr=0.5)) == {0: 5, 1: 2, 2: 4}


@pytest.mark.parametrize('multi_class', [False, True])
def test_counts_of_mmaction2s_dataset(tmp_path: Path, multi_class: bool) -> None:
    annotations = tmp_path / 'train.txt'
    annotations.write_text('a.mp4 0 2\nb.mp4 2\n' if multi_class else 'a.mp4 0\nb.mp4 2\n')
    dataset = VideoDataset(str(annotations), pipeline=[], multi_class=multi_class, num_classes=3)
    assert count_labels(dataset) == ({0: 1, 2: 2} if multi_class else {0: 1, 2: 1})


def test_a_dataset_without_annotations_is_refused() -> None:
    with pytest.raises(ValueError, match='class_counts'):
        count_labels(torch.utils.data.TensorDataset(torch.zeros(3)))


def train(tmp_path: Path, num_classes: int = 4, **settings: Any) -> Runner:
    """Train a linear classifier of noise for an epoch, as a config would."""
    pipeline = [dict(type='NoiseClip'), dict(type='PackActionInputs')]
    runner = Runner(
        model=dict(
            type='Recognizer3D',
            backbone=dict(type='MeanPixel'),
            cls_head=dict(
                type='TimeSformerClsHead',
                num_classes=num_classes,
                in_channels=3,
                loss_cls=dict(type='ClassBalancedFocalLoss', beta=0.9),
            ),
            data_preprocessor=dict(type='ActionDataPreprocessor', format_shape='NCTHW'),
        ),
        work_dir=str(tmp_path),
        train_dataloader=dict(
            batch_size=4,
            num_workers=0,
            sampler=dict(type='DefaultSampler', shuffle=True),
            dataset=dict(type='LabelledNoise', pipeline=pipeline),
        ),
        train_cfg=dict(by_epoch=True, max_epochs=1),
        optim_wrapper=dict(optimizer=dict(type='SGD', lr=0.1)),
        default_hooks=dict(class_counts=dict(type='ClassCountsHook')),
        default_scope='mmaction',
        # Runs of one name that begin in the same second share mmengine's message hub.
        experiment_name=f'{tmp_path.parent.name}_{tmp_path.name}',
        **settings,
    )
    runner.train()
    return runner


def test_training_weighs_by_its_own_annotations(tmp_path: Path) -> None:
    runner = train(tmp_path)
    loss = runner.model.cls_head.loss_cls
    assert isinstance(loss, ClassBalancedFocalLoss)
    assert loss.class_counts.tolist() == [5, 1, 2, 0]
    saved = torch.load(tmp_path / 'epoch_1.pth', weights_only=True)
    assert saved['state_dict']['cls_head.loss_cls.class_counts'].tolist() == [5, 1, 2, 0]


def test_averaged_weights_keep_the_counts(tmp_path: Path) -> None:
    train(tmp_path, custom_hooks=[dict(type='EMAHook')])
    saved = torch.load(tmp_path / 'epoch_1.pth', weights_only=True)
    for state in (saved['state_dict'], saved['ema_state_dict']):
        counts = [value for name, value in state.items() if name.endswith('class_counts')]
        assert [count.tolist() for count in counts] == [[5, 1, 2, 0]]


def test_counts_of_another_set_in_a_checkpoint_do_not_survive(tmp_path: Path) -> None:
    first = train(tmp_path / 'first')
    first.model.cls_head.loss_cls.set_class_counts([1, 1, 1, 1])
    weights = tmp_path / 'other_counts.pth'
    torch.save(first.model.state_dict(), weights)
    second = train(tmp_path / 'second', load_from=str(weights))
    assert second.model.cls_head.loss_cls.class_counts.tolist() == [5, 1, 2, 0]


def test_labels_outside_the_classes_are_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r'labels \[2\], the model has 2 classes'):
        train(tmp_path, num_classes=2)
