"""From a config and the command line's words to a finished training or test run.

The words mean what they mean to mmaction2's own ``train.py`` and ``test.py``, with two differences:
a seed on the command line wins over one in the config, and mixed precision suits itself to the
device, so that the same command runs without a GPU.
"""

import os
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from mmengine.config import Config

from mmaction_timesformer.engine.console import ConsoleRunner as Runner
from mmaction_timesformer.engine.console import built
from mmaction_timesformer.engine.data_root import merge_options
from mmaction_timesformer.engine.hooks import newest_whole_checkpoint
from mmaction_timesformer.engine.inputs import check_checkpoint, limit_workers, read_config
from mmaction_timesformer.engine.processes import run_side_by_side, share_batches
from mmaction_timesformer.models.checkpoints import PUBLIC_WEIGHTS, download, find_checkpoint
from mmaction_timesformer.registry import RUNNERS
from video_clips.whole_files import check_writable, naming_failed_writes

_WEIGHT_KEYS = ('load_from', 'checkpoint', 'pretrained')


@dataclass(frozen=True)
class RunOptions:
    """Options of any run; the names are those of mmaction2's tools."""

    work_dir: str | None = None
    """Folder for logs and checkpoints; by default the config's own choice, or else ``work_dirs/``
    and the config's name."""
    cfg_options: dict[str, Any] | None = None
    """Values that replace the config's, whatever set them."""
    launcher: str = 'none'
    """``'none'``, ``'pytorch'``, ``'slurm'`` or ``'mpi'``."""


@dataclass(frozen=True)
class TrainingOptions(RunOptions):
    """Options of a training."""

    resume: str | None = None
    """``'auto'`` for the newest whole checkpoint in the work folder, or a checkpoint's path."""
    amp: bool = False
    """Whether to train in the mixed precision that suits the device."""
    no_validate: bool = False
    """Whether to leave validation out."""
    auto_scale_lr: bool = False
    """Whether to scale the learning rate with the total batch size."""
    seed: int | None = None
    """Seed of all random numbers."""
    diff_rank_seed: bool = False
    """Whether every process adds its rank to the seed."""
    deterministic: bool = False
    """Whether to use deterministic algorithms only."""
    processes: int = 1
    """How many processes of this machine share each batch."""


@dataclass(frozen=True)
class EvaluationOptions(RunOptions):
    """Options of a test."""

    dump: str | None = None
    """Pickle file for all predictions, as mmaction2's analysis tools read it."""
    show: bool = False
    """Whether to show predictions in a window."""
    show_dir: str | None = None
    """Folder to draw predictions into."""
    interval: int = 1
    """Every how many samples to show or draw one."""
    wait_time: float = 2
    """Seconds for which a window stays."""


def run_training(config: str, options: TrainingOptions | None = None) -> None:
    """Train as a config says.

    Args:
        config: Path of the config.
        options: Changes to it.

    Raises:
        FileNotFoundError: If there is no such config or checkpoint.
        OSError: If the work folder cannot be written to.
        ValueError: If the config cannot be read or built; with ``amp``, if the config's optimizer
            wrapper is not a standard one; with ``processes``, if the batch does not divide.
    """
    options = options or TrainingOptions()
    cfg = _load(config, options)
    if options.no_validate:
        cfg.val_cfg = cfg.val_dataloader = cfg.val_evaluator = None
    if options.amp:
        _use_mixed_precision(cfg)
    if options.resume is not None:
        cfg.resume = True
        cfg.load_from = None if options.resume == 'auto' else options.resume
    if options.auto_scale_lr:
        cfg.auto_scale_lr.enable = True
    randomness = dict(cfg.get('randomness') or {'seed': None})
    if options.seed is not None:
        randomness['seed'] = options.seed
    if options.diff_rank_seed:
        randomness['diff_rank_seed'] = True
    if options.deterministic:
        randomness['deterministic'] = True
    cfg.randomness = randomness
    if options.cfg_options:
        merge_options(cfg, options.cfg_options)
    if options.processes == 1:
        _train(cfg)
        return
    if options.processes < 1 or options.launcher != 'none':
        raise ValueError(
            f'processes={options.processes} must be 1 or more, and 1 with a launcher, which starts '
            'processes itself'
        )
    share_batches(cfg, options.processes)
    cfg.launcher = 'pytorch'
    run_side_by_side(partial(_train, cfg), options.processes)


def _train(cfg: Config) -> None:
    with naming_failed_writes(str(cfg.work_dir)):
        _build_runner(cfg).train()


