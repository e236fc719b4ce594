"""No part of an address that could be a secret is in its name."""

import re
from pathlib import Path

import pytest

from video_clips.safe_names import public_file_name, public_name


@pytest.mark.parametrize(
    'address',
    [
        'https://host/weights.pth?X-Signature=SECRET',
        'https://user:SECRET@host/weights.pth',
        'https://host/weights.pth#SECRET',
        'https://host/SECRET/weights.pth',
        'rtsp://host:554/user=admin_password=SECRET_channel=1_stream=0.sdp',
        'rtsp://host/h264?user=admin&password=SECRET',
        'rtmp://host/live/SECRET',
        'rtsp:/user:SECRET@host/live',
        'rtsp;//user:SECRET@host/live',
        'rtsp//user:SECRET@host/live',
        'https:\\\\user:SECRET@host',
        'HTTPS://user:SECRET@host/weights.pth',
        ' rtsp://user:SECRET@host/live',
        'rtsp:user:SECRET@host/live',
    ],
)
def test_scheme_and_host_are_shown(address):
    name, longer = public_name(address), public_file_name(address)
    scheme = next(s for s in ('https', 'rtsp', 'rtmp') if address.lower().strip().startswith(s))
    assert name.partition('#')[0] == f'{scheme}://host'
    assert 'secret' not in (name + longer).lower()
    assert 'user' not in name
    assert name != public_name(address.replace('SECRET', 'OTHER'))


@pytest.mark.parametrize(
    'address',
    [
        'rtsp://user:a/SECRET@host/live',
        'rtsp://user:a?SECRET@host/live',
        'rtsp://user:SECRET#b@host',
        'rtsp://camera/live?user=a@SECRET',
        'mqtt://user:SEC@RET/x@host',
        'http:///SECRET',
        'rtsp:////SECRET/live',
    ],
)
def test_no_host_where_it_could_be_part_of_a_password(address):
    assert public_name(address).startswith(f'{address[:4]}://#')
    assert 'SECRET' not in public_file_name(address)


@pytest.mark.parametrize(
    'address',
    [
        'user:SECRET@host/x',
        '//user:SECRET@host/x',
        '///user:SECRET@host/x',
        'user:a/SECRET@host/x',
        'htttp:/user:SECRET@host/x',
        'rtsp ://user:SECRET@host',
        'user@host:554/user=admin&password=SECRET',
        '192.168.1.10:554/user=admin_password=SECRET_channel=1',
        '192.168.1.10/live?token=SECRET',
        'host:1935/live/SECRET',
        'password=SECRET',
        'www.host/live/SECRET',
        'www.host.de/live/SECRET',
        'a.rtmp.host.com/live/SECRET',
        'camera.local/live/SECRET',
        '192.168.1.10/live/SECRET',
        'http://SECRET',
        'rtsp:SECRET@host:80:90',
    ],
)
def test_addresses_without_a_scheme_are_a_fingerprint(address):
    name = public_file_name(address)
    assert re.fullmatch(r'((http|rtsp)://(host)?)?#[0-9a-f]{8}', name)
    assert name != public_name(address.replace('SECRET', 'OTHER'))


def test_a_file_that_is_there_is_no_address(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path('12:30@gate.mp4').touch()
    assert public_name('12:30@gate.mp4') == '12:30@gate.mp4'


def test_paths_are_no_addresses():
    for path in (
        'a/b.pth',
        './host.com/b',
        'v1.2.3/b.mp4',
        '/a b/ü.pth',
        'C:\\weights.pth',
        'C:/weights.pth',
        's3/weights.pth',
    ):
        assert public_name(path) == public_file_name(path) == path


def test_file_of_weights_is_named():
    name = public_file_name('https://host/a/b/weights.pth?sig=x')
    assert name == f'https://host/.../weights.pth#{name[-8:]}'
