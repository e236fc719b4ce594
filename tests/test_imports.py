"""The floors of the house, read from the source: imports run downwards, and rooms stay small.

An import counts wherever it stands: at the top of a file, inside a function, under TYPE_CHECKING.
"""

import ast
import subprocess
import sys
from collections import Counter
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

# From the ground up. A room may import rooms of lower floors, and no others.
FLOORS = [
    ['video_clips'],
    ['data_analysis'],
    [
        'mmaction_timesformer.version',
        'mmaction_timesformer.compat',
        'mmaction_timesformer.registry',
    ],
    [
        'mmaction_timesformer.models',
        'mmaction_timesformer.datasets',
        'mmaction_timesformer.evaluation',
    ],
    ['mmaction_timesformer.engine'],
    ['mmaction_timesformer.inference'],
    ['mmaction_timesformer.learning'],
    ['mmaction_timesformer.explanation', 'mmaction_timesformer.detection'],
    ['mmaction_timesformer.reports', 'mmaction_timesformer.studies'],
    ['mmaction_timesformer.web'],
    ['mmaction_timesformer.commands'],
    ['mmaction_timesformer.__main__'],
    ['demo_yard'],
    ['benchmarks'],
    ['tools'],
]
# Inside a room that has floors of its own.
INNER_FLOORS = {
    'mmaction_timesformer.detection': [
        ['windows', 'quality.truth'],
        ['events'],
        ['sources'],
        ['replaying', 'successors'],
        ['watch'],
        ['settings', 'results'],
        ['detector', 'delivery', 'quality'],
        ['following', 'running'],
        ['archive'],
        ['command'],
    ],
    'mmaction_timesformer.models': [
        ['layers'],
        ['attention_schemes', 'losses', 'data_preprocessors'],
        ['checkpoints', 'heads'],
        ['patch_embeds'],
        ['backbones'],
        ['recognizers', 'pretraining'],
    ],
    'data_analysis': [
        ['inputs'],
        ['measuring'],
        ['checks'],
        ['summary'],
        ['report'],
        ['splitting'],
    ],
}
# What a room must do without.
WITHOUT = {
    'video_clips': ['torch', 'pandas', 'mmengine', 'mmcv', 'mmaction'],
    'data_analysis': ['torch', 'mmcv', 'mmaction'],
    'mmaction_timesformer.datasets': ['mmaction.models'],
    'mmaction_timesformer.evaluation': ['mmaction.models'],
    'mmaction_timesformer.detection': ['mmaction.models'],
}
MOST_FILES, MOST_LINES = 14, 400
# Files and folders that are larger, with the reason.
LARGER: dict[str, str] = {}


def source_files() -> list[Path]:
    rooms = {floor.partition('.')[0] for floors in FLOORS for floor in floors}
    return sorted(file for room in rooms for file in (ROOT / room).rglob('*.py'))


def module_of(file: Path) -> str:
    return '.'.join(file.relative_to(ROOT).with_suffix('').parts).removesuffix('.__init__')


@cache
def imported_modules(file: Path) -> tuple[str, ...]:
    """Absolute names of all that a file imports, anywhere in it."""
    package = file.relative_to(ROOT).with_suffix('').parts[:-1]
    found: list[str] = []
    for node in ast.walk(ast.parse(file.read_text(encoding='utf-8'))):
        if isinstance(node, ast.Import):
            found += (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            module = '.'.join([*base, *([node.module] if node.module else [])])
            found += (f'{module}.{alias.name}' for alias in node.names)
    return tuple(found)


def is_within(name: str, package: str) -> bool:
    return name == package or name.startswith(f'{package}.')


def upward_imports(floors: list[list[str]]) -> list[str]:
    """Imports of one room by another that does not stand above it."""
    height = {room: number for number, rooms in enumerate(floors) for room in rooms}

    @cache
    def room_of(name: str) -> str | None:
        return next((room for room in height if is_within(name, room)), None)

    wrong = []
    for file in source_files():
        room = room_of(module_of(file))
        for name in imported_modules(file) if room is not None else ():
            other = room_of(name)
            if other not in (None, room) and height[other] >= height[room]:
                wrong.append(f'{file.relative_to(ROOT)} imports {name}')
    return wrong


def test_imports_run_downwards() -> None:
    assert not upward_imports(FLOORS)


@pytest.mark.parametrize('room', INNER_FLOORS)
def test_imports_run_downwards_inside(room: str) -> None:
    inner = [[f'{room}.{name}' for name in names] for names in INNER_FLOORS[room]]
    assert not upward_imports(inner)


def test_every_file_has_a_floor() -> None:
    rooms = [room for floors in FLOORS for room in floors]
    homeless = [
        module
        for module in map(module_of, source_files())
        if not any(is_within(module, room) for room in rooms)
    ]
    assert homeless == ['mmaction_timesformer'], 'the face of the package alone stands outside'


@pytest.mark.parametrize('room', WITHOUT)
def test_rooms_do_without(room: str) -> None:
    wrong = [
        f'{file.relative_to(ROOT)} imports {name}'
        for file in source_files()
        if is_within(module_of(file), room)
        for name in imported_modules(file)
        for package in WITHOUT[room]
        if is_within(name, package)
    ]
    assert not wrong


def test_rooms_and_files_stay_small() -> None:
    files = source_files()
    folders = Counter(str(file.parent.relative_to(ROOT)) for file in files)
    large = {folder for folder, count in folders.items() if count > MOST_FILES}
    large |= {
        str(file.relative_to(ROOT))
        for file in files
        if len(file.read_text(encoding='utf-8').splitlines()) > MOST_LINES
    }
    large.discard('tools')  # a list of commands, one a file
    assert large == set(LARGER)


def test_one_door_to_the_registries() -> None:
    through = {
        str(file.relative_to(ROOT))
        for file in source_files()
        for name in imported_modules(file)
        if is_within(name, 'mmaction.registry') or is_within(name, 'mmengine.registry')
        if name != 'mmengine.registry.init_default_scope'
    }
    assert through == {'mmaction_timesformer/registry.py'}


def test_the_reader_sees_every_kind_of_import(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / 'package' / 'inner' / 'module.py'
    file.parent.mkdir(parents=True)
    file.write_text(
        'from . import a\nfrom ..b import c\ndef f():\n    import d.e\n'
        'if TYPE_CHECKING:\n    from g import h\n'
    )
    monkeypatch.setitem(globals(), 'ROOT', tmp_path)
    assert set(imported_modules(file)) == {'package.inner.a', 'package.b.c', 'g.h', 'd.e'}


@pytest.mark.parametrize('room', ['video_clips', 'data_analysis'])
def test_runs_without_torch(room: str) -> None:
    """In a fresh interpreter, because others import it for this one."""
    modules = [
        module
        for module in map(module_of, source_files())
        if is_within(module, room) and not module.endswith('__main__')
    ]
    packages = {'torch', 'mmengine', 'mmcv', 'mmaction'} | set(WITHOUT[room])
    code = f"""
import importlib, sys
for name in {modules}:
    importlib.import_module(name)
print(*sorted({packages} & set(sys.modules)))
"""
    process = subprocess.run(
        [sys.executable, '-c', code], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (process.returncode, process.stdout.strip(), process.stderr) == (0, '', '')
