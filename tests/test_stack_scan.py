"""Names that newer Pythons, numpys and setuptools lack, looked for in the stack's source.

Holds for Pythons that this test does not run in, 3.14 among them: what the stack uses of such names
is exactly what compat.py gives back. `.mim` holds tools that nothing here runs.
"""

import ast
import inspect
from collections.abc import Iterator
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from mmaction_timesformer import compat

STACK = ('mmengine', 'mmcv', 'mmaction')
MENDS = {
    'pkg_resources': compat.provide_pkg_resources,
    'distutils': compat.provide_distutils,
    'pkgutil.find_loader': compat.provide_find_loader,
    'numpy.Inf': compat.provide_numpy_names,
    'numpy.NAN': compat.provide_numpy_names,
    'numpy.in1d': compat.provide_numpy_names,
    'numpy.trapz': compat.provide_numpy_names,
}
# Only in files that import mmcv's compiled operators, which do not run without them.
UNREACHABLE = {'numpy.float': 'mmcv/ops/pixel_group.py'}
# From "Removed" in the release notes of each.
REMOVED = {
    'setuptools 82': 'pkg_resources',
    'Python 3.12': """
        asynchat asyncore distutils imp smtpd configparser.SafeConfigParser
        importlib.find_loader importlib.util.module_for_loader importlib.util.set_loader
        importlib.util.set_package locale.format pkgutil.ImpImporter pkgutil.ImpLoader
        ssl.match_hostname ssl.wrap_socket sqlite3.OptimizedUnicode
        sqlite3.enable_shared_cache""",
    'Python 3.13': """
        aifc audioop cgi cgitb chunk crypt imghdr lib2to3 mailcap msilib nis nntplib ossaudiodev
        pipes sndhdr spwd sunau telnetlib tkinter.tix uu xdrlib configparser.LegacyInterpolation
        locale.resetlocale re.template typing.io typing.re unittest.findTestCases
        unittest.getTestCaseNames unittest.makeSuite webbrowser.MacOSX""",
    'Python 3.14': """
        ast.Bytes ast.Ellipsis ast.NameConstant ast.Num ast.Str asyncio.AbstractChildWatcher
        asyncio.get_child_watcher asyncio.set_child_watcher importlib.abc.ResourceReader
        importlib.abc.Traversable importlib.abc.TraversableResources pkgutil.find_loader
        pkgutil.get_loader pty.master_open pty.slave_open sqlite3.version sqlite3.version_info
        urllib.parse.Quoter urllib.request.FancyURLopener urllib.request.URLopener""",
}
NAMES = {name for names in REMOVED.values() for name in names.split()}


def used_names(source: str) -> Iterator[str]:
    """Dotted names of modules that a file imports, and of what it takes from them."""
    modules: dict[str, str] = {}
    nodes = list(ast.walk(ast.parse(source)))
    for node in nodes:
        if isinstance(node, ast.Import):
            for alias in node.names:
                top = alias.name.partition('.')[0]
                modules[alias.asname or top] = alias.name if alias.asname else top
                yield alias.name
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module
            for alias in node.names:
                modules[alias.asname or alias.name] = f'{node.module}.{alias.name}'
                yield f'{node.module}.{alias.name}'
    for node in nodes:
        first, *rest = _chain(node)
        if rest and first in modules:
            yield '.'.join([modules[first], *rest])


def _chain(node: ast.AST) -> list[str]:
    """`['a', 'b', 'c']` of the expression `a.b.c`; of anything else an empty name."""
    if isinstance(node, ast.Name):
        return [node.id]
    if isinstance(node, ast.Attribute):
        return [*_chain(node.value), node.attr]
    return ['']


@cache
def is_removed(name: str) -> str | None:
    """The removed module or name that a dotted name is or lies in."""
    parts = name.split('.')
    prefixes = {'.'.join(parts[: number + 1]) for number in range(len(parts))}
    found = prefixes & NAMES
    of_numpy = parts[1] if parts[0] == 'numpy' and len(parts) > 1 else 'array'
    if of_numpy in compat._NUMPY_NAMES or not hasattr(np, of_numpy):
        found.add(f'numpy.{of_numpy}')
    return min(found, default=None)


def removed_names_of(folder: Path) -> dict[str, set[str]]:
    """Removed names by file below a package's folder."""
    found: dict[str, set[str]] = {}
    for file in sorted(folder.rglob('*.py')):
        path = file.relative_to(folder)
        if path.parts[0] == '.mim':
            continue
        for name in map(is_removed, used_names(file.read_text(encoding='utf-8'))):
            if name is not None:
                found.setdefault(name, set()).add(f'{folder.name}/{path}')
    return found


def test_the_stack_uses_only_removed_names_that_are_given_back() -> None:
    found: dict[str, set[str]] = {}
    for package in STACK:
        spec = find_spec(package)
        assert spec is not None
        for name, files in removed_names_of(Path(str(spec.origin)).parent).items():
            found.setdefault(name, set()).update(files)
    unreachable = {name: files for name, files in found.items() if name in UNREACHABLE}
    assert unreachable == {name: {file} for name, file in UNREACHABLE.items()}
    assert found.keys() - unreachable.keys() == MENDS.keys()
    applied = inspect.getsource(compat.apply)
    assert all(f'{mend.__name__}()' in applied for mend in MENDS.values())


def test_nothing_of_ours_uses_a_removed_name(root: Path) -> None:
    rooms = ('mmaction_timesformer', 'data_analysis', 'video_clips')
    found = {name for room in rooms for name in removed_names_of(root / room)}
    assert found == {'pkgutil.find_loader'}, 'only compat.py, which gives it back'


@pytest.mark.parametrize(
    ('source', 'removed'),
    [
        ('import imp', ['imp']),
        ('def f():\n    from distutils.ccompiler import new_compiler', ['distutils']),
        ('import pkgutil as p\np.find_loader("x")', ['pkgutil.find_loader']),
        ('from importlib.abc import Traversable', ['importlib.abc.Traversable']),
        ('import importlib.abc\nimportlib.abc.Traversable', ['importlib.abc.Traversable']),
        ('import numpy as np\nnp.Inf, np.trapz(a)', ['numpy.Inf', 'numpy.trapz']),
        ('import numpy as np\nnp.inf, np.random.rand(3), numpy.Inf', []),
        ('import ast\nast.Constant, self.imp, imp', []),
    ],
)
def test_the_scan_sees_every_way_to_use_a_name(source: str, removed: list[str]) -> None:
    names = map(is_removed, used_names(source))
    assert sorted({name for name in names if name is not None}) == removed
