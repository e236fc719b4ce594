"""Results of a real detector, a server on them, and a browser."""

import os
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from mmaction_timesformer.detection.running import run
from mmaction_timesformer.detection.sources.sources import Source
from tests.detection.conftest import need_service
from tests.detection.signal_videos import every, make_detector, write_video
from tests.made_once import made_once
from tests.warm_python import loaded_python

CHROMIUM, DRIVER = Path('/usr/bin/chromium'), Path('/usr/bin/chromedriver')
NUM_ALARMS, MANY_ALARMS = 10, 100
PERIOD_SECONDS = 4.0
FLAGS = (
    *('--headless=new', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run'),
    *('--disable-background-networking', '--disable-component-update', '--disable-sync'),
)


def alarm_seconds(number: int) -> float:
    """When an alarm begins."""
    return 2 + PERIOD_SECONDS * number


class PageServer:
    """``tools/serve.py`` on a folder; it can be killed and started again on its port.

    Args:
        folder: The results.
        options: More arguments.
    """

    def __init__(self, folder: Path, *options: str) -> None:
        self.folder = folder
        self.url = ''
        self._options = options
        self._process: subprocess.Popen | None = None

    def start(self) -> None:
        """Start it and wait until it says where it listens."""
        root = Path(__file__).parents[2]
        port = self.url.rstrip('/').rpartition(':')[2] or '0'
        command = [loaded_python(), str(root / 'tools/serve.py'), str(self.folder), '--port', port]
        self._process = subprocess.Popen(
            [*command, *self._options],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=root,
            env={**os.environ, 'OMP_NUM_THREADS': '1'},
        )
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line.startswith('http'):
            pytest.fail(f'the server ended: {self._process.communicate()[1]}')
        self.url = line.strip()

    def kill(self) -> None:
        """Kill it without a warning."""
        if self._process is not None:
            self._process.send_signal(signal.SIGKILL)
            self._process.communicate()
            self._process = None


@pytest.fixture(scope='session')
def recorded_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A recording with ten alarms, and the folder of results beside it."""
    return made_once(tmp_path_factory, 'recorded_run', partial(record_alarms, NUM_ALARMS))


@pytest.fixture(scope='session')
def long_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A recording with a hundred alarms, and the folder of results beside it."""
    return made_once(tmp_path_factory, 'long_run', partial(record_alarms, MANY_ALARMS))


def record_alarms(number: int, folder: Path) -> None:
    """Write a recording and watch it."""
    (folder / 'recordings').mkdir()
    video = folder / 'recordings' / 'gate.mp4'
    digging = [(start, start + 2) for start in map(alarm_seconds, range(number))]
    write_video(video, every(8, PERIOD_SECONDS * number + 4), digging)
    run(make_detector(), [Source(str(video), str(video))], folder / 'out')


@pytest.fixture
def results(recorded_run: Path, tmp_path: Path) -> Path:
    """A copy of the results that may be changed; the recording stays where it was."""
    return Path(shutil.copytree(recorded_run / 'out', tmp_path / 'out'))


@pytest.fixture(scope='session')
def serve_all() -> Iterator[Callable[..., PageServer]]:
    """Starts servers that last until the end."""
    servers: list[PageServer] = []

    def start(folder: Path, *options: str) -> PageServer:
        servers.append(PageServer(folder, *options))
        servers[-1].start()
        return servers[-1]

    yield start
    for server in servers:
        server.kill()


@pytest.fixture(scope='session')
def open_browser() -> Iterator[Callable[[], object]]:
    """Starts browsers of different people."""
    is_there = CHROMIUM.exists() and DRIVER.exists()
    need_service(is_there, 'Chromium with its driver')
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service

    browsers = []

    def start() -> object:
        options = webdriver.ChromeOptions()
        options.binary_location = str(CHROMIUM)
        for flag in FLAGS:
            options.add_argument(flag)
        options.set_capability('goog:loggingPrefs', {'browser': 'ALL', 'performance': 'ALL'})
        browsers.append(webdriver.Chrome(options=options, service=Service(str(DRIVER))))
        return browsers[-1]

    yield start
    for browser in browsers:
        browser.quit()


@pytest.fixture(scope='session')
def browser(open_browser: Callable[[], object]) -> object:
    """One browser for all tests."""
    return open_browser()
