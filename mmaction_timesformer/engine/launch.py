"""From a config and the command line's words to a finished training or test run.

The words mean what they mean to mmaction2's own ``train.py`` and ``test.py``, with two differences:
a seed on the command line wins over one in the config, and mixed precision suits itself to the
device, so that the same command runs without a GPU.
"""

import os
from pathlib import Path
from typing import Any

from mmengine.config import Config

from mmaction_timesformer.engine.console import ConsoleRunner as Runner
from mmaction_timesformer.engine.console import built
from mmaction_timesformer.engine.data_root import merge_options
from mmaction_timesformer.engine.hooks import newest_whole_checkpoint
from mmaction_timesformer.engine.inputs import check_checkpoint, limit_workers, read_config
from mmaction_timesformer.models.checkpoints import PUBLIC_WEIGHTS, download, find_checkpoint
from mmaction_timesformer.registry import RUNNERS
from video_clips.whole_files import check_writable, naming_failed_writes

_WEIGHT_KEYS = ('load_from', 'checkpoint', 'pretrained')


def run_training(
    config: str,
    *,
    work_dir: str | None = None,
    resume: str | None = None,
    amp: bool = False,
    no_validate: bool = False,
    auto_scale_lr: bool = False,
    seed: int | None = None,
    diff_rank_seed: bool = False,
    deterministic: bool = False,
    cfg_options: dict[str, Any] | None = None,
    launcher: str = 'none',
) -> None:
    """Train as a config says.

    Args:
        config: Path of the config.
        work_dir: Folder for logs and checkpoints; by default the config's own choice, or else
            ``work_dirs/`` and the config's name.
        resume: ``'auto'`` for the newest whole checkpoint in the work folder, or a
            checkpoint's path.
        amp: Whether to train in the mixed precision that suits the device.
        no_validate: Whether to leave validation out.
        auto_scale_lr: Whether to scale the learning rate with the total batch size.
        seed: Seed of all random numbers.
        diff_rank_seed: Whether every process adds its rank to the seed.
        deterministic: Whether to use deterministic algorithms only.
        cfg_options: Values that replace the config's, whatever set them.
        launcher: ``'none'``, ``'pytorch'``, ``'slurm'`` or ``'mpi'``.

    Raises:
        FileNotFoundError: If there is no such config or checkpoint.
        OSError: If the work folder cannot be written to.
        ValueError: If the config cannot be read or built; with ``amp``, if the config's optimizer
            wrapper is not a standard one.
    """
    cfg = _load(config, work_dir, launcher)
    if no_validate:
        cfg.val_cfg = cfg.val_dataloader = cfg.val_evaluator = None
    if amp:
        _use_mixed_precision(cfg)
    if resume is not None:
        cfg.resume = True
        cfg.load_from = None if resume == 'auto' else resume
    if auto_scale_lr:
        cfg.auto_scale_lr.enable = True
    randomness = dict(cfg.get('randomness') or {'seed': None})
    if seed is not None:
        randomness['seed'] = seed
    if diff_rank_seed:
        randomness['diff_rank_seed'] = True
    if deterministic:
        randomness['deterministic'] = True
    cfg.randomness = randomness
    runner = _build_runner(cfg, cfg_options)
    with naming_failed_writes(str(cfg.work_dir)):
        runner.train()


def run_test(
    config: str,
    checkpoint: str,
    *,
    work_dir: str | None = None,
    dump: str | None = None,
    show: bool = False,
    show_dir: str | None = None,
    interval: int = 1,
    wait_time: float = 2,
    cfg_options: dict[str, Any] | None = None,
    launcher: str = 'none',
) -> None:
    """Test a checkpoint as a config says, and print its metrics.

    Args:
        config: Path of the config.
        checkpoint: Path or URL of the checkpoint, or the work folder of a training.
        work_dir: Folder for logs and metrics; chosen as in training by default.
        dump: Pickle file for all predictions, as mmaction2's analysis tools read it.
        show: Whether to show predictions in a window.
        show_dir: Folder to draw predictions into.
        interval: Every how many samples to show or draw one.
        wait_time: Seconds for which a window stays.
        cfg_options: Values that replace the config's, whatever set them.
        launcher: ``'none'``, ``'pytorch'``, ``'slurm'`` or ``'mpi'``.

    Raises:
        FileNotFoundError: If there is no such config or checkpoint.
        OSError: If the work folder or the dump cannot be written.
        ValueError: If the config cannot be read or built, the checkpoint does not fit it, or the
            name of the dump does not say that it is a pickle.
    """
    if Path(config).suffix == '.py':
        check_checkpoint(checkpoint)
    cfg = _load(config, work_dir, launcher)
    cfg.load_from = (
        checkpoint if '://' in checkpoint else str(find_checkpoint(Path(checkpoint).expanduser()))
    )
    if show or show_dir is not None:
        cfg.default_hooks.visualization = {
            'type': 'VisualizationHook',
            **cfg.default_hooks.get('visualization', {}),
            'enable': True,
            'show': show,
            'out_dir': show_dir,
            'interval': interval,
            'wait_time': wait_time,
        }
    if dump is not None:
        if not dump.endswith(('.pkl', '.pickle')):
            raise ValueError(f'the dump is a pickle file: its name must end in .pkl, unlike {dump}')
        Path(dump).parent.mkdir(parents=True, exist_ok=True)
        check_writable(Path(dump).parent)
        evaluators = cfg.test_evaluator
        evaluators = list(evaluators) if isinstance(evaluators, list | tuple) else [evaluators]
        cfg.test_evaluator = [*evaluators, {'type': 'DumpResults', 'out_file_path': dump}]
    runner = _build_runner(cfg, cfg_options)
    runner.strict_loading = True
    try:
        with naming_failed_writes(dump or str(cfg.work_dir)):
            runner.test()
    except BaseException:
        if dump is not None:  # half a file would read as damaged, an older one as this run's
            Path(dump).unlink(missing_ok=True)
        raise


def _load(config: str, work_dir: str | None, launcher: str) -> Config:
    cfg = read_config(config)
    cfg.launcher = launcher
    cfg.work_dir = work_dir or cfg.get('work_dir') or str(Path('work_dirs', Path(config).stem))
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


def _build_runner(cfg: Config, cfg_options: dict[str, Any] | None) -> Runner:
    if cfg_options:
        merge_options(cfg, cfg_options)
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