def run_test(config: str, checkpoint: str, options: EvaluationOptions | None = None) -> None:
    """Test a checkpoint as a config says, and print its metrics.

    Args:
        config: Path of the config.
        checkpoint: Path or URL of the checkpoint, or the work folder of a training.
        options: Changes to the config, and outputs beside the metrics.

    Raises:
        FileNotFoundError: If there is no such config or checkpoint.
        OSError: If the work folder or the dump cannot be written.
        ValueError: If the config cannot be read or built, the checkpoint does not fit it, or the
            name of the dump does not say that it is a pickle.
    """
    options = options or EvaluationOptions()
    if Path(config).suffix == '.py':
        check_checkpoint(checkpoint)
    cfg = _load(config, options)
    cfg.load_from = (
        checkpoint if '://' in checkpoint else str(find_checkpoint(Path(checkpoint).expanduser()))
    )
    if options.show or options.show_dir is not None:
        cfg.default_hooks.visualization = {
            'type': 'VisualizationHook',
            **cfg.default_hooks.get('visualization', {}),
            'enable': True,
            'show': options.show,
            'out_dir': options.show_dir,
            'interval': options.interval,
            'wait_time': options.wait_time,
        }
    dump = options.dump
    if dump is not None:
        _dump_results(cfg, dump)
    if options.cfg_options:
        merge_options(cfg, options.cfg_options)
    with naming_failed_writes(str(cfg.work_dir)):
        runner = _build_runner(cfg)
    runner.strict_loading = True
    try:
        with naming_failed_writes(dump or str(cfg.work_dir)):
            runner.test()
    except BaseException:
        if dump is not None:  # half a file would read as damaged, an older one as this run's
            Path(dump).unlink(missing_ok=True)
        raise


def _dump_results(cfg: Config, dump: str) -> None:
    """Add the evaluator that writes all predictions."""
    if not dump.endswith(('.pkl', '.pickle')):
        raise ValueError(f'the dump is a pickle file: its name must end in .pkl, unlike {dump}')
    Path(dump).parent.mkdir(parents=True, exist_ok=True)
    check_writable(Path(dump).parent)
    evaluators = cfg.test_evaluator
    evaluators = list(evaluators) if isinstance(evaluators, list | tuple) else [evaluators]
    cfg.test_evaluator = [*evaluators, {'type': 'DumpResults', 'out_file_path': dump}]


def _load(config: str, options: RunOptions) -> Config:
    cfg = read_config(config)
    cfg.launcher = options.launcher
    by_default = str(Path('work_dirs', Path(config).stem))
    cfg.work_dir = options.work_dir or cfg.get('work_dir') or by_default
    return cfg


def _use_mixed_precision(cfg: Config) -> None:
    wrapper = cfg.optim_wrapper.get('type', 'OptimWrapper')
    if wrapper == 'OptimWrapper':
        cfg.optim_wrapper.type = 'AutoAmpOptimWrapper'
    elif wrapper not in ('AmpOptimWrapper', 'AutoAmpOptimWrapper'):
        raise ValueError(
            f'mixed precision replaces the optimizer wrapper OptimWrapper, '
            f'and the config has {wrapper}: leave one of the two out'
        )


def _build_runner(cfg: Config) -> Runner:
    checkpoint_hook = (cfg.get('default_hooks') or {}).get('checkpoint') or {}
    if checkpoint_hook.get('type') == 'CheckpointHook':
        checkpoint_hook['type'] = 'WholeCheckpointHook'
    if cfg.get('resume') and not cfg.get('load_from'):
        newest = newest_whole_checkpoint(cfg.work_dir)
        cfg.load_from = None if newest is None else str(newest)
    fetch_secret_addresses(cfg._cfg_dict)
    limit_workers(cfg, int(os.environ.get('LOCAL_WORLD_SIZE', 1)))
    is_special = 'runner_type' in cfg
    return built(lambda: RUNNERS.build(cfg) if is_special else Runner.from_cfg(cfg), cfg.work_dir)


def fetch_secret_addresses(part: Any) -> None:
    """Replace addresses of weights that may hold a secret by paths of their downloaded copies.

    A signature or password would otherwise stand in the run's log, its record and its config.
    """
    values = part.items() if isinstance(part, dict) else enumerate(part)
    for key, value in list(values):
        if isinstance(value, dict | list):
            fetch_secret_addresses(value)
        elif key in _WEIGHT_KEYS and isinstance(value, str) and _may_hold_secret(value):
            part[key] = str(download(value))


def _may_hold_secret(address: str) -> bool:
    is_public = any(weights.url == address for weights in PUBLIC_WEIGHTS)
    is_address = address.startswith(('http://', 'https://'))
    return is_address and not is_public and any(mark in address for mark in '?@')
