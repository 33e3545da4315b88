import importlib
import sys
from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from emotion_qwen.inference.checkpoint import shipped_checkpoint

from ..inference.tiny_adapters import write_adapter
from .browser_window import Window, chromium
from .space_process import ROOT, prepare_space, serving

LONGEST_CLIP = 12
NUMBER_OF_PEOPLE = {"en": r"There (is|are) (one|two|three|four) (person|people)\.", "zh": r"有[一两三四]个人。"}
"""What answers to how many people there are look like."""


def write_clip(path: Path, seconds: float, fps: int = 5, shade: int = 90) -> Path:
    """A clip with nobody in it."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=fps)
        stream.width, stream.height, stream.pix_fmt = 128, 96, "yuv420p"
        for index in range(round(seconds * fps)):
            picture = np.full((96, 128, 3), shade, np.uint8)
            picture[20:60, (index * 7) % 90 : (index * 7) % 90 + 30] = (200, 60, 40)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture)))
        container.mux(stream.encode())
    return path


def write_pair(path: Path, source: Path, delay: int = 60) -> Path:
    """A clip beside itself, the right one later."""
    with av.open(str(source)) as container:
        frames = [frame.to_ndarray(format="rgb24")[::2, ::2] for frame in container.decode(video=0)]
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.height, stream.width, stream.pix_fmt = frames[0].shape[0], 2 * frames[0].shape[1], "yuv420p"
        for index, frame in enumerate(frames):
            both = np.hstack([frame, frames[(index + delay) % len(frames)]])
            container.mux(stream.encode(av.VideoFrame.from_ndarray(both)))
        container.mux(stream.encode())
    return path


@pytest.fixture
def module(monkeypatch):
    """Imports a module of the Space's folder, and forgets all of them afterwards."""
    folder = str(ROOT / "spaces_demo")
    monkeypatch.syspath_prepend(folder)
    before = set(sys.modules)
    yield importlib.import_module
    for name in set(sys.modules) - before:
        if str(getattr(sys.modules[name], "__file__", "")).startswith(folder):
            del sys.modules[name]


@pytest.fixture(scope="session")
def media(tmp_path_factory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("media")
    (folder / "broken.mp4").write_bytes(b"no clip at all" * 100)
    (folder / "empty.mp4").touch()
    (folder / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n" + b"rubbish" * 20)
    portrait = Image.open(ROOT / "examples" / "astronaut.png").convert("RGB")
    crowd = Image.new("RGB", (2 * portrait.width, portrait.height))
    crowd.paste(portrait, (0, 0))
    crowd.paste(portrait.transpose(Image.Transpose.FLIP_LEFT_RIGHT), (portrait.width, 0))
    crowd.save(folder / "crowd.png")
    Image.new("RGB", (3000, 2)).save(folder / "thin.png")
    Image.new("1", (10_000, 7_000)).save(folder / "vast.png")
    return {
        "crowd": folder / "crowd.png",
        "face": ROOT / "examples" / "clip.mp4",
        "thin": folder / "thin.png",
        "vast": folder / "vast.png",
        "portrait": ROOT / "examples" / "astronaut.png",
        "pair": write_pair(folder / "pair.mp4", ROOT / "examples" / "clip.mp4"),
        "nobody": write_clip(folder / "nobody.mp4", 3),
        "long": write_clip(folder / "long.mp4", LONGEST_CLIP + 3),
        **{name.replace(".", "_"): folder / name for name in ("broken.mp4", "empty.mp4", "broken.png")},
    }


@pytest.fixture(scope="session")
def space(tmp_path_factory) -> Path:
    """A Space whose model comes with one more adapter, for a data set's own emotions."""
    space = prepare_space(tmp_path_factory.mktemp("space"))
    write_adapter(shipped_checkpoint(), space / "emotion-qwen-nano" / "adapters" / "emoset")
    return space


@pytest.fixture(scope="session")
def address(space) -> Iterator[str]:
    """A Space where the package is not installed."""
    with serving(space, max_clip_seconds=LONGEST_CLIP) as address:
        yield address


@pytest.fixture(scope="module")
def browser() -> Iterator:
    with chromium() as browser:
        yield browser


@pytest.fixture
def window(browser, address) -> Iterator[Window]:
    window = Window(browser, address)
    yield window
    window.page.context.close()
    assert not window.foreign
    assert not window.errors
