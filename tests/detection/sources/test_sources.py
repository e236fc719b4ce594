"""Names of sources."""

import os
import re

import pytest

from mmaction_timesformer.detection.sources.records import End
from mmaction_timesformer.detection.sources.sources import (
    Source,
    find_left_out,
    find_sources,
    parse_source,
)
from tests.detection.signal_videos import make_detector


def test_kinds():
    assert parse_source('yard.mp4') == Source('yard.mp4', 'yard.mp4')
    assert parse_source('/dev/video0').device_format == 'v4l2'
    assert parse_source('v4l2:/dev/video0').url == '/dev/video0'
    assert parse_source('12:30.mp4').kind == 'file'
    assert parse_source('rtsp://camera/gate').is_live
    assert not parse_source('yard.mp4').is_live


@pytest.mark.parametrize(
    ('url', 'name'),
    [
        ('rtsp://user:hunter2@camera:554/gate?token=hunter2', 'rtsp://camera#'),
        ('rtsp://camera/user=admin_password=hunter2_channel=1_stream=0.sdp', 'rtsp://camera#'),
        ('rtmp://camera/live/hunter2', 'rtmp://camera#'),
        ('http://[fe80::1]:80/snap?user=a&password=hunter2', 'http://[fe80::1]#'),
        # Where a URL can be read in several ways, even its host may be a part of a password.
        ('rtsp://user:pa/hunter2@camera/gate', 'rtsp://#'),
        ('rtsp://user:hunter2#x@camera/gate', 'rtsp://#'),
        ('rtsp://user:hunter2?x@camera/gate', 'rtsp://#'),
        ('rtsp://hunter2@x@camera/gate', 'rtsp://camera#'),
        ('rtsp://camera/gate?password=x@hunter2', 'rtsp://#'),
        ('rtsp://admin:hunter2/gate', 'rtsp://admin#'),
    ],
)
def test_names_of_urls_hold_scheme_host_and_fingerprint(url, name):
    source = parse_source(url)
    assert source.url == url
    assert re.fullmatch(re.escape(name) + '[0-9a-f]{8}', source.name)
    assert 'hunter2' not in source.name


def test_a_source_may_be_named():
    source = parse_source('gate 1=rtsp://user:hunter2@camera/live?a=b')
    assert (source.name, source.url) == ('gate 1', 'rtsp://user:hunter2@camera/live?a=b')
    assert parse_source('yard=recordings/a.mp4').name == 'yard'


def test_secrets_come_from_the_environment(monkeypatch):
    monkeypatch.setenv('CAMERA_PASSWORD', 'hunter2')
    assert parse_source('rtsp://a:${CAMERA_PASSWORD}@b/').url == 'rtsp://a:hunter2@b/'
    with pytest.raises(ValueError, match='CAMERA_LOGIN is not set'):
        parse_source('rtsp://${CAMERA_LOGIN}@b/')


@pytest.mark.parametrize('text', ['rtsp:/a:hunter2@camera/', 'a:hunter2@camera/x', 'p=hunter2'])
def test_what_is_neither_file_nor_url_is_refused_without_telling_secrets(text):
    with pytest.raises(FileNotFoundError) as refused:
        find_sources([text])
    assert 'hunter2' not in str(refused.value)


def test_cameras_that_differ_in_the_query_are_two():
    """As recorders of several makers name the channels of one address."""
    urls = [f'rtsp://u:p@10.0.0.2:554/cam/realmonitor?channel={n}&subtype=0' for n in (1, 2)]
    assert [source.url for source in find_sources([*urls, urls[0]])] == urls


def test_two_sources_of_one_name_are_refused():
    with pytest.raises(ValueError, match='several sources are called gate'):
        find_sources(['gate=rtsp://a/', 'gate=rtsp://b/'])


def test_a_bad_name_does_not_end_the_others(tmp_path):
    (tmp_path / 'loop.mp4').symlink_to(tmp_path / 'loop.mp4')
    (tmp_path / 'good.mp4').touch()
    odd = os.fsdecode(bytes(tmp_path) + b'/\xff\x1b.mp4')
    open(odd, 'w').close()
    names = [source.name for source in find_sources([tmp_path, 'x' * 300 + '.mp4', 'a\0.mp4'])]
    assert names == [
        f'{tmp_path}/good.mp4',
        f'{tmp_path}/loop.mp4',
        f'{tmp_path}/\\udcff\\x1b.mp4',
        'x' * 300 + '.mp4',
        'a\\x00.mp4',
    ]
    ends = [r for r in make_detector().watch(find_sources([tmp_path])) if isinstance(r, End)]
    assert all(end.error for end in ends)
    assert len(ends) == 3


def test_folders_globs_and_files(tmp_path):
    for name in ('b.mp4', 'a.MP4', 'deep/c.mkv', 'd.dav', 'notes.txt'):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    found = find_sources([tmp_path, tmp_path / 'b.mp4', 'rtsp://camera/gate'])
    names = [source.name.removeprefix(f'{tmp_path}/') for source in found]
    assert names[:-1] == ['a.MP4', 'b.mp4', 'd.dav', 'deep/c.mkv']
    assert find_left_out([tmp_path, 'rtsp://camera/gate']) == [f'{tmp_path}/notes.txt']
    assert [s.name for s in find_sources([f'{tmp_path}/*.mp4'])] == [f'{tmp_path}/b.mp4']
    assert find_sources([tmp_path / 'b.mp4'], pace=2.0)[0].pace == 2.0


def test_what_names_nothing_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match='missing'):
        find_sources([tmp_path / 'missing.mp4'])
    with pytest.raises(ValueError, match='no video'):
        find_sources([tmp_path])
    with pytest.raises(ValueError, match='no source'):
        find_sources([])
    with pytest.raises(ValueError, match='pace'):
        Source('a', 'a', pace=0.0)
    with pytest.raises(ValueError, match='pace'):
        Source('a', 'rtsp://a', 'url', pace=1.0)


@pytest.mark.parametrize('text', ['www.host/live/hunter2', '192.168.1.9/live/hunter2'])
def test_an_address_without_a_scheme_is_not_shown(text, tmp_path):
    recording = tmp_path / 'yard.mp4'
    recording.touch()
    _, failing = find_sources([recording, text])
    assert re.fullmatch('#[0-9a-f]{8}', failing.name)
    with pytest.raises(FileNotFoundError, match=r'#[0-9a-f]{8}: no such file') as error:
        find_sources([text])
    assert 'hunter2' not in str(error.value)
