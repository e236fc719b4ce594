"""Downloads are whole and checked before they have a name."""

import hashlib
import re
import threading
from dataclasses import replace
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pytest
import torch

from mmaction_timesformer.models.checkpoints import downloading, public_weights, read_checkpoint
from mmaction_timesformer.models.checkpoints.downloading import cached_path
from tests.models.checkpoints.peers import SIZES, clips, own_backbone


class Server(ThreadingHTTPServer):
    """A server of a folder on this machine, which remembers what it was asked for."""

    def __init__(self, folder):
        super().__init__(('127.0.0.1', 0), partial(Handler, directory=str(folder)))
        self.folder, self.requests = folder, []
        self.url = f'http://127.0.0.1:{self.server_address[1]}'


class Handler(SimpleHTTPRequestHandler):
    """Serves a folder; promises more of ``short`` files than it sends."""

    def log_message(self, *args):
        pass

    def send_header(self, keyword, value):
        if keyword == 'Content-Length' and 'short' in self.path:
            value = str(int(value) + 1000)
        super().send_header(keyword, value)

    def do_GET(self):
        assert isinstance(self.server, Server)
        self.server.requests.append(self.path)
        super().do_GET()


@pytest.fixture
def server(tmp_path):
    """A server of ``tmp_path/served`` on this machine."""
    folder = tmp_path / 'served'
    folder.mkdir()
    server = Server(folder)
    thread = threading.Thread(target=server.serve_forever, kwargs={'poll_interval': 0.01})
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture(autouse=True)
def downloads(tmp_path):
    """An empty folder of downloads."""
    before = torch.hub.get_dir()
    torch.hub.set_dir(str(tmp_path / 'hub'))
    yield tmp_path / 'hub' / 'checkpoints'
    torch.hub.set_dir(before)


def files(folder):
    return [path.name for path in folder.iterdir()] if folder.is_dir() else []


def test_weights_from_a_url_once(server, downloads, trained_file, trained):
    (server.folder / 'weights.pth').write_bytes(trained_file.read_bytes())
    url = f'{server.url}/weights.pth?sig=secret'
    for _ in range(2):
        ours = own_backbone(SIZES[0], pretrained=url)
        ours.init_weights()
        with torch.no_grad():
            inputs = clips(SIZES[0])
            torch.testing.assert_close(ours(inputs), trained.backbone(inputs), atol=1e-5, rtol=1e-5)
    assert re.fullmatch(r'http://127\.0\.0\.1/\.\.\./weights\.pth#\w{8}', ours.load_report.source)
    assert server.requests == ['/weights.pth?sig=secret']
    assert files(downloads) == [cached_path(url).name]


def test_files_of_one_name_are_kept_apart(server, downloads):
    for name in ('first', 'second'):
        (server.folder / name).mkdir()
        torch.save({name: torch.ones(1)}, server.folder / name / 'pytorch_model.bin')
    for name in ('first', 'second'):
        checkpoint = read_checkpoint(f'{server.url}/{name}/pytorch_model.bin')
        assert list(checkpoint['state_dict']) == [name]
    assert len(files(downloads)) == 2


@pytest.mark.parametrize(
    ('name', 'content', 'words'),
    [
        ('page.pth', b'<!doctype html><title>Log in</title>', 'is a web page'),
        ('cut.pth', b'PK\x03\x04 and then nothing', 'damaged'),
        ('empty.pth', b'', 'is empty'),
    ],
)
def test_bad_files_get_no_name(server, downloads, name, content, words):
    (server.folder / name).write_bytes(content)
    with pytest.raises(ValueError, match=words) as raised:
        read_checkpoint(f'{server.url}/{name}?sig=secret')
    assert f'http://127.0.0.1/.../{name}#' in str(raised.value)
    assert 'secret' not in str(raised.value)
    assert files(downloads) == []


def test_connection_that_breaks_off(server, downloads, trained_file):
    (server.folder / 'short.pth').write_bytes(trained_file.read_bytes()[:5000])
    with pytest.raises(ValueError, match=r'short\.pth.*broke off after 5,000 of 6,000 bytes'):
        read_checkpoint(f'{server.url}/short.pth')
    assert files(downloads) == []


def test_endless_download_stops_at_the_limit(server, downloads, monkeypatch):
    monkeypatch.setattr(downloading, 'MAX_BYTES', 1000)
    (server.folder / 'large.pth').write_bytes(bytes(1001))
    with pytest.raises(ValueError, match=r'large\.pth.*more than 1,000 bytes, the limit'):
        read_checkpoint(f'{server.url}/large.pth')
    assert files(downloads) == []


def test_missing_file_and_missing_server(server, downloads, unused_port):
    with pytest.raises(ConnectionError, match=r'nothing\.pth#.* cannot be downloaded.*404'):
        read_checkpoint(f'{server.url}/nothing.pth')
    with pytest.raises(ConnectionError, match='cannot be downloaded') as raised:
        read_checkpoint(f'http://user:secret@127.0.0.1:{unused_port}/weights.pth')
    assert 'secret' not in str(raised.value)
    assert files(downloads) == []


@pytest.mark.parametrize('right', [True, False])
def test_hash_of_the_table(server, downloads, trained_file, monkeypatch, right):
    content = trained_file.read_bytes()
    (server.folder / 'known.pth').write_bytes(content)
    url = f'{server.url}/known.pth'
    digest = hashlib.sha256(content).hexdigest()[:8] if right else '0' * 8
    entry = replace(public_weights.PUBLIC_WEIGHTS[0], url=url, sha256=digest)
    monkeypatch.setattr(public_weights, 'PUBLIC_WEIGHTS', (entry,))
    if right:
        assert 'state_dict' in read_checkpoint(url)
    else:
        with pytest.raises(ValueError, match=r'known\.pth.*SHA-256.*expected 00000000'):
            read_checkpoint(url)
    assert len(files(downloads)) == right
