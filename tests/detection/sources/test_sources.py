"""What names a source."""

import pytest

from mmaction_timesformer.detection.sources.sources import Source, find_sources, parse_source


def test_kinds():
    assert parse_source('yard.mp4') == Source('yard.mp4', 'yard.mp4')
    assert parse_source('/dev/video0').device_format == 'v4l2'
    assert parse_source('v4l2:/dev/video0').url == '/dev/video0'
    assert parse_source('12:30.mp4').kind == 'file'
    assert parse_source('rtsp://camera/gate').is_live
    assert not parse_source('yard.mp4').is_live


def test_names_hold_no_password():
    source = parse_source('rtsp://user:secret@camera:554/gate?token=secret')
    assert source.name == 'rtsp://camera:554/gate'
    assert 'secret' in source.url


@pytest.mark.parametrize(
    ('query', 'kept'),
    [
        ('channel=1&subtype=0', '?channel=1&subtype=0'),
        ('channel=1&password=hunter2', '?channel=1'),
        ('Pwd=hunter2;channel=1', '?channel=1'),
        ('stream=2&X-Amz-Signature=hunter2&X-Amz-Credential=hunter2', '?stream=2'),
        ('api_key=hunter2&sig=hunter2&sessionid=hunter2', ''),
        ('u=admin&p=hunter2&channel=1', '?channel=1'),
        ('pw=hunter2&pin=1234&code=1234&hash=hunter2&otp=123456', ''),
        ('ticket=hunter2&sid=hunter2&ak=hunter2&sk=hunter2', ''),
        ('Channel=2&streamType=main&proto=Onvif', '?Channel=2&streamType=main&proto=Onvif'),
        ('camera=1&cam=2&chn=3&profile=a_1', '?camera=1&cam=2&chn=3&profile=a_1'),
        ('channel=u:hunter2@b&mychannel=hunter2', ''),
        ('hunter2', ''),
        ('src=rtsp%3A%2F%2Fa%3Ahunter2%40b&id=gate', '?id=gate'),
    ],
)
def test_names_keep_of_a_query_what_is_no_secret(query, kept):
    source = parse_source(f'rtsp://user:hunter2@camera/live?{query}')
    assert source.name == f'rtsp://camera/live{kept}'


def test_cameras_that_differ_in_the_query_are_two():
    """As recorders of several makers name the channels of one address."""
    urls = [f'rtsp://u:p@10.0.0.2:554/cam/realmonitor?channel={n}&subtype=0' for n in (1, 2)]
    assert [source.url for source in find_sources([*urls, urls[0]])] == urls


def test_sources_that_would_have_one_name_are_refused_without_telling_secrets():
    urls = [f'rtsp://a:hunter2@camera/live?{query}' for query in ('token=hunter3', 'p=hunter4')]
    with pytest.raises(ValueError, match='rtsp://camera/live') as refused:
        find_sources(urls)
    assert 'hunter' not in str(refused.value)


def test_folders_globs_and_files(tmp_path):
    for name in ('b.mp4', 'a.MP4', 'deep/c.mkv', 'notes.txt'):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    found = find_sources([tmp_path, tmp_path / 'b.mp4', 'rtsp://camera/gate'])
    names = [source.name.removeprefix(f'{tmp_path}/') for source in found]
    assert names == ['a.MP4', 'b.mp4', 'deep/c.mkv', 'rtsp://camera/gate']
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
