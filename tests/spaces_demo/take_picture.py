"""Takes the README's picture of the page: `python -m tests.spaces_demo.take_picture examples/page.jpg`."""

import argparse
import tempfile
from pathlib import Path

from playwright.sync_api import Browser

from .browser_window import Window, chromium
from .space_process import prepare_space, serving

_VIEW = {"width": 1280, "height": 960}
_QUALITY = 80


def take_picture(browser: Browser, address: str, file: Path) -> None:
    """Let the page read the example clip, and write what it then shows, down to the key frames.

    Args:
        browser: From `chromium`.
        address: A running Space.
        file: JPEG to write.
    """
    page = Window(browser, address, viewport=_VIEW).page
    page.click("#eq-example-clip")
    page.wait_for_selector(".eq-download")
    page.mouse.move(0, 0)  # the player hides its buttons
    page.wait_for_timeout(1000)
    bottom = page.evaluate("document.querySelector('#eq-key-frames').getBoundingClientRect().bottom")
    shown = {"x": 0, "y": 0, "width": _VIEW["width"], "height": bottom + 12}
    page.screenshot(path=file, type="jpeg", quality=_QUALITY, full_page=True, clip=shown)
    page.context.close()


def main() -> None:
    """Take the picture of the shipped model's page."""
    parser = argparse.ArgumentParser(description="Take the README's picture of the page.")
    parser.add_argument("file", type=Path, help="JPEG to write")
    file = parser.parse_args().file
    with (
        tempfile.TemporaryDirectory() as folder,
        serving(prepare_space(Path(folder))) as address,
        chromium() as browser,
    ):
        take_picture(browser, address, file)


if __name__ == "__main__":
    main()
