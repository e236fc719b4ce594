"""Fresh interpreters in which every mend of the stack is applied, or every one but one."""

import os
import subprocess
from pathlib import Path

from mmaction_timesformer import compat
from tests.warm_python import warm_python

# compat.py alone: the package around it applies every mend as it is imported, and so does what
# startup/ installs.
LOAD_COMPAT = f"""
import sys
from importlib.util import module_from_spec, spec_from_file_location
sys.meta_path[:] = [f for f in sys.meta_path if type(f).__name__ != 'MendBeforeModels']
spec = spec_from_file_location('compat', {str(Path(compat.__file__))!r})
compat = module_from_spec(spec)
spec.loader.exec_module(compat)
"""

HIDE_PACKAGES = """
import sys
from importlib.machinery import PathFinder
class Hiding(PathFinder):
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        hidden = name.split('.')[0] in {hidden}
        return None if hidden else PathFinder.find_spec(name, path, target)
sys.meta_path[sys.meta_path.index(PathFinder)] = Hiding
"""


def run_with_and_without(
    mend: str, code: str, before: str = '', **environment: str
) -> tuple[subprocess.CompletedProcess[str], subprocess.CompletedProcess[str]]:
    """Run code in two fresh interpreters: with every mend, and with every mend but one.

    Args:
        mend: The function of compat.py that the second run leaves out.
        code: What to run once the stack is mended.
        before: What to run at the very start.
        environment: Additions to the environment variables.

    Returns:
        Both runs, finished.
    """
    assert callable(getattr(compat, mend))
    leave_out = f'compat.{mend} = lambda: None\n'
    runs = [
        subprocess.Popen(
            [warm_python(), '-W', 'ignore', '-c', before + LOAD_COMPAT + change + code],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, 'OMP_NUM_THREADS': '1', **environment},
        )
        for change in ('compat.apply()\n', f'{leave_out}compat.apply()\n')
    ]
    finished = []
    for process in runs:
        out, err = process.communicate(timeout=600)
        finished.append(subprocess.CompletedProcess(process.args, process.returncode, out, err))
    return finished[0], finished[1]
