"""The house rule on imports, read from the source: they run one way."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

# folder or file -> modules that it must not import, in any file below it
FORBIDDEN = {
    'mmaction_timesformer/models/layers': [
        'mmaction_timesformer.models.attention_schemes',
        'mmaction_timesformer.models.backbones',
        'mmaction_timesformer.models.heads',
    ],
    'mmaction_timesformer/models/attention_schemes': [
        'mmaction_timesformer.models.backbones',
        'mmaction_timesformer.models.heads',
    ],
    'mmaction_timesformer/models': ['mmaction_timesformer.datasets', 'data_analysis'],
    'mmaction_timesformer/datasets': ['mmaction_timesformer.models', 'mmaction.models'],
    'mmaction_timesformer/evaluation': ['mmaction_timesformer.models', 'mmaction.models'],
    'mmaction_timesformer/detection': ['mmaction_timesformer.models', 'mmaction.models'],
    'mmaction_timesformer': ['tools', 'tests'],
    'data_analysis': ['mmaction_timesformer', 'torch', 'mmengine', 'mmcv', 'mmaction', 'tools'],
    'tools': ['tests'],
}

# Detection takes any function of clips; this file makes one of a recognizer.
MAKES_A_MODEL = 'mmaction_timesformer/inference/recognizer.py'

# The one exception: only when a config is to be read, and its parser needs no torch.
ALLOWED = {'data_analysis/inputs/mmaction_config.py': 'mmengine.config'}


def source_files(place: str) -> list[Path]:
    return sorted((ROOT / place).rglob('*.py'))


def imported_modules(file: Path) -> Iterator[str]:
    """Absolute names of all that a file imports, anywhere in it."""
    package = file.relative_to(ROOT).with_suffix('').parts[:-1]
    for node in ast.walk(ast.parse(file.read_text(encoding='utf-8'))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            module = '.'.join([*base, *([node.module] if node.module else [])])
            yield from (f'{module}.{alias.name}' for alias in node.names)


def is_within(name: str, package: str) -> bool:
    return name == package or name.startswith(f'{package}.')


@pytest.mark.parametrize('place', FORBIDDEN)
def test_imports_run_one_way(place: str) -> None:
    wrong = [
        f'{file.relative_to(ROOT)} imports {name}'
        for file in source_files(place)
        if not (place.endswith('detection') and str(file.relative_to(ROOT)) == MAKES_A_MODEL)
        for name in imported_modules(file)
        for forbidden in FORBIDDEN[place]
        if is_within(name, forbidden)
        and not is_within(name, ALLOWED.get(str(file.relative_to(ROOT)), forbidden + ' is not'))
    ]
    assert not wrong


def test_one_door_to_the_registries() -> None:
    through = [
        str(file.relative_to(ROOT))
        for place in ('mmaction_timesformer', 'tools')
        for file in source_files(place)
        for name in imported_modules(file)
        if is_within(name, 'mmaction.registry') or is_within(name, 'mmengine.registry')
        if name != 'mmengine.registry.init_default_scope'
    ]
    assert set(through) == {'mmaction_timesformer/registry.py'}


def test_relative_imports_are_understood(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The reader itself: from . , from .. and plain imports, inside functions too."""
    file = tmp_path / 'package' / 'inner' / 'module.py'
    file.parent.mkdir(parents=True)
    file.write_text('from . import a\nfrom ..b import c\ndef f():\n    import d.e\n')
    monkeypatch.setitem(globals(), 'ROOT', tmp_path)
    assert list(imported_modules(file)) == ['package.inner.a', 'package.b.c', 'd.e']


def test_data_analysis_runs_without_torch() -> None:
    """In a fresh interpreter, because others import it for this one."""
    modules = [
        '.'.join(file.relative_to(ROOT).with_suffix('').parts).removesuffix('.__init__')
        for file in source_files('data_analysis')
        if file.stem != '__main__'
    ]
    code = f"""
import importlib, sys
for name in {modules}:
    importlib.import_module(name)
print(*sorted({{'torch', 'mmengine', 'mmcv', 'mmaction'}} & set(sys.modules)))
"""
    process = subprocess.run(
        [sys.executable, '-c', code], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (process.returncode, process.stdout.strip(), process.stderr) == (0, '', '')
