import time

import pytest
from gradio_client import Client, handle_file

from .space_process import prepare_space, serving


@pytest.mark.slow
def test_uploads_are_deleted_on_a_clock(tmp_path, media):
    space = prepare_space(tmp_path)
    with serving(space, retention_seconds=2, sweep_seconds=1) as address:
        Client(address, verbose=False).predict(handle_file(media["face"]), api_name="/analyze")
        uploads = space.parent / "uploads"
        assert list(uploads.rglob("clip.mp4"))
        deadline = time.monotonic() + 30
        while list(uploads.rglob("*.mp4")) and time.monotonic() < deadline:
            time.sleep(0.5)
        assert not list(uploads.rglob("*.mp4"))
