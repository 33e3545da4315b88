"""`make space`, as the README tells people to run it."""

import sys

import pytest
from gradio_client import Client, handle_file

from .space_process import ROOT, answering


@pytest.mark.slow
def test_make_space_serves_the_shipped_model(tmp_path, media):
    installed = [f"--old-file={sys.prefix}/{name}.stamp" for name in ("core", "demo")]
    with answering(["make", "space", f"VENV={sys.prefix}", *installed], ROOT, tmp_path) as address:
        client = Client(address, verbose=False)
        assert client.predict(api_name="/about")["model"] == "emotion-qwen-nano"
        assert client.predict(handle_file(media["portrait"]), api_name="/analyze")["people"] == 1
