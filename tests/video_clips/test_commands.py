"""How commands end, and what they set before torch is imported."""

import logging
import os
import subprocess
import sys
from pathlib import Path

import pytest

from video_clips.commands import in_a_line, printable, run_command

# Imported heavy packages would make --help slow.
QUICK = """
import os, runpy, sys
try:
    runpy.run_path(sys.argv.pop(1), run_name='__main__')
finally:
    print(*sorted({'torch', 'pandas', 'mmengine', 'av'} & set(sys.modules)), file=sys.stderr)
"""
TOOLS = (
    'train',
    'test',
    'calibrate',
    'prepare_dataset',
    'cache_dataset',
    'analyze_dataset',
    'draw_schemes',
)


def fail(error: BaseException):
    def command() -> None:
        raise error

    return command


@pytest.mark.parametrize(
    ('command', 'code', 'message'),
    [
        (lambda: None, 0, ''),
        (lambda: 1, 1, ''),
        (fail(ValueError('no such class')), 2, 'error: no such class\n'),
        (fail(PermissionError(13, 'Permission denied', '/x')), 2, 'error: /x: Permission denied\n'),
        (fail(KeyboardInterrupt()), 130, 'interrupted\n'),
    ],
)
def test_exit_codes_and_messages(command, code: int, message: str, capsys) -> None:
    assert run_command(command) == code
    assert capsys.readouterr().err == message


def test_a_mistake_in_the_code_keeps_its_traceback() -> None:
    with pytest.raises(AttributeError):
        run_command(fail(AttributeError('x')))


def test_threads_wait_asleep_unless_the_user_says_otherwise(monkeypatch) -> None:
    monkeypatch.delenv('OMP_WAIT_POLICY', raising=False)
    monkeypatch.setenv('GOMP_SPINCOUNT', '7')
    seen = []
    run_command(lambda: seen.append((os.environ['OMP_WAIT_POLICY'], os.environ['GOMP_SPINCOUNT'])))
    assert seen == [('PASSIVE', '7')]


def test_a_terminal_gets_no_escape_sequences_and_no_forged_line() -> None:
    text = 'a\x1b[2Jb\x07 é漢\udcff\nerror: c'
    assert printable(text) == 'a\\x1b[2Jb\\x07 é漢\\udcff\\nerror: c'
    assert printable(text, keep_lines=True) == 'a\\x1b[2Jb\\x07 é漢\\udcff\nerror: c'


@pytest.mark.parametrize('tool', TOOLS)
def test_help_is_quick(tool: str, root: Path) -> None:
    command = [sys.executable, '-c', QUICK, str(root / 'tools' / f'{tool}.py'), '--help']
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, '\n')
    assert 'usage: ' in done.stdout


def test_help_shows_defaults(root: Path) -> None:
    command = [sys.executable, str(root / 'tools' / 'prepare_dataset.py'), '--help']
    shown = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert '(default: 0.2)' in shown
    assert '(default: None)' not in shown


def test_logs_hold_no_escape_sequences(caplog, monkeypatch):
    monkeypatch.setattr(logging, '_logRecordFactory', logging.LogRecord)
    run_command(lambda: logging.getLogger('a').warning('class %s:\t%d\nb', '\x1b[2Jred', 3))
    assert caplog.messages == ['class \\x1b[2Jred:\t3\nb']
    # Handlers report a message that does not fit its arguments, as ever.
    record = logging.getLogRecordFactory()('a', 30, 'f', 1, '%d', ('x',), None)
    assert (record.msg, record.args) == ('%d', ('x',))


@pytest.mark.parametrize(
    ('text', 'shown'),
    [
        ('user:pw@host/x: no such file', 'host/x: no such file'),
        ('//user:pw@host/x: no such file', '//host/x: no such file'),
        ('cannot open rtsp://user:pw@host/x', 'cannot open rtsp://host/x'),
        ('videos/a.mp4: 3 frames at 25 fps', 'videos/a.mp4: 3 frames at 25 fps'),
        ('mail me@host: no', 'mail me@host: no'),
    ],
)
def test_errors_hold_no_password(text, shown):
    assert in_a_line(ValueError(text)) == shown
