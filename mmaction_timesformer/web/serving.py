"""The command behind ``tools/serve.py``."""

from __future__ import annotations

import errno
import logging
import os
import socket
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import uvicorn

from mmaction_timesformer.detection.results.finishing import ANNOTATED, MEDIA
from mmaction_timesformer.web.app import make_app
from mmaction_timesformer.web.cameras import Cameras, DetectorProcess
from mmaction_timesformer.web.catalogue import Catalogue
from mmaction_timesformer.web.clips import Clips
from mmaction_timesformer.web.programs.nights import NightProcess
from mmaction_timesformer.web.run_records import RunRecords
from mmaction_timesformer.web.security import Access, allowed_hosts, is_loopback, read_secret
from mmaction_timesformer.web.site import Site
from mmaction_timesformer.web.store import Store
from mmaction_timesformer.web.trial import ModelFiles, Models
from video_clips.whole_files import check_writable

FOLDER, SECRET, CLIPS, UPLOADS = 'web', 'secret', 'clips', 'uploads'
LINEAGE = 'lineage'
_SHUTDOWN_SECONDS = 2


@dataclass(frozen=True)
class ServeArguments:
    """Arguments of ``tools/serve.py``.

    Attributes:
        results: The folder that a detector writes, or is to write.
        recordings: Folders of videos that may be shown; by default those of the run.
        config: The model's config; by default the run's.
        checkpoint: Its weights; by default the run's.
        device: Where the model runs.
        host: Address to listen on.
        port: Its port; 0 for any that is free.
        names: More names that browsers may call the server by.
        lineage: Folder of models that follow one another; by default ``lineage`` in `results`.
        cameras: What the page's detector watches, as ``detect.py`` takes it.
    """

    results: str
    recordings: Sequence[str] = ()
    config: str | None = None
    checkpoint: str | None = None
    device: str = 'cpu'
    host: str = '127.0.0.1'
    port: int = 8765
    names: Sequence[str] = ()
    cameras: Sequence[str] = ()
    lineage: str | None = None


def serve(arguments: ServeArguments) -> int:
    """Serve the pages until the process is asked to end.

    Returns:
        The exit code, 0.

    Raises:
        ValueError: The results are something else.
        OSError: The port is taken, or a folder cannot be read or written.
    """
    listener = listen(arguments.host, arguments.port)
    port = listener.getsockname()[1]
    site = open_site(arguments, port)
    _greet(arguments, site, port)
    config = uvicorn.Config(
        make_app(site),
        log_level='warning',
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=_SHUTDOWN_SECONDS,
    )
    logging.basicConfig(format='%(levelname)s: %(message)s', stream=sys.stderr)
    uvicorn.Server(config).run(sockets=[listener])
    site.store.close()
    return 0


def listen(host: str, port: int) -> socket.socket:
    """Take a port.

    Raises:
        OSError: It is taken, or there is no such address.
    """
    try:
        ((family, _, _, _, address), *_) = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        listener = socket.socket(family)
        # A server that was killed may be started again at once.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(128)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            text = f'port {port} of {host} is taken; name another with --port, or 0 for any'
            raise OSError(text) from None
        raise OSError(f'{host} port {port}: {error.strerror or error}') from None
    return listener


def open_site(arguments: ServeArguments, port: int) -> Site:
    """Open all that the pages work on.

    Raises:
        FileNotFoundError: A folder of recordings is missing.
        ValueError: The results are something else.
        OSError: The results cannot be written.
    """
    folder = Path(arguments.results)
    own = folder / FOLDER
    own.mkdir(parents=True, exist_ok=True)
    check_writable(own)
    run = RunRecords(folder)
    store = Store(folder)
    (own / UPLOADS).mkdir(exist_ok=True)
    roots = [Path(text) for text in arguments.recordings] or recordings_of(run)
    catalogue = Catalogue(roots, own / UPLOADS, without=[own, folder / MEDIA, folder / ANNOTATED])
    models = Models(_model_files(arguments, run))
    access = Access(
        allowed_hosts(arguments.host, port, arguments.names),
        read_secret(own / SECRET),
        not is_loopback(arguments.host),
    )
    clips = Clips(own / CLIPS, run, catalogue, models)
    lineage = Path(arguments.lineage) if arguments.lineage else folder / LINEAGE
    return Site(
        folder,
        access,
        run,
        catalogue,
        store,
        clips,
        models,
        Cameras(run),
        DetectorProcess(folder, own, arguments.cameras),
        own / UPLOADS,
        lineage,
        NightProcess(lineage, own),
    )


def recordings_of(run: RunRecords) -> list[Path]:
    """The folders in which a run's recordings lie, as seen from here."""
    names = [name for name in run.sources if name and '\0' not in name and '://' not in name]
    folders = {Path(os.path.abspath(name)).parent for name in names if Path(name).is_file()}
    return sorted(f for f in folders if not any(f != o and f.is_relative_to(o) for o in folders))


def _model_files(arguments: ServeArguments, run: RunRecords) -> ModelFiles | None:
    if arguments.checkpoint is not None:
        return ModelFiles(arguments.config or '', arguments.checkpoint, arguments.device)
    if arguments.config is not None:
        raise ValueError('--config needs --checkpoint')
    if run.model.checkpoint:
        return ModelFiles(run.model.config, run.model.checkpoint, arguments.device)
    return None


def _greet(arguments: ServeArguments, site: Site, port: int) -> None:
    host = f'[{arguments.host}]' if ':' in arguments.host else arguments.host
    token = f'?token={site.access.token}' if site.access.needs_token else ''
    print(f'http://{host}:{port}/{token}', flush=True)
    if problem := site.models.problem():
        print(f'note: {problem}', file=sys.stderr)
