"""Steps that tests take in a browser."""

import json
import time
from collections.abc import Callable
from typing import Any

from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import Select, WebDriverWait

PATIENCE_SECONDS = 60


def wait_for(browser: Any, is_so: Callable[[Any], object]) -> Any:
    """Wait until something is so."""
    return WebDriverWait(browser, PATIENCE_SECONDS, poll_frequency=0.1).until(is_so)


def find(browser: Any, selector: str) -> Any:
    return browser.find_element(By.CSS_SELECTOR, selector)


def texts(browser: Any, selector: str) -> list[str]:
    return browser.execute_script(
        'return [...document.querySelectorAll(arguments[0])].map((e) => e.textContent)', selector
    )


def open_page(browser: Any, url: str, who: str = '') -> None:
    """Open a page as somebody."""
    browser.get(url)
    if who:
        browser.execute_script('localStorage.setItem("who", arguments[0])', who)
        browser.get(url)


def choose(browser: Any, name: str, value: str) -> None:
    Select(find(browser, f'[name={name}]')).select_by_value(value)


def press(browser: Any, keys: str) -> None:
    """Press keys one after another, wherever the focus is."""
    find(browser, 'body').send_keys(keys)


def drop_file(browser: Any, selector: str, path: str) -> None:
    """Drop a file on an element, as a hand does that drags it out of a folder."""
    browser.execute_script(
        "document.body.insertAdjacentHTML('beforeend', '<input type=file id=dragged>')"
    )
    find(browser, '#dragged').send_keys(path)
    browser.execute_script(
        """
        const dragged = new DataTransfer();
        dragged.items.add(document.querySelector('#dragged').files[0]);
        for (const kind of ['dragover', 'drop']) {
            const event = { dataTransfer: dragged, bubbles: true, cancelable: true };
            document.querySelector(arguments[0]).dispatchEvent(new DragEvent(kind, event));
        }
        """,
        selector,
    )


def wait_until_stored(browser: Any) -> None:
    wait_for(browser, lambda b: find(b, '#outbox').get_attribute('textContent') == '')


def set_offline(browser: Any, is_offline: bool) -> None:
    browser.execute_cdp_cmd('Network.enable', {})
    conditions = {'offline': is_offline, 'latency': 0}
    conditions |= {'downloadThroughput': -1, 'uploadThroughput': -1}
    browser.execute_cdp_cmd('Network.emulateNetworkConditions', conditions)


def set_width(browser: Any, width: int, height: int = 900) -> None:
    size = {'width': width, 'height': height, 'deviceScaleFactor': 1, 'mobile': False}
    browser.execute_cdp_cmd('Emulation.setDeviceMetricsOverride', size)


def requested(browser: Any) -> list[str]:
    """Addresses that the browser has asked for since the last call."""
    messages = [json.loads(entry['message'])['message'] for entry in browser.get_log('performance')]
    sent = [m for m in messages if m['method'] == 'Network.requestWillBeSent']
    return [message['params']['request']['url'] for message in sent]


def until(seconds: float) -> Callable[[], bool]:
    """Whether there is time left."""
    end = time.monotonic() + seconds
    return lambda: time.monotonic() < end
