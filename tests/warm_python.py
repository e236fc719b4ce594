"""A Python command that starts at once: each program is forked from one interpreter.

In that interpreter the packages below mmaction2 are imported already, which takes seconds and which
tests of whole programs would repeat dozens of times. mmengine, mmaction2 and this project are
imported by each program for itself, as in an ordinary interpreter.

The command itself is a small client. It passes its arguments, folder, environment and streams to
the interpreter, forwards signals to the forked program, and ends as that does. Where the client is
killed, the program is too, a moment later: `Popen.communicate` returns when its pipes are closed.
"""

import atexit
import gc
import json
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
from types import ModuleType
from typing import NoReturn

PACKAGES = (
    'torch.distributed.optim',
    'torchmetrics.functional.classification',
    'scipy.stats',
    'pandas',
    'cv2',
    'matplotlib.figure',
    'transformers',
)

# Isolated and without site, so that it starts in hundredths of a second.
CLIENT = """#!{python} -IS
import json, os, signal, socket, sys
connection = socket.socket(socket.AF_UNIX)
connection.connect({address!r})
for number in (signal.SIGTERM, signal.SIGINT):
    signal.signal(number, lambda number, _: connection.send(bytes([number])))
program = dict(words=sys.argv[1:], folder=os.getcwd(), environment=dict(os.environ))
data = json.dumps(program).encode()
socket.send_fds(connection, [len(data).to_bytes(4, 'big')], [0, 1, 2])
connection.sendall(data)
status = int(connection.makefile().readline())
if status < 0:
    if status != -signal.SIGKILL:
        signal.signal(-status, signal.SIG_DFL)
    os.kill(os.getpid(), -status)
os._exit(status)
"""


@cache
def warm_python() -> str:
    """The command, to be used in place of ``sys.executable``; the first call takes seconds.

    Where processes cannot be watched by file descriptors, which is a matter of Linux, it is
    ``sys.executable`` itself.
    """
    if not hasattr(os, 'pidfd_open'):
        return sys.executable
    folder = tempfile.mkdtemp(prefix='warm')
    atexit.register(shutil.rmtree, folder)
    command, address = Path(folder, 'python'), f'{folder}/socket'
    command.write_text(CLIENT.format(python=os.path.realpath(sys.executable), address=address))
    command.chmod(0o755)
    environment = {**os.environ, 'OMP_NUM_THREADS': '1'}
    # It ends when this process does, which closes the pipe.
    server = subprocess.Popen(
        [sys.executable, '-W', 'ignore', __file__, command, address],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=environment,
    )
    assert server.stdout is not None
    assert server.stdout.readline() == b'ready\n'
    return str(command)


def serve(command: str, address: str) -> None:
    """Wait for clients; in the process forked for each, run its program."""
    for name in PACKAGES:
        import_module(name)
    # What a program starts, starts at once too.
    sys.executable = command
    gc.freeze()
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(address)
    listener.listen(64)
    print('ready', flush=True)
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
    size, streams, _, _ = socket.recv_fds(connection, 4, 3)
    data = connection.makefile('rb', buffering=0).read(int.from_bytes(size, 'big'))
    process = os.fork()
    if process == 0:
        connection.close()
        for number, stream in enumerate(streams):
            os.dup2(stream, number)
            os.close(stream)
        status = 0
        try:
            run_program(**json.loads(data))
        except SystemExit as end:
            status = status_of(end)
        except BaseException as error:
            status = 1
            sys.last_type, sys.last_value, sys.last_traceback = sys.exc_info()
            sys.excepthook(type(error), error, error.__traceback__)
        exit_at_once(status)
    for stream in [*streams, 0, 1, 2]:
        os.close(stream)
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


def status_of(end: SystemExit) -> int:
    """The exit status, as the interpreter reads it from the exception; prints its message."""
    if isinstance(end.code, str):
        print(end.code, file=sys.stderr)
    return end.code if isinstance(end.code, int) else int(end.code is not None)


def exit_at_once(status: int) -> NoReturn:
    """End in the interpreter's order, without freeing what every module holds."""
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


def run_program(words: list[str], folder: str, environment: dict[str, str]) -> None:
    """Run what Python's command line names: a file, a module with -m, or code with -c."""
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    sys.stdin, sys.stdout, sys.stderr = map(os.fdopen, range(3), 'rww', [1] * 3)
    sys.modules['numpy'].random.seed()
    sys.modules['torch'].seed()
    while words[0] in ('-W', '-u', '-B'):
        if words.pop(0) == '-W':
            warnings.simplefilter(words.pop(0))
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
