"""Whoever asks for something else meanwhile gets that, and nothing of what was asked for before."""

import pytest

from .browser_window import Window

pytestmark = pytest.mark.browser

_ALL_THAT_IS_READ = ".eq-timeline, .eq-verdict, .eq-frames, .eq-download, #eq-chat .message"


def watch_endings(window: Window) -> None:
    """Keep every different word of a reading that is done, from now on."""
    window.page.evaluate(
        """() => {
            window.endings = new Set();
            new MutationObserver(() => {
                const status = document.querySelector('#eq-status').innerText;
                if (status.startsWith('Done')) window.endings.add(status);
            }).observe(document.body, {childList: true, subtree: true, characterData: true});
        }"""
    )


def wait_until_done(window: Window) -> None:
    window.page.wait_for_function("document.querySelector('#eq-status').innerText.startsWith('Done')")


def test_an_example_clicked_while_another_is_read(window):
    window.page.get_by_label("Side by side").check()
    watch_endings(window)
    window.page.click("#eq-example-clip")
    window.page.wait_for_selector(".eq-timeline")
    window.page.click("#eq-example-picture")
    wait_until_done(window)
    window.page.wait_for_timeout(3000)
    assert window.page.evaluate("window.endings.size") == 1
    assert window.page.locator(".eq-timeline").count() == 0
    assert window.page.locator(".eq-verdict").count() == 2 and len(window.answers()) == 1


def test_a_file_taken_away_while_it_is_read(window, media):
    window.page.get_by_label("Side by side").check()
    window.add(media["face"])
    window.page.click("#eq-read")
    window.page.wait_for_selector(".eq-timeline")
    window.page.get_by_label("Clear").first.click()
    window.page.wait_for_selector(".eq-timeline", state="detached")
    window.page.wait_for_timeout(6000)  # the reading would be done by then
    assert window.page.locator(_ALL_THAT_IS_READ).count() == 0
    window.add(media["nobody"])
    window.read()
    assert window.page.locator(".eq-verdict").count() == 2
