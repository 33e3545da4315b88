"""Writers of media that real folders hold: broken, bare, and odd but sound."""

import struct
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from PIL import Image


def _frame(height: int, width: int, step: int) -> av.VideoFrame:
    ramp = np.linspace(0, 200, height * width * 3).reshape(height, width, 3)
    return av.VideoFrame.from_ndarray((ramp + step).clip(0, 255).astype(np.uint8), format="rgb24")


def _video(
    path: Path,
    size: tuple[int, int] = (64, 48),
    times: list[int] | None = None,
    codec: str = "mpeg4",
    pixels: str = "yuv420p",
) -> Path:
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=10)
        stream.width, stream.height, stream.pix_fmt = *size, pixels
        stream.time_base = stream.codec_context.time_base = Fraction(1, 100)
        for step, time in enumerate(times if times is not None else range(0, 100, 10)):
            frame = _frame(size[1], size[0], step).reformat(format=pixels)
            frame.pts, frame.time_base = time, Fraction(1, 100)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def _still(path: Path, mode: str, size: tuple[int, int] = (40, 30), **options) -> Path:
    channels = len(Image.new(mode, (1, 1)).getbands())
    values = np.arange(size[0] * size[1] * channels, dtype=np.uint32).reshape(size[1], size[0], channels) % 256
    Image.fromarray(values.astype(np.uint8).squeeze(-1) if channels == 1 else values.astype(np.uint8), mode).save(
        path, **options
    )
    return path


def _empty(path: Path) -> Path:
    path.touch()
    return path


def _text(path: Path) -> Path:
    path.write_text("This is a letter, not a clip.\n" * 50)
    return path


def _folder(path: Path) -> Path:
    path.mkdir()
    return path


def _truncated(path: Path) -> Path:
    data = _video(path).read_bytes()
    path.write_bytes(data[: len(data) // 3])
    return path


def _truncated_picture(path: Path) -> Path:
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    Image.fromarray(noise).save(path)
    path.write_bytes(path.read_bytes()[:800])
    return path


def _audio_only(path: Path) -> Path:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=16000, layout="mono")
        for start in range(0, 16000, 1024):
            sound = av.AudioFrame.from_ndarray(np.zeros((1, 1024), dtype=np.float32), format="fltp", layout="mono")
            sound.sample_rate, sound.pts = 16000, start
            container.mux(stream.encode(sound))
        container.mux(stream.encode(None))
    return path


def _no_frames(path: Path) -> Path:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=10)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        container.start_encoding()
    return path


def _endless(path: Path) -> Path:
    path.symlink_to("/dev/zero")
    return path


def _animated(path: Path, count: int = 6) -> Path:
    pictures = [Image.new("RGB", (32, 24), (40 * step, 90, 30)) for step in range(count)]
    pictures[0].save(path, save_all=True, append_images=pictures[1:], duration=200)
    return path


BROKEN = {
    "missing": ("gone.mp4", lambda path: path),
    "device": ("zero.mp4", _endless),
    "empty": ("empty.mp4", _empty),
    "folder": ("folder.mp4", _folder),
    "truncated": ("truncated.mp4", _truncated),
    "truncated picture": ("truncated.png", _truncated_picture),
    "text": ("letter.mp4", _text),
    "text as picture": ("letter.png", _text),
    "audio only": ("sound.mp4", _audio_only),
    "no frames": ("none.mp4", _no_frames),
}
"""Name of each kind of media that can't be read, with its file name and writer."""

SOUND = {
    "one frame": ("one.mp4", lambda path: _video(path, times=[0])),
    "one pixel still": ("pixel.png", lambda path: _still(path, "RGB", (1, 1))),
    "one pixel clip": ("pixel.avi", lambda path: _video(path, (1, 1), codec="rawvideo", pixels="rgb24")),
    "odd sizes": ("odd.avi", lambda path: _video(path, (33, 57), codec="ffv1", pixels="yuv444p")),
    "gray clip": ("gray.avi", lambda path: _video(path, codec="ffv1", pixels="gray")),
    "gray still": ("gray.png", lambda path: _still(path, "L")),
    "RGBA still": ("alpha.png", lambda path: _still(path, "RGBA")),
    "CMYK still": ("print.jpg", lambda path: _still(path, "CMYK")),
    "variable rate": ("variable.mp4", lambda path: _video(path, times=[0, 3, 40, 45, 120, 200])),
    "animated GIF": ("moving.gif", _animated),
    "GIF of one frame": ("still.gif", lambda path: _animated(path, 1)),
    "picture called mp4": ("picture.mp4", lambda path: _png_called(path)),
}
"""Name of each kind of media that is odd but can be read."""


def _png_called(path: Path) -> Path:
    picture = _still(path.with_suffix(".png"), "RGB")
    return picture.rename(path)


def write_long_clip(path: Path, seconds: int) -> Path:
    """Writes a clip of one frame a second."""
    return _video(path, (160, 120), times=list(range(0, seconds * 100, 100)))


def write_turned_clip(path: Path) -> Path:
    """Writes a clip 64 wide and 48 high that the display matrix of its track turns by a quarter."""
    data = _video(path).read_bytes()
    quarter_turn = struct.pack(">9i", 0, 1 << 16, 0, -1 << 16, 0, 0, 0, 0, 1 << 30)
    start = data.index(b"tkhd") + 44
    path.write_bytes(data[:start] + quarter_turn + data[start + len(quarter_turn) :])
    return path


def write_turned_still(path: Path) -> Path:
    """Writes a picture 40 wide and 30 high that its metadata turns by a quarter."""
    picture = Image.new("RGB", (40, 30), "red")
    exif = picture.getexif()
    exif[0x0112] = 6
    picture.save(path, exif=exif)
    return path
