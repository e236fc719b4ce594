import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from benchmarks import command
from benchmarks.command import Part, run_part
from benchmarks.record import processor_folder


@pytest.fixture
def part(monkeypatch):
    """Puts a part of this name and module into the table."""

    def add(module: str, extra: str | None = None) -> None:
        monkeypatch.setitem(command.PARTS, 'new', Part(module, 'something new', extra))

    return add


def test_a_part_reads_its_own_arguments(part, monkeypatch, tmp_path):
    module = ModuleType('a_new_part', 'What is new.')
    module.add_arguments = lambda parser: parser.add_argument('--rounds', type=int)
    module.run = lambda options: ran.append((options.rounds, options.out))
    ran: list = []
    monkeypatch.setitem(sys.modules, 'a_new_part', module)
    part('a_new_part')
    run_part(['new', '--rounds', '3', '--out', str(tmp_path)])
    assert ran == [(3, tmp_path / processor_folder())]


def test_what_is_not_installed_is_named_with_its_extra(part, tmp_path, monkeypatch, capsys):
    (tmp_path / 'part_that_needs.py').write_text('import a_library_nobody_has\n')
    monkeypatch.syspath_prepend(tmp_path)
    part('part_that_needs', extra='more')
    with pytest.raises(SystemExit):
        run_part(['new'])
    expected = "new needs a_library_nobody_has, which is not installed: pip install '"
    assert expected + "mmaction_timesformer[more]'" in capsys.readouterr().err


def test_what_is_not_built_is_said(part, capsys):
    part('a_part_nobody_wrote')
    with pytest.raises(SystemExit):
        run_part(['new'])
    assert 'there is no a_part_nobody_wrote' in capsys.readouterr().err


def test_unknown_parts_are_refused_with_those_that_are(capsys):
    with pytest.raises(SystemExit):
        run_part(['everything'])
    assert 'memory' in capsys.readouterr().err


def test_help_needs_no_torch():
    code = (
        'import contextlib, sys\nfrom benchmarks.command import run_part\n'
        "with contextlib.suppress(SystemExit):\n    run_part(['--help'])\n"
        "sys.exit('torch' in sys.modules)"
    )
    subprocess.run([sys.executable, '-c', code], check=True, cwd=Path(__file__).parents[2])
