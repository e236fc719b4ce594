"""Real servers on the loopback device, for the tests of live detection."""

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

WITHOUT_SERVICES = 'MMACTION_TIMESFORMER_WITHOUT_SERVICES'
DEBIAN_PYTHON = '/usr/bin/python3'


def need_service(is_there: bool, what: str) -> None:
    """Fail loudly without a server, unless it is absent on purpose."""
    if is_there:
        return
    if os.environ.get(WITHOUT_SERVICES) == '1':
        pytest.skip(f'{what} is not installed, and {WITHOUT_SERVICES}=1')
    pytest.fail(f'{what} is not installed: run .ci/services.sh, or set {WITHOUT_SERVICES}=1')


class Server:
    """A server process that can be killed and started again."""

    def __init__(self, command: list[str], ready: str) -> None:
        self._command = command
        self._ready = ready
        self.start()

    def start(self) -> None:
        """Start it and wait until it says that it listens."""
        self._process = subprocess.Popen(
            self._command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if self._ready in line:
                return
        pytest.fail(f'{self._command[0]} ended with {self._process.wait()} before it was ready')

    def kill(self) -> None:
        """Kill it without a warning."""
        self._process.kill()
        self._process.communicate()


@pytest.fixture
def rtsp_server(unused_port: int) -> Iterator:
    """Makes an RTSP server of some video files; gives the server and the URL before the number."""
    probe = 'import gi; gi.require_version("GstRtspServer", "1.0")'
    is_there = Path(DEBIAN_PYTHON).exists() and not subprocess.call(
        [DEBIAN_PYTHON, '-c', probe], stderr=subprocess.DEVNULL
    )
    need_service(is_there, "GStreamer's RTSP server")
    servers = []

    def serve(*files: Path) -> tuple[Server, str]:
        script = str(Path(__file__).with_name('rtsp_server.py'))
        command = [DEBIAN_PYTHON, script, str(unused_port), *map(str, files)]
        servers.append(Server(command, 'ready'))
        return servers[-1], f'rtsp://127.0.0.1:{unused_port}/'

    yield serve
    for server in servers:
        server.kill()


@pytest.fixture
def mosquitto(unused_port: int, tmp_path: Path) -> Iterator[tuple[Server, int]]:
    """An MQTT broker, and its port."""
    # Debian installs it where only root's PATH leads.
    binary = shutil.which('mosquitto') or shutil.which('mosquitto', path='/usr/sbin')
    need_service(binary is not None, 'mosquitto')
    config = tmp_path / 'mosquitto.conf'
    config.write_text(f'listener {unused_port} 127.0.0.1\nallow_anonymous true\n')
    server = Server([str(binary), '-v', '-c', str(config)], 'running')
    yield server, unused_port
    server.kill()


@contextmanager
def far_east() -> Iterator[None]:
    """Let the local time be five and a half hours before UTC's."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv('TZ', 'IST-5:30')
        time.tzset()
        yield
    time.tzset()


def wait_until(condition, timeout_seconds: float = 60.0) -> None:
    """Wait for something that another thread does."""
    deadline = time.monotonic() + timeout_seconds
    while not condition():
        assert time.monotonic() < deadline, 'it did not come in time'
        time.sleep(0.01)
