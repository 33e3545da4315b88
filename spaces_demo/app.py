"""Emotion-Qwen as a Space: `python app.py`, with `MODEL_ID` for the exported model folder."""

import logging
import os
import tempfile
from pathlib import Path

from starlette.middleware import Middleware

os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
# A folder of its own for uploads: whatever grows old in it is deleted.
UPLOADS = Path(os.environ.setdefault("GRADIO_TEMP_DIR", str(Path(tempfile.gettempdir()) / "emotion-qwen-space")))

import engine  # noqa: E402 - the switches above are read on import
from browser_language import PageLanguage  # noqa: E402
from look import HEAD, THEME  # noqa: E402
from memory_arenas import limit_arenas  # noqa: E402
from page import build_page, example_folders  # noqa: E402
from page_texts import page_texts  # noqa: E402
from settings import HERE  # noqa: E402
from uploads import keep_deleting  # noqa: E402


def main() -> None:
    """Load the model, then serve the page until stopped."""
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(message)s")
    logging.getLogger("emotion_qwen_space").setLevel(logging.INFO)
    limit_arenas(engine.SETTINGS.memory_arenas)
    engine.analyzer()
    keep_deleting(UPLOADS, engine.SETTINGS.retention_seconds, engine.SETTINGS.sweep_seconds)
    text = page_texts(engine.SETTINGS)
    build_page(text).launch(
        i18n=text,
        theme=THEME,
        head=HEAD,
        css_paths=[HERE / "style.css"],
        js=(HERE / "page.js").read_text(encoding="utf-8"),
        app_kwargs={"middleware": [Middleware(PageLanguage)]},
        allowed_paths=example_folders(),
        max_file_size=f"{engine.SETTINGS.max_file_megabytes}mb",
        state_session_capacity=engine.SETTINGS.sessions,
        mcp_server=True,
        ssr_mode=False,
        run_history=False,
        enable_monitoring=False,
        footer_links=["api"],
        show_error=False,
    )


if __name__ == "__main__":
    main()
