"""Python commands that start at once: each program is forked from an interpreter that is warm.

In `warm_python` the packages below mmaction2 are imported already, which takes seconds and which
tests of whole programs would repeat dozens of times. mmengine, mmaction2 and this project are
imported by each program for itself, as in an ordinary interpreter. In `loaded_python`, which is
forked from the former, they are imported too: for programs of which the start is not tested.

The command itself is a small client. It passes its arguments, folder, environment and descriptors
to the interpreter, forwards signals to the forked program, and ends as that does. Where the client
is killed, the program is too, a moment later: `Popen.communicate` returns when its pipes are
closed. As it passes descriptors on, `multiprocessing` may start its processes by it.

One interpreter serves all processes of a test run: `start` it in the one that ends last.
"""

import atexit
import fcntl
import gc
import json
import multiprocessing
import os
import runpy
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import warnings
from functools import cache
from importlib import import_module
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import NoReturn

PACKAGES = (
    'torch.distributed.optim',
    'torch._dynamo',  # by an optimizer's first step
    'torchmetrics.functional.classification',
    'scipy.stats',
    'pandas',
    'cv2',
    'matplotlib.figure',
    'transformers',
    'sklearn.linear_model',
    'av',
    'jinja2',
    'rich.console',
)
FOLDER_VARIABLE = 'MMACTION_TIMESFORMER_WARM'
"""Folder of the commands, where a process above this one has started them."""
ROOT = Path(__file__).resolve().parents[1]

# Isolated and without site, so that it starts in hundredths of a second.
CLIENT = """#!{python} -IS
import json, os, signal, socket, sys
def is_passed_on(number):
    try:
        return os.get_inheritable(number)
    except OSError:
        return False
numbers = list(filter(is_passed_on, range(256)))
connection = socket.socket(socket.AF_UNIX)
connection.connect({address!r})
for number in (signal.SIGTERM, signal.SIGINT):
    signal.signal(number, lambda number, _: connection.send(bytes([number])))
program = dict(
    words=sys.argv[1:], folder=os.getcwd(), environment=dict(os.environ), numbers=numbers
)
data = json.dumps(program).encode()
socket.send_fds(connection, [len(data).to_bytes(4, 'big')], numbers)
connection.sendall(data)
status = int(connection.makefile().readline())
if status < 0:
    if status != -signal.SIGKILL:
        signal.signal(-status, signal.SIG_DFL)
    os.kill(os.getpid(), -status)
os._exit(status)
"""


def warm_python() -> str:
    """The command to be used in place of ``sys.executable``.

    Where processes cannot be watched by file descriptors, which is a matter of Linux, it is
    ``sys.executable`` itself.
    """
    return f'{start()}/python' if hasattr(os, 'pidfd_open') else sys.executable


def loaded_python() -> str:
    """Like `warm_python`, with mmengine, mmaction2 and this project imported."""
    return f'{start()}/loaded' if hasattr(os, 'pidfd_open') else sys.executable


@cache
def start() -> str:
    """Start the interpreters, unless a process above has; returns the folder of the commands.

    They import for seconds; a program that is started before that waits for them.
    """
    if FOLDER_VARIABLE in os.environ:
        return os.environ[FOLDER_VARIABLE]
    folder = tempfile.mkdtemp(prefix='warm')
    atexit.register(shutil.rmtree, folder)
    for name in ('python', 'loaded'):
        command, address = Path(folder, name), f'{folder}/{name}.socket'
        python = os.path.realpath(sys.executable)
        command.write_text(CLIENT.format(python=python, address=address))
        command.chmod(0o755)
    environment = {**os.environ, 'OMP_NUM_THREADS': '1'}
    # They end when this process does, which closes the pipe.
    server = subprocess.Popen(
        [sys.executable, '-W', 'ignore', __file__, folder],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=environment,
    )
    assert server.stdout is not None
    assert server.stdout.readline() == b'ready\n'
    return folder


