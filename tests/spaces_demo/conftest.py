from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from .space_process import ROOT, prepare_space, serving

LONGEST_CLIP = 12


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
    return {
        "crowd": folder / "crowd.png",
        "face": ROOT / "examples" / "clip.mp4",
        "portrait": ROOT / "examples" / "astronaut.png",
        "nobody": write_clip(folder / "nobody.mp4", 3),
        "long": write_clip(folder / "long.mp4", LONGEST_CLIP + 3),
        **{name.replace(".", "_"): folder / name for name in ("broken.mp4", "empty.mp4", "broken.png")},
    }


@pytest.fixture(scope="session")
def space(tmp_path_factory) -> Path:
    return prepare_space(tmp_path_factory.mktemp("space"))


@pytest.fixture(scope="session")
def address(space) -> Iterator[str]:
    """A Space where the package is not installed."""
    with serving(space, max_clip_seconds=LONGEST_CLIP) as address:
        yield address
