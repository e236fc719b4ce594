"""Mends mmaction2 the moment before ``mmaction.models`` is imported, in any program.

A config's ``custom_imports`` mends the stack for every program that reads the config first. Some of
mmaction2's tools, ``confusion_matrix.py`` among them, import all its models before that. So this
module is installed beside mmaction2 and loaded by ``mend_mmaction2.pth`` when Python starts. It
does nothing in a program that leaves ``mmaction.models`` alone.
"""

import sys
from importlib.abc import MetaPathFinder
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType


class MendBeforeModels(MetaPathFinder):
    """Finds nothing; it is asked about every import, and acts on one."""

    def find_spec(self, fullname: str, path: object = None, target: object = None) -> None:
        """Apply the mends when ``mmaction.models`` is looked for, and let others find it."""
        if fullname != 'mmaction.models':
            return
        sys.meta_path.remove(self)
        package = find_spec('mmaction_timesformer')
        # A clone that was installed in place may have moved away since.
        if package is not None and 'mmaction_timesformer' not in sys.modules:
            load_compat(Path(str(package.origin)).with_name('compat.py')).apply()


def load_compat(file: Path) -> ModuleType:
    """Load compat.py alone: the package around it imports ``mmaction.models``."""
    spec = spec_from_file_location('mmaction_timesformer_compat', file)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


sys.meta_path.insert(0, MendBeforeModels())