def serve(folder: str) -> None:
    """Listen for both commands, import for each, and run its programs."""
    listeners = {}
    for name in ('python', 'loaded'):
        listeners[name] = socket.socket(socket.AF_UNIX)
        listeners[name].bind(f'{folder}/{name}.socket')
        listeners[name].listen(64)
    print('ready', flush=True)
    gc.disable()
    for name in PACKAGES:
        import_module(name)
    name = 'loaded' if os.fork() == 0 else 'python'
    if name == 'loaded':
        sys.path.insert(1, str(ROOT))
        import_module('mmaction_timesformer')
        del sys.path[1]
        # Each data set has all objects looked through for garbage.
        sys.modules['mmengine.dataset.base_dataset'].gc = SimpleNamespace(collect=int)
    # Programs that a program starts, start at once too.
    sys.executable = f'{folder}/{name}'
    multiprocessing.set_executable(sys.executable)
    gc.enable()
    gc.set_threshold(20_000, 20, 20)
    gc.freeze()
    listener = listeners.pop(name)
    for other in listeners.values():
        other.close()
    run_programs(listener)


def run_programs(listener: socket.socket) -> None:
    """Wait for clients; in the process forked for each, run its program."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    while select.select([listener, sys.stdin], [], [])[0] == [listener]:
        connection, _ = listener.accept()
        if os.fork() == 0:
            listener.close()
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            fork_program(connection)
        connection.close()
    exit_at_once(0)


def fork_program(connection: socket.socket) -> NoReturn:
    """Run a client's program in one process; from another, watch over it for the client."""
    size, descriptors, _, _ = socket.recv_fds(connection, 4, 256)
    program = json.loads(connection.recv(int.from_bytes(size, 'big'), socket.MSG_WAITALL))
    numbers = program.pop('numbers')
    process = os.fork()
    if process == 0:
        connection.close()
        give_numbers(descriptors, numbers)
        status = 0
        try:
            run_program(**program)
        except SystemExit as end:
            status = status_of(end)
        except BaseException as error:
            status = 1
            sys.last_type, sys.last_value, sys.last_traceback = sys.exc_info()
            sys.excepthook(type(error), error, error.__traceback__)
        exit_at_once(status)
    for descriptor in {*descriptors, 0, 1, 2}:
        os.close(descriptor)
    ending = os.pidfd_open(process)
    while select.select([connection, ending], [], [])[0] == [connection]:
        # A signal, or the end of a client that was killed.
        (number,) = connection.recv(1) or [signal.SIGKILL]
        signal.pidfd_send_signal(ending, number)
    _, status = os.waitpid(process, 0)
    try:
        connection.sendall(f'{os.waitstatus_to_exitcode(status)}\n'.encode())
    finally:
        os._exit(0)


def give_numbers(descriptors: list[int], numbers: list[int]) -> None:
    """Let each descriptor have the number that it has in the client."""
    # Out of the way first, so that none takes another's number.
    high = [fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, 256) for descriptor in descriptors]
    for descriptor in descriptors:
        os.close(descriptor)
    for descriptor, number in zip(high, numbers, strict=True):
        os.dup2(descriptor, number)
        os.close(descriptor)


def status_of(end: SystemExit) -> int:
    """The exit status, as the interpreter reads it from the exception; prints its message."""
    if isinstance(end.code, str):
        print(end.code, file=sys.stderr)
    return end.code if isinstance(end.code, int) else int(end.code is not None)


def exit_at_once(status: int) -> NoReturn:
    """End in the interpreter's order, without freeing what every module holds."""
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        if not stream.closed:
            stream.flush()
    os._exit(status)


def run_program(words: list[str], folder: str, environment: dict[str, str]) -> None:
    """Run what Python's command line names: a file, a module with -m, or code with -c."""
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    os.environ[FOLDER_VARIABLE] = os.path.dirname(sys.executable)
    sys.stdin, sys.stdout, sys.stderr = map(os.fdopen, range(3), 'rww', [1] * 3)
    sys.modules['numpy'].random.seed()
    sys.modules['torch'].seed()
    while words[0][:2] in ('-W', '-u', '-B'):
        option = words.pop(0)
        if option.startswith('-W'):
            warnings.simplefilter(option[2:] or words.pop(0))
    kind, name = (words.pop(0), words[0]) if words[0] in ('-c', '-m') else ('', words[0])
    sys.argv = words
    paths = environment.get('PYTHONPATH', '').split(os.pathsep)
    sys.path[:1] = [folder if kind else str(Path(name).parent), *filter(None, paths)]
    if kind == '-c':
        words[0] = '-c'
        main = sys.modules['__main__'] = ModuleType('__main__')
        exec(compile(name, '<string>', 'exec'), vars(main))
    elif kind == '-m':
        runpy.run_module(name, run_name='__main__', alter_sys=True)
    else:
        runpy.run_path(name, run_name='__main__')


if __name__ == '__main__':
    serve(*sys.argv[1:])
