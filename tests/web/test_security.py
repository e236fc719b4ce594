"""Other sites, other machines and crafted requests can do nothing."""

import json
from urllib.parse import quote

import pytest
from starlette.testclient import TestClient

from mmaction_timesformer.web.app import make_app
from mmaction_timesformer.web.security import COOKIE, CSRF_HEADER, allowed_hosts, is_loopback
from mmaction_timesformer.web.serving import ServeArguments, open_site

HOST = '127.0.0.1:8765'


@pytest.fixture
def site(results):
    return open_site(ServeArguments(str(results)), 8765)


@pytest.fixture
def client(site):
    return TestClient(make_app(site), base_url=f'http://{HOST}', follow_redirects=False)


def verdicts(client, **headers):
    return client.post('/api/verdicts', content='[{}]', headers=headers)


def test_headers_of_every_answer(client):
    for address in ('/review', '/api/queue', '/static/review.js', '/nothing'):
        headers = client.get(address).headers
        policy = headers['content-security-policy']
        assert "default-src 'none'" in policy
        assert 'unsafe' not in policy
        assert headers['x-content-type-options'] == 'nosniff'


@pytest.mark.parametrize('host', ['evil.example', 'evil.example:8765', '127.0.0.1:80', ''])
def test_names_that_the_server_does_not_have(client, host):
    """As a page of another site would use, whose name now points to this machine."""
    answer = client.get('/api/queue', headers={'host': host})
    assert answer.status_code == 421
    assert 'items' not in answer.text


def test_changes_need_the_secret_of_the_page(client, site):
    json_type = {'content-type': 'application/json'}
    assert verdicts(client, **json_type).status_code == 403
    assert verdicts(client, **json_type, **{CSRF_HEADER: 'guess'}).status_code == 403
    right = {CSRF_HEADER: site.access.csrf}
    assert verdicts(client, **json_type, **right).status_code == 200
    elsewhere = {'sec-fetch-site': 'cross-site'}
    assert verdicts(client, **json_type, **right, **elsewhere).status_code == 403
    assert verdicts(client, **right, **{'content-type': 'text/plain'}).status_code == 415


def test_from_elsewhere_only_with_the_token(results):
    site = open_site(ServeArguments(str(results), host='0.0.0.0', names=['yard.lan']), 8765)
    client = TestClient(make_app(site), base_url='http://yard.lan:8765', follow_redirects=False)
    for address in ('/review', '/api/queue', '/static/review.js', '/?token=guess'):
        assert client.get(address).status_code == 401
    answer = client.get(f'/?token={site.access.token}')
    assert answer.status_code == 303
    cookie = answer.headers['set-cookie'].lower()
    assert 'httponly' in cookie
    assert 'samesite=strict' in cookie
    assert client.cookies[COOKIE] == site.access.token
    assert client.get('/api/queue').status_code == 200
    assert site.access.token != site.access.csrf
    assert site.access.secret not in client.get('/review').text


def test_the_secret_lasts_and_is_private(results):
    first = open_site(ServeArguments(str(results)), 8765)
    second = open_site(ServeArguments(str(results)), 8765)
    assert first.access.csrf == second.access.csrf
    assert (results / 'web' / 'secret').stat().st_mode & 0o77 == 0


def test_no_path_is_read_outside(client, site, results, tmp_path):
    """By any spelling, on any address that takes a name."""
    (tmp_path / 'private.mp4').write_bytes(b'private')
    (results / 'events').mkdir(exist_ok=True)
    (results / 'events' / 'link.mp4').symlink_to(tmp_path / 'private.mp4')
    targets = ['../private.mp4', '../../etc/passwd', str(tmp_path / 'private.mp4'), '/etc/passwd']
    targets += ['....//private.mp4', '..\\private.mp4', '%2e%2e/private.mp4', 'web/secret']
    targets += ['events/link.mp4', 'review.sqlite', 'run.json', 'events/../web/secret', '\0']
    places = ['/results/{}', '/clips/{}.mp4', '/clips/{}/map.mp4', '/static/{}', '/api/history/{}']
    for place in places:
        for target in targets:
            for spelling in (target, quote(target, safe=''), quote(quote(target, safe=''))):
                answer = client.get(place.format(quote(spelling)))
                assert answer.content != b'private'
                assert b'root:' not in answer.content
                assert site.access.secret not in answer.text
                assert answer.status_code in (200, 404)
                if answer.status_code == 200:
                    assert answer.json() == {'rows': []}


def test_sizes_and_forms_of_bodies(client, site):
    headers = {'content-type': 'application/json', CSRF_HEADER: site.access.csrf}

    def status(body):
        return client.post('/api/verdicts', content=body, headers=headers).status_code

    assert status('[' * 100_000) == 400
    assert status(b'\xff\xfe') == 400
    assert status('{}') == 400
    assert status('x' * (1 << 21)) == 413
    strange = [None, 5, [], {'key': 5}, {'item': 'x' * 100}, {'start_seconds': True}]
    answer = client.post('/api/verdicts', content=json.dumps(strange), headers=headers)
    assert [r['result'] for r in answer.json()['results']] == ['refused'] * len(strange)
    assert client.get('/api/queue?least=x').status_code == 400
    assert client.get('/api/queue?file=/etc/passwd').status_code == 400


def test_addresses_of_this_machine():
    assert is_loopback('127.0.0.2')
    assert is_loopback('::1')
    assert not is_loopback('0.0.0.0')
    assert not is_loopback('192.168.1.5')
    assert allowed_hosts('192.168.1.5', 80) == {'192.168.1.5:80'}
