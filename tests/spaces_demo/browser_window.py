"""The Space's page as one visitor sees it, in Debian's chromium."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

from .space_process import ROOT

PICTURES = ROOT / "outputs" / "space"
_CHROMIUM = "/usr/bin/chromium"
_FLAGS = ("--no-sandbox", "--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream")
_PATIENCE = 180_000  # milliseconds; a busy machine takes its time


@contextmanager
def chromium() -> Iterator[Browser]:
    """A browser with nobody before its camera."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=_CHROMIUM, args=_FLAGS)
        yield browser
        browser.close()


class Window:
    """One visitor: a page of its own, and what its console and network did."""

    def __init__(self, browser, address: str, **options):
        options.setdefault("viewport", {"width": 1280, "height": 960})
        self.page = browser.new_context(**options).new_page()
        self.page.set_default_timeout(_PATIENCE)
        self.errors: list[str] = []
        self.foreign: list[str] = []
        self.page.on("console", lambda message: message.type == "error" and self.errors.append(message.text))
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("request", lambda request: self._note(request.url, address))
        self.page.goto(address)
        self.page.wait_for_selector("#eq-read")

    def _note(self, url: str, address: str) -> None:
        if not url.startswith((address, "data:", "blob:")):
            self.foreign.append(url)

    def add(self, file: Path, kind: str = "clip") -> None:
        if kind == "picture":
            self.page.get_by_role("tab", name="Picture").click()
        self.page.set_input_files(f"#eq-{kind} input[type=file]", str(file))
        self.page.wait_for_selector(f"#eq-{kind} {'video' if kind == 'clip' else 'img'}", state="attached")

    def read(self) -> None:
        self.page.click("#eq-read")
        self.page.wait_for_selector(".eq-download")

    def text(self, selector: str) -> str:
        return self.page.inner_text(selector)

    def answers(self) -> list[str]:
        return self.page.locator("#eq-chat .bot.message").all_inner_texts()

    def picture(self, name: str) -> None:
        self.page.wait_for_timeout(600)
        PICTURES.mkdir(parents=True, exist_ok=True)
        self.page.screenshot(path=PICTURES / f"{name}.png", full_page=True)
