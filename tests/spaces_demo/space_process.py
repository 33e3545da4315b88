"""A Space of its own: a copy of its folder, an exported model, and a process that serves them."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx

from emotion_qwen import export_to_hub
from emotion_qwen.inference.adapter_files import own_adapters
from emotion_qwen.inference.checkpoint import load_checkpoint, shipped_checkpoint

ROOT = Path(__file__).parents[2]
STRANGER = Path(__file__).with_name("stranger.py")


def prepare_space(folder: Path) -> Path:
    """Put the Space's folder and the exported Nano into one folder, as they would be published."""
    space = Path(shutil.copytree(ROOT / "spaces_demo", folder / "space", ignore=shutil.ignore_patterns("__pycache__")))
    nano = shipped_checkpoint()
    parts = load_checkpoint(nano, device="cpu")
    export_to_hub(*parts, space / "emotion-qwen-nano", adapters=own_adapters(nano))
    return space


@contextmanager
def serving(space: Path, **settings: object) -> Iterator[str]:
    """Serve a Space; stop it at the end.

    Args:
        space: What `prepare_space` returned.
        **settings: Environment variables, such as `max_clip_seconds`.

    Yields:
        Its address; what it logs is in `log.txt` beside its folder, what was uploaded in `uploads`.
    """
    with answering([sys.executable, str(STRANGER)], space, space.parent, **settings) as address:
        yield address


@contextmanager
def answering(command: list[str], folder: Path, around: Path, **settings: object) -> Iterator[str]:
    """Run a command that serves a Space; stop it and whatever it started at the end.

    Args:
        command: The command.
        folder: Where it runs.
        around: Folder for what it logs and for uploads.
        **settings: Environment variables.

    Yields:
        The Space's address, once it answers.
    """
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {
        **os.environ,
        **{name.upper(): str(value) for name, value in settings.items()},
        "GRADIO_SERVER_PORT": str(port),
        "GRADIO_TEMP_DIR": str(around / "uploads"),
        "HF_MODULES_CACHE": str(around / "modules"),
        "HF_HUB_OFFLINE": "1",
        "OMP_NUM_THREADS": "1",
    }
    with open(around / "log.txt", "a") as log:
        process = subprocess.Popen(
            command, cwd=folder, env=environment, stdout=log, stderr=subprocess.STDOUT, start_new_session=True
        )
        try:
            address = f"http://127.0.0.1:{port}/"
            _wait_for(address, process, around / "log.txt")
            yield address
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGTERM)
            process.wait(30)


def _wait_for(address: str, process: subprocess.Popen, log: Path) -> None:
    deadline = time.monotonic() + 180
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise RuntimeError(f"The Space did not start:\n{log.read_text()}")
        try:
            httpx.get(address, timeout=5)
            return
        except httpx.TransportError:
            time.sleep(0.5)
    raise RuntimeError(f"The Space did not answer:\n{log.read_text()}")
