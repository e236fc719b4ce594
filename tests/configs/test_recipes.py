"""Configs compared with the paper, mmaction2's own configs and their file names."""

import re
from pathlib import Path
from typing import Any

import mmaction
import pytest
from mmengine.config import Config
from mmengine.optim import build_optim_wrapper
from torch import nn
from torch.nn.modules.utils import _pair

from mmaction_timesformer.registry import HOOKS, MODELS, PARAM_SCHEDULERS
from tests.configs.shrinking import ROOT, load
from tests.configs.test_configs import CONFIGS, as_list

THEIRS = Path(mmaction.__file__).parent / '.mim' / 'configs'
SCHEMES = {
    'spaceOnly': 'space_only',
    'jointST': 'joint_space_time',
    'divST': 'divided_space_time',
    'localGlobal': 'sparse_local_global',
    'axial': 'axial',
}
# Frames, stride on Kinetics and pixels of a variant; in Table 3 of arXiv 2102.05095 and Sec. 4.4.
VARIANTS = {'': (8, 32, 224), '-hr': (16, 16, 448), '-l': (96, 4, 224)}
PAPER_CONFIGS = [
    (f'{dataset}/timesformer_{short}{variant}_8xb2-{sampling}-15e_{dataset}-rgb.py', dataset)
    for short in SCHEMES
    for variant, (frames, stride, _) in VARIANTS.items()
    for dataset, sampling in (
        ('kinetics400', f'{frames}x{stride}x1'),
        ('sthv2', f'u{frames}'),
    )
]
MM_CONFIGS = {
    short: f'kinetics400/timesformer_{short}_8xb8-mm-8x32x1-15e_kinetics400-rgb.py'
    for short in SCHEMES
}


def steps(pipeline: list[Any]) -> dict[str, Any]:
    return {step.type: step for step in pipeline}


