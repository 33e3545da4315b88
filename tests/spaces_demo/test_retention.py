import time

import pytest
from gradio_client import Client, handle_file

from .space_process import prepare_space, serving


@pytest.mark.slow
def test_uploads_are_deleted_on_a_clock(tmp_path, media):
    space = prepare_space(tmp_path)
    with serving(space, retention_seconds=15, sweep_seconds=1) as address:
        Client(address, verbose=False).predict(handle_file(media["face"]), api_name="/analyze")
        uploads = space.parent / "uploads"
        assert list(uploads.rglob("clip.mp4"))
        (uploads / "tmp5gk").write_bytes(b"an upload that was broken off")
        deadline = time.monotonic() + 60
        while list(uploads.iterdir()) and time.monotonic() < deadline:
            time.sleep(0.5)
        assert not list(uploads.iterdir())
