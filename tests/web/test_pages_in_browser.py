"""Every page in a real browser: nothing from elsewhere, nothing run, nothing out of reach."""

import json
import shutil

import pytest

from mmaction_timesformer.detection.results.folder import EVENTS, MANIFEST, SCORES
from mmaction_timesformer.web.site import PAGES
from tests.web.driving import open_page, press, requested, set_width, wait_for

EVIL = '<img src=x onerror=window.hacked=1><script>window.hacked=2</script>'
EVIL_FILE = "<img src=x onerror='window.hacked=3'>.mp4"
INTERACTIVE = 'a[href], button, input, select, textarea, summary, video[tabindex], [tabindex="0"]'


@pytest.fixture(scope='module')
def url(recorded_run, tmp_path_factory, serve_all):
    """A server on results whose classes and recordings have names that attack a page."""
    folder = tmp_path_factory.mktemp('evil')
    out = shutil.copytree(recorded_run / 'out', folder / 'out')
    (folder / 'recordings').mkdir()
    shutil.copy(recorded_run / 'recordings' / 'gate.mp4', folder / 'recordings' / EVIL_FILE)
    source = json.dumps(str(recorded_run / 'recordings' / 'gate.mp4'))[1:-1]
    for name in (EVENTS, SCORES, MANIFEST):
        text = (out / name).read_text()
        text = text.replace(source, str(folder / 'recordings' / EVIL_FILE))
        (out / name).write_text(text.replace('Digging', EVIL))
    return serve_all(out, '--recordings', str(folder / 'recordings')).url


@pytest.fixture(params=PAGES)
def page(request, browser, url):
    requested(browser)
    set_width(browser, 1280)
    open_page(browser, f'{url}{request.param}')
    wait_for(browser, lambda b: not b.find_elements('css selector', '[aria-busy=true]'))
    return request.param


def test_pages(page, browser, url):
    """One visit checks it all, for a browser is slow."""
    text = browser.execute_script(
        'return [document.body.textContent,'
        ' ...[...document.querySelectorAll("option")].map((o) => o.value)].join(" ")'
    )
    assert page == 'learn' or EVIL in text or EVIL_FILE in text  # no model learns here
    assert browser.execute_script('return window.hacked') is None
    assert not browser.find_elements('css selector', 'main img[src=x]')
    elsewhere = [u for u in requested(browser) if not u.startswith((url, 'data:', 'blob:'))]
    assert not elsewhere
    check_policy(browser)
    check_names(browser)
    for width in (1280, 390):
        set_width(browser, width)
        check_width(browser, width)
    set_width(browser, 1280)
    check_keyboard(browser)


def check_policy(browser):
    """A script that a hole would let in neither runs nor connects."""
    failed = browser.execute_async_script("""
        const done = arguments[0];
        const script = document.createElement('script');
        script.textContent = 'window.hacked = 4';
        document.body.append(script);
        const trap = '<p onclick="window.hacked = 5" id="trap"></p>';
        document.body.insertAdjacentHTML('beforeend', trap);
        document.querySelector('#trap').click();
        document.querySelector('#trap').remove();
        const held = () => done(window.hacked ?? 'held');
        fetch('http://127.0.0.1:9/').then(() => done('connected'), held);
    """)
    assert failed == 'held'
    blocked = [
        entry for entry in browser.get_log('browser') if 'Content Security' in entry['message']
    ]
    assert len(blocked) >= 3


def check_names(browser):
    """A screen reader has a name for everything that can be used."""
    nodes = browser.execute_cdp_cmd('Accessibility.getFullAXTree', {})['nodes']
    roles = {'button', 'link', 'textbox', 'checkbox', 'combobox', 'slider', 'spinbutton', 'meter'}
    nameless = [
        node
        for node in nodes
        if not node.get('ignored')
        and node.get('role', {}).get('value') in roles
        and not node.get('name', {}).get('value', '').strip()
    ]
    assert not nameless
    assert browser.execute_script('return document.documentElement.lang') == 'en'


def check_width(browser, width):
    wide = browser.execute_script(
        'return [document.documentElement.scrollWidth,'
        ' [...document.querySelectorAll("main *, header *")].filter((e) =>'
        ' e.getBoundingClientRect().right > innerWidth + 1 && !e.closest(".scroll, video, svg"))'
        '.map((e) => e.outerHTML.slice(0, 120))]'
    )
    assert wide[0] <= width
    assert not wide[1]


def check_keyboard(browser):
    """Tab reaches everything that can be used and is shown."""
    browser.execute_script(
        'window.focused = new Set();'
        'addEventListener("focusin", (e) => window.focused.add(e.target), true);'
    )
    missed = []
    for _ in range(40):
        press(browser, '\ue004' * 25)
        missed = browser.execute_script(
            f'return [...document.querySelectorAll({json.dumps(INTERACTIVE)})].filter((e) =>'
            ' e.checkVisibility() && !e.disabled && e.tabIndex >= 0 && !window.focused.has(e))'
            '.map((e) => e.outerHTML.slice(0, 120))'
        )
        if not missed:
            break
    assert not missed
    assert browser.execute_script('return window.focused.size') > 5
