"""Small models from pixels, on frames that are kept: the questions of the paper, in minutes.

Legend: N clips, S frames kept of a clip, T frames that a model sees, H/W pixels, K classes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from mmaction_timesformer.datasets.transforms.camera_augment import OPERATIONS
from mmaction_timesformer.engine.online.steps import one_cycle
from mmaction_timesformer.models.backbones import TimeSformerBackbone
from mmaction_timesformer.models.data_preprocessors import MotionDataPreprocessor
from mmaction_timesformer.models.pretraining import FeaturePrediction
from mmaction_timesformer.registry import MODELS
from mmaction_timesformer.studies.recipes.task import Task, balanced_weights
from mmaction_timesformer.studies.spec import Row

LEVELS = (114.75, 57.375)
"""Mean and deviation of pixels."""

TRANSFORMER = dict(
    type='TimeSformerBackbone',
    patch_size=16,
    embed_dims=48,
    num_heads=3,
    num_transformer_layers=2,
    drop_path_rate=0.0,
    pos_init_std=1.0,
)
# Small, and otherwise as mmaction2 has them.
CONVOLUTION = dict(depth=18, pretrained=None, pretrained2d=False, base_channels=16, norm_eval=False)
PEERS: dict[str, dict[str, Any]] = {
    'i3d': dict(type='ResNet3d', conv1_kernel=(5, 7, 7), pool1_stride_t=1, **CONVOLUTION),
    'slowfast': dict(
        type='ResNet3dSlowFast',
        pretrained=None,
        resample_rate=4,
        speed_ratio=4,
        channel_ratio=4,
        slow_pathway=dict(
            type='resnet3d',
            depth=18,
            pretrained=None,
            lateral=True,
            conv1_kernel=(1, 7, 7),
            base_channels=16,
            conv1_stride_t=1,
            pool1_stride_t=1,
            inflate=(0, 0, 1, 1),
            norm_eval=False,
        ),
        fast_pathway=dict(
            type='resnet3d',
            depth=18,
            pretrained=None,
            lateral=False,
            base_channels=4,
            conv1_kernel=(5, 7, 7),
            conv1_stride_t=1,
            pool1_stride_t=1,
            norm_eval=False,
        ),
    ),
}
CONDITIONS = ('night', 'rain', 'compression')
PRETRAINING_WORK = 4.0
"""An epoch of pretraining, in epochs of training: the teacher takes the most."""
TEST_WORK = 0.05


@dataclass(frozen=True)
class PixelOptions:
    """Options of a row; the defaults are the small TimeSformer of the other tables.

    Attributes:
        scheme: Attention, as ``TimeSformerBackbone`` takes it; or a peer, ``i3d`` or ``slowfast``.
        pos_embed: Positions.
        frames: T.
        span: Share of the clip that the frames cover, at its end.
        side: Share of the kept pictures' sides.
        fraction: Share of the training clips.
        clips: Views in a test, at different times, averaged.
        shuffled: Whether a test shows the frames in another order.
        condition: ``night``, ``rain`` or ``compression``, in the test alone.
        motion: Whether the model sees what moves (`MotionDataPreprocessor`) in place of colours.
        hybrid: Whether patches come from a frozen ImageNet network.
        masked: Share of the patches hidden in pretraining on the fold's clips; None for none.
        epochs: Of training.
        pretrain_epochs: Of pretraining.
        learning_rate: The highest.
    """

    scheme: str | dict[str, Any] = 'divided_space_time'
    pos_embed: str = 'space_time'
    frames: int = 8
    span: float = 1.0
    side: float = 1.0
    fraction: float = 1.0
    clips: int = 1
    shuffled: bool = False
    condition: str | None = None
    motion: bool = True
    hybrid: bool = False
    masked: float | None = None
    epochs: int = 15
    pretrain_epochs: int = 4
    learning_rate: float = 2e-3

    @classmethod
    def of(cls, row: Row) -> PixelOptions:
        """The options of a row.

        Raises:
            ValueError: Names unknown ones.
        """
        known = [field.name for field in fields(cls)]
        if unknown := sorted(set(row.options) - set(known)):
            raise ValueError(f'{row.name}: options {unknown}; choose from {known}')
        options = cls(**row.options)
        if options.masked is not None and options.motion:
            raise ValueError(f'{row.name}: pretraining needs motion: false')
        if options.condition not in (None, *CONDITIONS):
            raise ValueError(f'{row.name}: condition; choose from {list(CONDITIONS)}')
        return options

    @property
    def of_training(self) -> PixelOptions:
        """The same, without what concerns a test alone: rows that share them share a model."""
        return replace(self, clips=1, shuffled=False, condition=None)


def pixels(task: Task) -> np.ndarray:
    """Train a small model on the fold and predict (M, K)."""
    options = PixelOptions.of(task.row)
    name = repr((options.of_training, task.fold.name, task.seed))
    if name not in task.trained:
        task.trained[name] = _trained(task, options.of_training)
    model = task.trained[name]
    test = task.arrays[0]['pixels'][task.fold.test]
    if options.condition is not None:
        test = _change(test, options.condition)
    with torch.inference_mode():
        scores = [
            torch.cat([model(part) for part in _view(test, options, number).split(32)]).softmax(1)
            for number in range(options.clips)
        ]
    return torch.stack(scores).mean(dim=0).double().numpy()


def _trained(task: Task, options: PixelOptions) -> nn.Sequential:
    torch.manual_seed(task.seed)
    frames = task.arrays[0]['pixels']
    train = _share(task, options.fraction)
    clips = _view(frames[train], options, 0)
    model = _model(options, clips[:1], task.num_classes)
    if options.masked is not None:
        backbone = model[0]
        assert isinstance(backbone, TimeSformerBackbone)
        _pretrain(backbone, clips, options, task.seed)
    labels = torch.from_numpy(task.clips.labels[train])
    weights = torch.from_numpy(balanced_weights(task.clips.labels[train])).float()
    _train(model, clips, labels, weights, options, task.seed)
    return model


def work_of(row: Row, earlier: Sequence[Row]) -> float:
    """Work of a row in trainings of the default options, where ``earlier`` rows leave it any."""
    options = PixelOptions.of(row)
    if any(options.of_training == PixelOptions.of(other).of_training for other in earlier):
        return TEST_WORK * options.clips
    pretraining = 0 if options.masked is None else PRETRAINING_WORK * options.pretrain_epochs
    epochs = options.epochs + pretraining
    return epochs / 15 * options.fraction * options.frames / 8 * options.side**2


def cost_of(task: Task) -> dict[str, float]:
    """Millions of parameters, and billions of multiplications of a test clip."""
    options = PixelOptions.of(task.row)
    clip = _view(task.arrays[0]['pixels'][:1], options, 0)
    model = _model(options, clip, task.num_classes).eval().requires_grad_(False)
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        model(clip)
    return dict(
        parameters=sum(value.numel() for value in model.parameters()) / 1e6,
        multiplications=options.clips * counter.get_total_flops() / 2e9,
    )


def _share(task: Task, fraction: float) -> np.ndarray:
    """The first of each class in an order drawn for the seed, at least one."""
    train = np.random.default_rng(task.seed).permutation(task.fold.train)
    labels = task.clips.labels[train]
    chosen = [
        train[labels == label][: max(1, round(fraction * np.sum(labels == label)))]
        for label in np.unique(labels)
    ]
    return np.sort(np.concatenate(chosen))


def _view(frames: np.ndarray, options: PixelOptions, number: int) -> Tensor:
    """Frames (N, S, H, W, 3) to what a model sees, (N, 3, T, h, w)."""
    kept = frames.shape[1]
    first = kept - max(options.frames, round(kept * options.span))
    step = (kept - first) / options.frames
    places = first + step * (np.arange(options.frames) + (number + 0.5) / options.clips)
    chosen = np.clip(places.astype(int), 0, kept - 1)
    if options.shuffled:
        chosen = np.random.default_rng(0).permutation(chosen)
    clips = torch.from_numpy(np.ascontiguousarray(frames[:, chosen])).permute(0, 4, 1, 2, 3).float()
    if options.side != 1:
        size = [16 * max(1, round(options.side * side / 16)) for side in clips.shape[-2:]]
        clips = F.interpolate(clips, (options.frames, *size), mode='trilinear')
    if options.motion:
        return MotionDataPreprocessor().motion(clips)
    return (clips - LEVELS[0]) / LEVELS[1]


def _model(options: PixelOptions, clip: Tensor, num_classes: int) -> nn.Sequential:
    if isinstance(options.scheme, str) and options.scheme in PEERS:
        backbone = MODELS.build(PEERS[options.scheme])
        backbone.init_weights()
        backbone.eval()
        with torch.no_grad():
            maps = backbone(clip)
        maps = maps if isinstance(maps, tuple) else (maps,)
        return nn.Sequential(
            backbone, _Pool(), nn.Linear(sum(m.shape[1] for m in maps), num_classes)
        )
    embed = dict(patch_embed=dict(type='HybridPatchEmbed', cnn='efficientnet_lite0', stage=5))
    backbone = MODELS.build(
        dict(
            TRANSFORMER,
            num_frames=options.frames,
            img_size=tuple(clip.shape[-2:]),
            attention_type=options.scheme,
            pos_embed=options.pos_embed,
            **(embed if options.hybrid else {}),
        )
    )
    return nn.Sequential(backbone, nn.Identity(), nn.Linear(backbone.embed_dims, num_classes))


class _Pool(nn.Module):
    """Mean of one or several feature maps (N, C, t, h, w): (N, sum of C)."""

    def forward(self, maps: Tensor | tuple[Tensor, ...]) -> Tensor:
        maps = maps if isinstance(maps, tuple) else (maps,)
        return torch.cat([part.mean(dim=(2, 3, 4)) for part in maps], dim=1)


def _change(frames: np.ndarray, condition: str) -> np.ndarray:
    """Frames (M, S, H, W, 3) as they would be under other conditions, drawn for each clip."""
    return np.stack(
        [
            np.stack(OPERATIONS[condition](list(clip), np.random.default_rng([7, number])))
            for number, clip in enumerate(frames)
        ]
    )


def _train(
    model: nn.Module,
    clips: Tensor,
    labels: Tensor,
    weights: Tensor,
    options: PixelOptions,
    seed: int,
) -> None:
    """AdamW, one cycle of the rate, mirrored at random; leaves the model in evaluation mode."""

    def loss(batch: Tensor) -> Tensor:
        losses = F.cross_entropy(model(_mirror(clips[batch])), labels[batch], reduction='none')
        return (losses * weights[batch]).mean()

    _descend(model, loss, len(clips), options.epochs, options.learning_rate, seed)


def _pretrain(
    student: TimeSformerBackbone, clips: Tensor, options: PixelOptions, seed: int
) -> None:
    """Predict an image network's features on clips without their labels."""
    model = FeaturePrediction(
        student,
        # The stage whose cells are the student's patches; it is cheap at the size of kept pictures.
        dict(cnn='efficientnet_lite0', stage=5),
        mask_ratio=options.masked or 0.0,
        teacher_scale=1.0,
        data_preprocessor=dict(
            type='ActionDataPreprocessor',
            mean=[LEVELS[0]] * 3,
            std=[LEVELS[1]] * 3,
            format_shape='NCTHW',
        ),
    )
    model.teacher.check_weights()

    def loss(batch: Tensor) -> Tensor:
        return model(_mirror(clips[batch])[:, None])['loss_features']

    _descend(model, loss, len(clips), options.pretrain_epochs, options.learning_rate, seed)
    model.release()


def _mirror(clips: Tensor) -> Tensor:
    return clips.flip(-1) if torch.rand(()) < 0.5 else clips


def _descend(
    model: nn.Module, loss: Any, number: int, epochs: int, learning_rate: float, seed: int
) -> None:
    generator = torch.Generator().manual_seed(seed)
    parameters = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimizer = torch.optim.AdamW(parameters, learning_rate, weight_decay=0.05, fused=True)
    schedule = one_cycle(optimizer, learning_rate, epochs * -(-number // 16))
    model.train()
    for _ in range(epochs):
        for batch in torch.randperm(number, generator=generator).split(16):
            optimizer.zero_grad()
            loss(batch).backward()
            nn.utils.clip_grad_norm_(parameters, 1.0)
            optimizer.step()
            schedule.step()
    model.eval()
