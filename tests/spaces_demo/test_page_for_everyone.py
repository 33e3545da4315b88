"""The page on a phone, with a keyboard, and for those who see little or nothing of it."""

import re

import pytest
from playwright.sync_api import expect

from .browser_window import Window

pytestmark = pytest.mark.browser

PHONE = {"width": 390, "height": 844}


def test_phone(browser, address, media):
    window = Window(browser, address, viewport=PHONE, has_touch=True, is_mobile=True)
    window.picture("phone_start")
    window.add(media["face"])
    window.read()
    assert window.page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    window.picture("phone")
    window.page.context.close()


def test_a_phone_is_brought_to_the_verdict_and_a_desktop_stays(browser, address):
    for viewport, moves in ((PHONE, True), ({"width": 1280, "height": 500}, False)):
        window = Window(browser, address, viewport=viewport)
        window.page.click("#eq-example-clip")
        before = window.page.evaluate("window.scrollY")
        window.page.wait_for_selector(".eq-download")
        window.page.wait_for_timeout(1000)
        if moves:
            expect(window.page.locator(".eq-label")).to_be_in_viewport(ratio=1)
        else:
            assert window.page.evaluate("window.scrollY") == before
        window.page.context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_labels_contrast_and_structure(browser, address, media, scheme):
    from axe_playwright_python.sync_playwright import Axe

    window = Window(browser, address, color_scheme=scheme)
    window.add(media["face"])
    window.read()
    window.picture(scheme)
    rules = {"runOnly": ["wcag2a", "wcag2aa", "wcag21aa", "best-practice"]}
    found = Axe().run(window.page, options=rules).response["violations"]
    assert {rule["id"]: [node["html"][:160] for node in rule["nodes"]] for rule in found} == {}
    window.page.context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_contrast_of_what_stands_in_an_empty_box(browser, address, scheme):
    window = Window(browser, address, color_scheme=scheme)
    colors = window.page.locator("#eq-further textarea").evaluate(  # a locator waits until the page has the box
        """box => [getComputedStyle(box, "::placeholder").color, getComputedStyle(box).backgroundColor]"""
    )
    lighter, darker = sorted(map(luminance, colors), reverse=True)
    assert (lighter + 0.05) / (darker + 0.05) >= 4.5
    window.page.context.close()


def luminance(color: str) -> float:
    """Relative luminance, as WCAG 2 defines it, of a color that the browser computed."""
    shares = [int(part) / 255 for part in re.findall(r"\d+", color)[:3]]
    linear = [share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4 for share in shares]
    return sum(weight * share for weight, share in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def test_the_keyboard_reaches_everything(window, media):
    window.add(media["face"])
    window.read()
    window.page.locator("body").press("Tab")
    reached = set()
    for _ in range(80):
        reached.add(
            window.page.evaluate(
                "(() => { const at = document.activeElement; return at.closest('[id^=eq-]')?.id; })()"
            )
        )
        window.page.keyboard.press("Tab")
    wanted = {"eq-clip", "eq-timeline", "eq-example-clip", "eq-options", "eq-read", "eq-further", "eq-ask"}
    assert wanted <= reached | {"eq-inputs"}, reached


def test_what_the_keyboard_chooses_is_seen(window):
    outline = """(() => {
        const at = document.activeElement;
        const choice = at.type === 'radio' && at.closest('#eq-options label');
        return choice ? getComputedStyle(choice).outlineStyle : '';
    })()"""
    window.page.locator("body").press("Tab")
    outlines = set()
    for _ in range(40):
        outlines.add(window.page.evaluate(outline))
        window.page.keyboard.press("Tab")
    assert outlines == {"", "solid"}
