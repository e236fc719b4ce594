"""Known defects of the released stack, each mended by one function named after it.

mmaction2 1.2.0, mmengine 0.10.7 and mmcv-lite 2.1.0 are the last releases of their lines. What they
get wrong beside present-day packages is mended here and nowhere else. A mend names its upstream
report where there is one, does nothing where the defect is absent, imports nothing heavy that would
not be imported anyway, and has a test in a fresh interpreter that fails without it.
"""

import atexit
import pkgutil
import sys
from functools import lru_cache, wraps
from importlib import import_module, metadata
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from pathlib import Path
from pickle import UnpicklingError
from types import ModuleType
from typing import Any

import cv2
import numpy as np
import torch
from mmengine.config import ConfigDict
from mmengine.device import get_device
from mmengine.logging import HistoryBuffer
from mmengine.model import MMDistributedDataParallel
from mmengine.optim import OneCycleParamScheduler
from mmengine.visualization import LocalVisBackend, MLflowVisBackend

from video_clips.safe_pickles import STAND_INS

__all__ = ['apply']


def apply() -> None:
    """Mend every known defect of the installed stack; calling it again changes nothing."""
    provide_importlib_metadata()
    provide_pkg_resources()
    provide_distutils()
    provide_find_loader()
    provide_numpy_names()
    provide_drn_localizer()
    disable_unimportable_multimodal_models()
    allow_mmengine_checkpoints()
    run_distributed_without_gpu()
    leave_process_group_at_exit()
    write_mode_into_logs()
    give_mlflow_pictures_a_type()
    format_configs_once()


def provide_importlib_metadata() -> None:
    """Let the standard library stand in for ``importlib_metadata``.

    ``mmaction/utils/dependency.py`` imports this backport of ``importlib.metadata``, and mmaction2
    does not declare it.
    """
    if 'importlib_metadata' not in sys.modules and find_spec('importlib_metadata') is None:
        sys.modules['importlib_metadata'] = metadata


