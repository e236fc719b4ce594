"""Known defects of the released stack, each mended by one function named after it.

mmaction2 1.2.0, mmengine 0.10.7 and mmcv-lite 2.1.0 are the last releases of their lines. What they get
wrong on a present-day PyTorch is mended here and nowhere else. A mend names its upstream report, does
nothing where the defect is absent, imports nothing heavy that would not be imported anyway, and has a
test in a fresh interpreter that fails without it.
"""

import sys
from importlib import import_module, metadata
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType

import torch

__all__ = ['apply']


def apply() -> None:
    """Mend every known defect of the installed stack; calling it again changes nothing."""
    provide_importlib_metadata()
    provide_drn_localizer()
    disable_unimportable_multimodal_models()
    allow_mmengine_checkpoints()


def provide_importlib_metadata() -> None:
    """Let the standard library stand in for ``importlib_metadata``.

    ``mmaction/utils/dependency.py`` imports this backport of ``importlib.metadata``, which mmaction2
    does not declare as a dependency.
    """
    if 'importlib_metadata' not in sys.modules and find_spec('importlib_metadata') is None:
        sys.modules['importlib_metadata'] = metadata


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

    ``mmaction/models/multimodal`` imports VindLU as soon as ``transformers`` is installed. VindLU also
    needs ``timm``, which is not declared, and functions that ``transformers`` 5 no longer has. Where
    either is missing, mmaction2 gets the placeholders it has for a machine without ``transformers``.
    """
    if 'mmaction.models.multimodal' in sys.modules or find_spec('transformers') is None:
        return
    if find_spec('timm') is None or not _has_vindlu_functions():
        import_module('mmaction.utils.dependency').WITH_MULTIMODAL = False


def _has_vindlu_functions() -> bool:
    """Whether ``transformers.modeling_utils`` still names what VindLU takes from it.

    Read from the source, because importing ``transformers`` takes seconds.
    """
    source = (_package_folder('transformers') / 'modeling_utils.py').read_text(encoding='utf-8')
    return 'apply_chunking_to_forward' in source and 'find_pruneable_heads_and_indices' in source


def allow_mmengine_checkpoints() -> None:
    pass


def _package_folder(name: str) -> Path:
    """The folder of a top-level package, found without importing it."""
    spec = find_spec(name)
    if spec is None or not spec.submodule_search_locations:
        raise ModuleNotFoundError(f'the package {name} is not installed', name=name)
    return Path(next(iter(spec.submodule_search_locations)))