def rates_of_epochs(cfg: Config, iterations: int = 10) -> list[list[float]]:
    """Learning rate of a one-layer model's head at the start of each iteration, by epoch."""

    class Recognizer(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.backbone = nn.Module()
            self.backbone.blocks = nn.ModuleList([nn.Linear(1, 1)])
            self.cls_head = nn.Linear(1, 1)

    model = Recognizer()
    wrapper = build_optim_wrapper(model, cfg.optim_wrapper)
    schedules = []
    for config in cfg.param_scheduler:
        config = dict(config, optimizer=wrapper)
        if config.pop('convert_to_iter_based', False):
            builder = PARAM_SCHEDULERS.get(config.pop('type'))
            schedule = builder.build_iter_from_epoch(**config, epoch_length=iterations)
        else:
            schedule = PARAM_SCHEDULERS.build(config)
        schedules.append(schedule)

    rates = []
    for _ in range(cfg.train_cfg.max_epochs):
        epoch = []
        for _ in range(iterations):
            epoch.append(wrapper.optimizer.param_groups[-1]['lr'])
            wrapper.step()
            for schedule in schedules:
                if not schedule.by_epoch:
                    schedule.step()
        for schedule in schedules:
            if schedule.by_epoch:
                schedule.step()
        rates.append(epoch)
    return rates


@pytest.mark.parametrize(('name', 'dataset'), PAPER_CONFIGS)
def test_paper_recipe(name: str, dataset: str) -> None:
    cfg = load(name)
    short, variant = re.match(r'.*/timesformer_(\w+?)(-hr|-l)?_', name).groups()  # type: ignore
    num_frames, stride, pixels = VARIANTS[variant or '']

    backbone = cfg.model.backbone
    assert backbone.attention_type == SCHEMES[short]
    assert (backbone.num_frames, backbone.img_size) == (num_frames, pixels)
    assert (backbone.arch, backbone.patch_size) == ('base', 16)
    assert cfg.model.cls_head.average_clips == 'prob'
    assert cfg.model.cls_head.num_classes == dict(kinetics400=400, sthv2=174)[dataset]

    optimizer = dict(cfg.optim_wrapper.optimizer)
    assert optimizer == dict(type='SGD', lr=0.005, momentum=0.9, weight_decay=1e-4)
    assert set(cfg.optim_wrapper) == {'type', 'optimizer'}
    num_gpus = 8
    assert num_gpus * cfg.train_dataloader.batch_size == 16 == cfg.auto_scale_lr.base_batch_size

    pipelines = [
        steps(cfg[f'{split}_dataloader'].dataset.pipeline) for split in ('train', 'val', 'test')
    ]
    for pipeline in pipelines:
        sampling = pipeline['SampleClip']
        assert sampling.clip_len == num_frames
        # Without an interval, one frame from each equal part of the whole video.
        assert sampling.get('frame_interval') == (stride if dataset == 'kinetics400' else None)
        assert sampling.get('num_clips', 1) == 1
    train, _, test = pipelines
    scales = {224: (256, 320), 448: (448, 512)}
    assert train['RandomRescale'].scale_range == scales[pixels]
    assert train['RandomCrop'].size == pixels
    assert test['Resize'].scale == (-1, pixels)
    assert test['ThreeCrop'].crop_size == pixels
    # "Pushing something from left to right" is a label of Something-Something.
    assert ('Flip' in train) == (dataset == 'kinetics400')


@pytest.mark.parametrize('dataset', ['kinetics400', 'sthv2'])
def test_paper_schedule(dataset: str) -> None:
    name = next(name for name, of in PAPER_CONFIGS if of == dataset)
    rates = [epoch[0] for epoch in rates_of_epochs(load(name), iterations=2)]
    assert rates == pytest.approx([5e-3] * 11 + [5e-4] * 3 + [5e-5])


@pytest.mark.parametrize('short', SCHEMES)
def test_mm_recipe_is_mmaction2s(short: str) -> None:
    ours = load(MM_CONFIGS[short])
    shared = short if short in ('spaceOnly', 'jointST', 'divST') else 'divST'
    theirs = Config.fromfile(
        THEIRS / f'recognition/timesformer/timesformer_{shared}_8xb8-8x32x1-15e_kinetics400-rgb.py'
    )
    for key in ('num_frames', 'img_size', 'patch_size', 'pretrained'):
        assert ours.model.backbone[key] == theirs.model.backbone[key]
    if shared == short:
        assert ours.model.backbone.attention_type == theirs.model.backbone.attention_type
    assert ours.model.data_preprocessor == theirs.model.data_preprocessor
    assert ours.optim_wrapper.optimizer == theirs.optim_wrapper.optimizer
    assert ours.optim_wrapper.clip_grad == theirs.optim_wrapper.clip_grad
    assert ours.param_scheduler == theirs.param_scheduler
    assert ours.train_cfg == theirs.train_cfg
    assert ours.auto_scale_lr == theirs.auto_scale_lr
    assert ours.train_dataloader.batch_size == theirs.train_dataloader.batch_size
    for split in ('train', 'val', 'test'):
        our_steps = ours[f'{split}_dataloader'].dataset.pipeline
        their_steps = theirs[f'{split}_dataloader'].dataset.pipeline
        assert our_steps[3:] == their_steps[3:]
        for key in ('clip_len', 'frame_interval'):
            assert our_steps[1][key] == their_steps[1][key]


def test_mm_recipe_spares_the_embeddings_weight_decay() -> None:
    cfg = load(MM_CONFIGS['divST'])
    cfg.model.backbone.update(embed_dims=8, num_heads=1, num_transformer_layers=1)
    cfg.model.cls_head.in_channels = 8
    cfg.model.backbone.pretrained = None
    model = MODELS.build(cfg.model)
    groups = build_optim_wrapper(model, cfg.optim_wrapper).optimizer.param_groups
    names = {id(param): name for name, param in model.named_parameters()}
    decay = {names[id(group['params'][0])]: group['weight_decay'] for group in groups}
    spared = {name for name, value in decay.items() if value == 0}
    assert spared == {f'backbone.{name}' for name in ('cls_token', 'pos_embed', 'time_embed')}
    assert set(decay.values()) == {0.0, 1e-4}


@pytest.mark.parametrize(
    'name',
    [name for name in CONFIGS if 'railway_yard/timesformer' in name and '_k400-pre_' in name],
)
def test_small_data_recipe(name: str) -> None:
    cfg = load(name)
    assert cfg.model.backbone.drop_path_rate == 0.1
    assert cfg.load_from
    assert cfg.model.cls_head.label_smooth_eps == 0.1
    blending = {step.type: step.alpha for step in cfg.model.data_preprocessor.blending.augments}
    assert blending == dict(MixupBlending=0.8, CutmixBlending=1.0)
    assert cfg.optim_wrapper.optimizer.type == 'AdamW'
    assert cfg.optim_wrapper.paramwise_cfg.layer_decay_rate == 0.75
    assert cfg.optim_wrapper.type == 'AutoAmpOptimWrapper'
    assert steps(cfg.train_dataloader.dataset.pipeline)['RandomErasing'].erase_prob == 0.25
    rates = rates_of_epochs(cfg)
    peak = cfg.optim_wrapper.optimizer.lr
    warm_up = [rate for epoch in rates[:5] for rate in epoch]
    after = [rate for epoch in rates[5:] for rate in epoch]
    assert warm_up == sorted(warm_up)
    assert warm_up[0] == pytest.approx(peak / 100)
    assert after[0] == pytest.approx(peak, rel=0.02)
    assert after == sorted(after, reverse=True)
    assert after[-1] == pytest.approx(peak / 100, rel=0.05)


def test_slowfast_and_i3d_are_mmaction2s() -> None:
    slowfast = load('_base_/models/slowfast_r50.py').model
    theirs = Config.fromfile(
        THEIRS / 'recognition/slowfast/slowfast_r50_8xb8-8x8x1-256e_kinetics400-rgb.py'
    ).model
    assert slowfast == theirs
    i3d = load('_base_/models/i3d_r50.py').model
    theirs = Config.fromfile(THEIRS / '_base_/models/i3d_r50.py').model
    theirs.backbone.update(pretrained=None, pretrained2d=False)
    assert i3d == theirs


@pytest.mark.parametrize('name', CONFIGS)
def test_a_file_name_says_what_its_config_does(name: str) -> None:
    """The names follow mmaction2's grammar."""
    grammar = (
        r'(?P<model>[a-z0-9]+)_(?P<setting>[\w-]+?)_(?P<gpus>\d)xb(?P<batch>\d+)-(?P<words>[a-z-]*)'
        r'(u(?P<uniform>\d+)|(?P<clip>\d+)x(?P<interval>\d+)x(?P<clips>\d+))-(?P<epochs>\d+)e'
        r'_(?P<dataset>[a-z0-9-]+)-rgb'
    )
    match = re.fullmatch(grammar, Path(name).stem)
    assert match, name
    cfg = load(name)
    assert cfg.train_dataloader.batch_size == int(match['batch'])
    assert cfg.auto_scale_lr.base_batch_size == int(match['gpus']) * int(match['batch'])
    assert cfg.train_cfg.max_epochs == int(match['epochs'])
    folder = Path(name).parts[0].replace('_', '-')
    assert match['dataset'] in (folder, f'{folder}-demo', f'{folder}-rawframes')
    for split in ('train', 'val', 'test'):
        sampling = next(
            step for step in cfg[f'{split}_dataloader'].dataset.pipeline if 'clip_len' in step
        )
        assert sampling.clip_len == int(match['uniform'] or match['clip'])
        interval = match['interval'] and int(match['interval'])
        assert sampling.get('frame_interval') == interval
        assert sampling.get('num_clips', 1) == int(match['clips'] or 1)
    amp = cfg.optim_wrapper.type == 'AutoAmpOptimWrapper'
    assert amp == ('amp' in match['words'].split('-'))


@pytest.mark.parametrize('name', [name for name in CONFIGS if 'timesformer' in name])
def test_pipelines_end_at_the_models_size(name: str) -> None:
    cfg = load(name)
    backbone = cfg.model.backbone
    for split in ('train', 'val', 'test'):
        pipeline = cfg[f'{split}_dataloader'].dataset.pipeline
        sizes = []
        for step in pipeline:
            if step.type == 'Resize' and not step.get('keep_ratio', True):
                sizes.append(step.scale)
            elif step.type in ('RandomCrop', 'CenterCrop', 'ThreeCrop'):
                size = step.get('crop_size', step.get('size'))
                sizes.append((size, size))
        height, width = _pair(backbone.img_size)
        assert sizes[-1] == (width, height)
        sampling = next(step for step in pipeline if step.type == 'SampleClip')
        views = cfg.model.get('test_views', [(backbone.num_frames, 1)])
        assert sampling.clip_len == max(frames * every for frames, every in views)


def test_data_moves_by_environment_and_by_options(monkeypatch: pytest.MonkeyPatch) -> None:
    name = 'railway_yard/timesformer_divST_k400-pre_1xb8-amp-8x32x1-30e_railway-yard-rgb.py'
    monkeypatch.setenv('RAILWAY_YARD', '/elsewhere/yard')
    cfg = Config.fromfile(ROOT / 'configs' / name)
    assert cfg.train_dataloader.dataset.data_root == '/elsewhere/yard'
    cfg.merge_from_dict({'train_dataloader.dataset.data_root': '/third'})
    assert cfg.train_dataloader.dataset.data_root == '/third'
    assert cfg.test_dataloader.dataset.data_root == '/elsewhere/yard'


UNCALIBRATED = (
    # It validates on its test clips, and they are few.
    'railway4/timesformer_divST-demo_scratch_1xb16-amp-8x32x1-45e_railway4-rgb.py',
    # Training calibrates, on recordings left out in turn.
    'own_videos/closedform_efficientnet-lite0_1xb8-8x32x1-3e_own-videos-rgb.py',
    'own_videos/closedform_patches_1xb8-8x32x1-3e_own-videos-rgb.py',
    'railway_yard/closedform_efficientnet-lite0_1xb8-8x32x1-3e_railway-yard-rgb.py',
)


@pytest.mark.parametrize('name', CONFIGS)
def test_validation_fits_the_temperature_that_the_hook_takes(name: str) -> None:
    cfg = load(name)
    assert 'TemperatureHook' in [hook.type for hook in cfg.default_hooks.values()]
    fitted = 'ClassificationMetric' in [metric.type for metric in as_list(cfg.val_evaluator)]
    assert fitted == (name not in UNCALIBRATED)


def test_a_training_that_still_learns_is_not_stopped_early() -> None:
    """Two points of accuracy an epoch are progress; a plateau of eight epochs is none."""
    name = 'own_videos/timesformer_divST-demo_scratch_1xb8-u8-16e_own-videos-rgb.py'
    hook = HOOKS.build(load(name).default_hooks.early_stopping)
    for epoch in range(20):
        assert not hook._check_stop_condition(0.5 + 0.02 * epoch)[0]
    stops = [hook._check_stop_condition(0.88)[0] for _ in range(8)]
    assert stops == [False] * 7 + [True]