class _StandIn(MetaPathFinder, Loader):
    """Imports a module that is absent, from the names that it must have.

    A finder, because mmengine reloads ``pkg_resources``. It stands last on ``sys.meta_path``, so
    that a module which is there wins.
    """

    def __init__(self, module: str, names: dict[str, Any]) -> None:
        self.module = module
        self.names = names

    @classmethod
    def provide(cls, module: str, **names: Any) -> None:
        """Let a module be imported unless it is there."""
        if module not in sys.modules and find_spec(module) is None:
            sys.meta_path.append(cls(module, names))

    def find_spec(self, fullname: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        """Find this one module."""
        return ModuleSpec(fullname, self) if fullname == self.module else None

    def exec_module(self, module: ModuleType) -> None:
        """Fill the module."""
        vars(module).update(self.names)


class _Distribution:
    """An installed package as ``pkg_resources`` describes it."""

    def __init__(self, name: str) -> None:
        self._found = metadata.distribution(name)
        self.version = self._found.version
        self.location = str(self._found.locate_file(''))

    def has_metadata(self, name: str) -> bool:
        return self._found.read_text(name) is not None

    def get_metadata(self, name: str) -> str:
        return self._found.read_text(name) or ''


def provide_pkg_resources() -> None:
    """Let ``importlib.metadata`` stand in for ``pkg_resources``, which setuptools 82 has not.

    mmengine asks it which packages are installed where (``mmengine/utils/package_utils.py``).
    """
    _StandIn.provide(
        'pkg_resources',
        get_distribution=_Distribution,
        DistributionNotFound=metadata.PackageNotFoundError,
    )


def provide_distutils() -> None:
    """Let training start without ``distutils``, which Python 3.12 has not.

    Setuptools has a copy; without either, ``mmengine/utils/dl_utils/collect_env.py`` stops every
    run before its first step, for the name of an exception.
    """
    errors = ModuleType('distutils.errors')
    errors.DistutilsPlatformError = OSError  # type: ignore[attr-defined]
    _StandIn.provide('distutils', errors=errors)


def provide_find_loader() -> None:
    """Let mmengine and mmcv ask ``pkgutil.find_loader`` for mmcv's operators, as in Python 3.13.

    Python 3.14 has removed it, and every optimizer's construction calls it.
    """
    if hasattr(pkgutil, 'find_loader'):
        return

    def find_loader(fullname: str) -> object:
        spec = find_spec(fullname)
        return spec and spec.loader

    pkgutil.find_loader = find_loader  # type: ignore[assignment]


def provide_numpy_names() -> None:
    """Let mmaction2 use the names that numpy 2 has removed, where numpy lacks them."""
    for name, value in _NUMPY_NAMES.items():
        if not hasattr(np, name):
            setattr(np, name, value)


def _in1d(ar1: Any, ar2: Any, **options: Any) -> np.ndarray:
    return np.isin(np.ravel(ar1), ar2, **options)


_NUMPY_NAMES: dict[str, Any] = {
    'Inf': np.inf,  # skeletons' transforms
    'NAN': np.nan,  # AVA's metrics
    'in1d': _in1d,  # recall of retrieval
    'trapz': np.trapezoid,  # area under the curve of proposals
}


def provide_drn_localizer() -> None:
    """Let ``mmaction.models`` be imported although the wheel lacks ``localizers/drn``.

    The 1.2.0 wheel imports ``mmaction.models.localizers.drn`` and does not contain it
    (open-mmlab/mmaction2#2714). The stand-in says so when somebody builds the model.
    """
    package = 'mmaction.models.localizers.drn'
    if package in sys.modules or (_package_folder('mmaction') / 'models/localizers/drn').is_dir():
        return

    class DRN:
        """Stands in for mmaction2's Dense Regression Network, which its wheel does not contain."""

        def __init__(self, *args: object, **kwargs: object) -> None:
            raise ImportError(
                'DRN is missing from the released wheel of mmaction2 1.2.0 (its issue 2714): '
                'install mmaction2 from its source to use this model'
            )

    module = ModuleType(f'{package}.drn')
    module.DRN = DRN  # type: ignore[attr-defined]
    parent = ModuleType(package)
    parent.drn = module  # type: ignore[attr-defined]
    sys.modules.update({package: parent, module.__name__: module})


def disable_unimportable_multimodal_models() -> None:
    """Let ``mmaction.models`` be imported beside a ``transformers`` that VindLU does not fit.

    ``mmaction/models/multimodal`` imports VindLU as soon as ``transformers`` is installed. VindLU
    also needs ``timm``, which is not declared, and functions that ``transformers`` 5 no longer has.
    Where either is missing, mmaction2 gets the placeholders that it has for a machine without
    ``transformers``.
    """
    if 'mmaction.models.multimodal' in sys.modules or find_spec('transformers') is None:
        return
    if find_spec('timm') is None or not _has_vindlu_functions():
        dependency: Any = import_module('mmaction.utils.dependency')
        dependency.WITH_MULTIMODAL = False


def _has_vindlu_functions() -> bool:
    """Whether ``transformers.modeling_utils`` still names what VindLU takes from it.

    Read from the source, because importing ``transformers`` takes seconds.
    """
    source = (_package_folder('transformers') / 'modeling_utils.py').read_text(encoding='utf-8')
    return 'apply_chunking_to_forward' in source and 'find_pruneable_heads_and_indices' in source


def allow_mmengine_checkpoints() -> None:
    """Let ``torch.load`` read mmengine's checkpoints in its safe mode, the default since torch 2.6.

    A checkpoint holds its log as ``HistoryBuffer`` objects over numpy arrays, its best score as a
    numpy scalar, and a one-cycle schedule with its curve, so that resuming from it, and testing it,
    fails (open-mmlab/mmengine#1655; the pull request 1650 turns the check off instead). Exactly
    these classes are allowed here, under the names that numpy 1 and numpy 2 write; arrays by the
    stand-ins of ``safe_pickles.py``. Everything else in a file is still refused.
    """
    if torch.torch_version.TorchVersion(torch.__version__) < '2.6':
        return
    allowed: list[Any] = [*_METHODS_IN_CHECKPOINTS, ConfigDict]
    # Methods are pickled as calls of getattr, which would let a file reach anything.
    allowed.append((_method_in_checkpoint, 'builtins.getattr'))
    # numpy's own would take dtypes whose elements are addresses that the file chose.
    allowed += [(stand_in, name) for name, stand_in in STAND_INS.items()]
    torch.serialization.add_safe_globals(allowed)


# Buffers save the functions of their statistics with every copy, a one-cycle schedule its curve.
_METHODS_IN_CHECKPOINTS: dict[object, tuple[str, ...]] = {
    HistoryBuffer: ('min', 'max', 'mean', 'current'),
    OneCycleParamScheduler: ('_annealing_cos', '_annealing_linear'),
}


def _method_in_checkpoint(owner: object, name: str) -> object:
    """Do what ``getattr`` does for a checkpoint: for the methods that mmengine saves, no other."""
    # By identity: a file must not bring its own idea of equality.
    for known, names in _METHODS_IN_CHECKPOINTS.items():
        if owner is known and name in names:
            return getattr(owner, name)
    raise UnpicklingError(f'a checkpoint may not call getattr({owner!r}, {name!r})')


def run_distributed_without_gpu() -> None:
    """Let several processes train and test on CPUs, with gloo.

    mmengine selects a GPU for every process that ``torchrun`` starts (``dist/utils.py``) and hands
    its index to DistributedDataParallel (``runner/runner.py``), whatever backend the config names.
    """
    if get_device() != 'cpu' or hasattr(MMDistributedDataParallel.__init__, '__wrapped__'):
        return
    dist_utils: Any = import_module('mmengine.dist.utils')
    wrap_on_gpu = MMDistributedDataParallel.__init__

    @wraps(dist_utils._init_dist_pytorch)
    def init_with_gloo(backend: str, init_backend: str = 'torch', **kwargs: Any) -> None:
        torch.distributed.init_process_group(backend='gloo', **kwargs)

    @wraps(wrap_on_gpu)
    def wrap_on_cpu(self: Any, module: torch.nn.Module, *args: Any, **kwargs: Any) -> None:
        wrap_on_gpu(self, module, *args, **{**kwargs, 'device_ids': None})

    dist_utils._init_dist_pytorch = init_with_gloo
    MMDistributedDataParallel.__init__ = wrap_on_cpu


def leave_process_group_at_exit() -> None:
    """Let a process that trained among others end without an abort.

    mmengine joins a process group and never leaves it. Where gloo's threads still run as the
    interpreter ends, they abort it ("terminate called without an active exception",
    pytorch/pytorch#190489): about one run in five of two processes, which ``torchrun`` then calls
    failed although its training is complete.
    """
    atexit.unregister(_leave_process_group)
    atexit.register(_leave_process_group)


def _leave_process_group() -> None:
    # After an error others may still wait for this process, and leaving would wait for them.
    has_failed = hasattr(sys, 'last_type')
    if torch.distributed.is_available() and torch.distributed.is_initialized() and not has_failed:
        torch.distributed.destroy_process_group()


def write_mode_into_logs() -> None:
    """Let mmaction2's ``analyze_logs.py plot_curve`` read the logs that mmengine writes.

    The tool looks at the ``mode`` of each epoch's last line, and mmengine no longer writes one, so
    that every plot ends in an IndexError (open-mmlab/mmdetection3d#2184 mends its copy of the
    tool). Lines with an epoch are training's; validation's have none.
    """
    original = LocalVisBackend.add_scalars
    if getattr(original, 'writes_mode', False):
        return

    @wraps(original)
    def add_scalars(self: Any, scalar_dict: dict[str, Any], *args: Any, **kwargs: Any) -> None:
        if 'epoch' in scalar_dict:
            scalar_dict = {'mode': 'train', **scalar_dict}
        original(self, scalar_dict, *args, **kwargs)

    add_scalars.writes_mode = True  # type: ignore[attr-defined]
    LocalVisBackend.add_scalars = add_scalars


def give_mlflow_pictures_a_type() -> None:
    """Let ``MLflowVisBackend`` store pictures.

    It hands a picture's name to ``mlflow.log_image`` as a file name. MLflow chooses the format by
    the name's ending, which a visualizer's names lack, and raises; it also leaves out the step, so
    that a later picture of the same name would replace an earlier one. Not reported upstream.
    """
    original = MLflowVisBackend.add_image
    if getattr(original, 'gives_type', False):
        return

    @wraps(original)
    def add_image(
        self: MLflowVisBackend, name: str, image: np.ndarray, step: int = 0, **kwargs: Any
    ) -> None:
        typed = name if Path(name).suffix else f'{name}_{step}.png'
        original(self, typed, image, step, **kwargs)

    add_image.gives_type = True  # type: ignore[attr-defined]
    MLflowVisBackend.add_image = add_image


def format_configs_once() -> None:
    """Let mmengine lay out the same config by yapf once.

    That takes half a second or more, and ``Config.pretty_text`` does it again for every checkpoint,
    log and back end: half the time of a short training. Not reported upstream.
    """
    module: Any = import_module('mmengine.config.config')
    original = module.FormatCode
    if getattr(original, 'remembers', False):
        return

    @lru_cache(maxsize=16)
    def remembered(text: str, style: tuple[tuple[str, Any], ...], verify: bool) -> Any:
        options = {'verify': True} if verify else {}
        return original(text, style_config=dict(style), **options)

    def format_code(text: str, style_config: dict[str, Any], verify: bool = False) -> Any:
        return remembered(text, tuple(style_config.items()), verify)

    format_code.remembers = True  # type: ignore[attr-defined]
    module.FormatCode = format_code


def turn_hue_both_ways() -> None:
    """Let ``ColorJitter`` turn hues back as well as forth.

    It adds a turn of either sign to 8-bit hues, which raises an OverflowError with numpy 2 for the
    half of all clips that draw a negative one; large turns forth wrap at 256 in place of 180, with
    any numpy. Not reported upstream. Called once the transforms are there: importing them takes
    most of a second, which other tools should not spend.
    """
    color_jitter: Any = import_module('mmaction.datasets.transforms.processing').ColorJitter
    try:
        color_jitter.adjust_hue(np.zeros((1, 1, 3), np.float32), -0.1)
        return
    except OverflowError:
        pass

    def adjust_hue(img: np.ndarray, factor: float) -> np.ndarray:
        hsv = cv2.cvtColor(np.clip(img, 0, 255).astype(np.uint8), cv2.COLOR_RGB2HSV)
        # OpenCV's hues are 0 to 179.
        hsv[..., 0] = (hsv[..., 0].astype(int) + int(factor * 255)) % 180
        return cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB).astype(np.float32)

    color_jitter.adjust_hue = staticmethod(adjust_hue)


def _package_folder(name: str) -> Path:
    """The folder of a top-level package, found without importing it."""
    spec = find_spec(name)
    if spec is None or not spec.submodule_search_locations:
        raise ModuleNotFoundError(f'the package {name} is not installed', name=name)
    return Path(next(iter(spec.submodule_search_locations)))
