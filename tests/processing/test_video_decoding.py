"""Decoding: time stamps, rotation, broken files, memory."""

import struct
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from http.server import HTTPServer, SimpleHTTPRequestHandler
from pathlib import Path
from threading import Thread

import av
import numpy as np
import PIL.Image
import pytest

from emotion_qwen.processing import EmotionQwenVideoProcessor, MediaError
from emotion_qwen.processing.video_decoding import decode_video

WriteClip = Callable[..., str]


def gray(level: int, height: int = 48, width: int = 64) -> np.ndarray:
    return np.full((height, width, 3), level, np.uint8)


def levels(frames) -> list[int]:
    """Gray level of each frame, in the tens that the clips are written in."""
    return [round(float(frame.float().mean()) / 10) for frame in frames]


def at_fps(fps: float):
    return partial(EmotionQwenVideoProcessor().sample_frames, fps=fps)


def test_every_frame_of_a_clip_is_decoded_in_order(gray_clip: str):
    frames, metadata = decode_video(gray_clip)
    assert levels(frames) == list(range(20))
    assert frames.shape == (20, 3, 48, 64)
    assert metadata.frames_indices == list(range(20))
    assert (metadata.total_num_frames, metadata.fps, metadata.duration) == (20, pytest.approx(10), pytest.approx(2))
    assert (metadata.height, metadata.width, metadata.video_backend) == (48, 64, "pyav")


def test_sampled_frames_are_the_ones_at_their_time_stamps(gray_clip: str):
    frames, metadata = decode_video(gray_clip, at_fps(3))
    assert levels(frames) == [0, 3, 6, 10, 13, 16]
    assert metadata.timestamps == pytest.approx([0, 0.3, 0.6, 1.0, 1.3, 1.6])
    assert metadata.sampled_fps == pytest.approx(3)


def test_variable_frame_rate_is_sampled_by_time(write_clip: WriteClip):
    # 1 s at 10 frames a second, then 4 s at 1: the n-th frame is shown from times[n] on.
    times = [0.1 * index for index in range(10)] + [1.0, 2.0, 3.0, 4.0]
    path = write_clip([gray(10 * index) for index in range(14)], times=times)
    frames, metadata = decode_video(path, at_fps(2))
    shown = [max(index for index, start in enumerate(times) if start <= time + 1e-6) for time in metadata.timestamps]
    assert levels(frames) == shown
    assert np.diff(metadata.timestamps) == pytest.approx(0.5, abs=0.11)
    assert metadata.sampled_fps == pytest.approx(2, rel=0.15)
    assert metadata.duration == pytest.approx(5, abs=1)


def test_all_frames_of_a_variable_rate_clip_keep_their_times(write_clip: WriteClip):
    times = [0.0, 0.1, 0.2, 1.2, 2.2]
    frames, metadata = decode_video(write_clip([gray(10 * index) for index in range(5)], times=times))
    assert levels(frames) == [0, 1, 2, 3, 4]
    assert metadata.timestamps == pytest.approx(times, abs=0.051)


@pytest.mark.parametrize("num_frames", [1, 2, 3])
def test_a_very_short_clip_is_sampled(write_clip: WriteClip, num_frames: int):
    path = write_clip([gray(10 * index) for index in range(num_frames)])
    frames, metadata = decode_video(path, at_fps(3))
    assert len(frames) == len(metadata.frames_indices) == min(num_frames, 2)


def turn_mp4(path: str, quarter_turns: int) -> None:
    """Write the display matrix of a clockwise turn into the track header of an mp4."""
    data = Path(path).read_bytes()
    cosine, sine = [(1, 0), (0, 1), (-1, 0), (0, -1)][quarter_turns]
    matrix = struct.pack(">9i", cosine << 16, sine << 16, 0, -sine << 16, cosine << 16, 0, 0, 0, 1 << 30)
    at = data.index(b"tkhd") + 4 + 40
    Path(path).write_bytes(data[:at] + matrix + data[at + 36 :])


@pytest.mark.parametrize("quarter_turns", [0, 1, 2, 3])
def test_rotation_in_the_metadata_is_applied(write_clip: WriteClip, quarter_turns: int):
    picture = gray(0)
    picture[:24, :32] = 250  # bright at the top left
    path = write_clip([picture] * 4)
    turn_mp4(path, quarter_turns)
    frames, metadata = decode_video(path)
    expected = np.rot90(picture, -quarter_turns)
    assert frames.shape[2:] == expected.shape[:2] == (metadata.height, metadata.width)
    difference = np.abs(frames[0].permute(1, 2, 0).numpy().astype(int) - expected.astype(int))
    assert np.mean(difference) < 10


def test_frames_are_scaled_down_to_the_memory_but_not_below_the_budget(write_clip: WriteClip):
    path = write_clip([gray(100, 240, 320)] * 10)
    tight, metadata = decode_video(path, max_decoded_bytes=10 * 3 * 120 * 160)
    assert tight.shape == (10, 3, 120, 160)
    assert (metadata.height, metadata.width) == (240, 320)
    tighter, _ = decode_video(path, max_decoded_bytes=1, min_frame_pixels=60 * 80)
    assert tighter.shape == (10, 3, 60, 80)
    ample, _ = decode_video(path, max_decoded_bytes=2**30)
    assert ample.shape == (10, 3, 240, 320)


def test_an_animated_gif_is_a_clip(tmp_path: Path):
    pictures = [PIL.Image.fromarray(gray(10 * index)) for index in range(6)]
    path = tmp_path / "clip.gif"
    pictures[0].save(path, save_all=True, append_images=pictures[1:], duration=[100, 100, 100, 100, 100, 500])
    frames, metadata = decode_video(path)
    assert levels(frames) == [0, 1, 2, 3, 4, 5]
    assert metadata.timestamps == pytest.approx([0, 0.1, 0.2, 0.3, 0.4, 0.5], abs=0.051)


@pytest.mark.parametrize("size", [(1, 1), (1, 7), (35, 51)])
def test_odd_sizes(tmp_path: Path, size: tuple[int, int]):
    path = tmp_path / "clip.gif"
    pictures = [PIL.Image.fromarray(gray(level, *size)) for level in (0, 100, 200)]
    pictures[0].save(path, save_all=True, append_images=pictures[1:], duration=100)
    frames, _ = decode_video(path)
    assert frames.shape == (3, 3, *size)
    assert levels(frames) == [0, 10, 20]


def test_transparent_parts_become_white(tmp_path: Path):
    path = str(tmp_path / "clip.mov")
    picture = np.zeros((16, 16, 4), np.uint8)
    picture[:8, :, 3] = 255
    with av.open(path, "w") as container:
        stream = container.add_stream("png", rate=10)
        stream.width = stream.height = 16
        stream.pix_fmt = "rgba"
        container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgba")))
        container.mux(stream.encode())
    frames, _ = decode_video(path)
    assert frames[0, :, :8].eq(0).all()
    assert frames[0, :, 8:].eq(255).all()


def test_of_a_clip_that_breaks_off_what_there_is_gets_sampled(write_clip: WriteClip):
    rng = np.random.default_rng(0)
    path = write_clip([rng.integers(0, 255, (48, 64, 3), dtype=np.uint8) for _ in range(40)])
    data = Path(path).read_bytes()
    Path(path).write_bytes(data[: len(data) // 2])
    frames, metadata = decode_video(path, at_fps(3))
    assert 2 <= len(frames) < 12
    assert metadata.duration < 3
    assert metadata.sampled_fps == pytest.approx(3, rel=0.35)


def test_a_clip_cut_off_in_its_header_is_refused(gray_clip: str):
    Path(gray_clip).write_bytes(Path(gray_clip).read_bytes()[:200])
    with pytest.raises(MediaError, match="no video stream"):
        decode_video(gray_clip)


def test_a_clip_without_one_readable_frame_is_refused(gray_clip: str):
    data = Path(gray_clip).read_bytes()
    media = data.index(b"mdat") + 4
    Path(gray_clip).write_bytes(data[:media] + bytes(len(data) - media))
    with pytest.raises(MediaError, match="Not one frame"):
        decode_video(gray_clip)


def test_files_that_are_no_clips_are_refused_in_one_sentence(tmp_path: Path):
    (tmp_path / "empty.mp4").touch()
    (tmp_path / "text.mp4").write_text("This is a letter, not a film.\n" * 20)
    for name in ("missing.mp4", "empty.mp4", "text.mp4", "."):
        with pytest.raises(MediaError) as caught:
            decode_video(tmp_path / name)
        assert str(tmp_path) in str(caught.value)
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("a" * 300 + ".mp4", "File name too long"),
        ("data:video/mp4;base64," + "A" * 10_000, "File name too long"),
        ("ftp://example.org/clip.mp4", "only http, https and file"),
        ("/dev/zero", "not a file"),
        ("a\0b.mp4", "no file"),
    ],
)
def test_names_that_no_clip_can_have_are_refused(source: str, reason: str):
    with pytest.raises(MediaError, match=reason) as caught:
        decode_video(source)
    assert len(str(caught.value)) < 200


def test_sound_without_a_picture_is_refused(tmp_path: Path):
    path = str(tmp_path / "sound.mp4")
    with av.open(path, "w") as container:
        stream = container.add_stream("aac", rate=16000)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
        frame.sample_rate = 16000
        container.mux(stream.encode(frame))
        container.mux(stream.encode())
    with pytest.raises(MediaError, match="no video stream"):
        decode_video(path)


def test_a_container_without_frames_is_refused(tmp_path: Path):
    path = str(tmp_path / "nothing.avi")
    with av.open(path, "w") as container:
        stream = container.add_stream("mpeg4", rate=10)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        container.start_encoding()
    with pytest.raises(MediaError):
        decode_video(path)


def test_a_url_is_fetched(gray_clip: str):
    handler = partial(SimpleHTTPRequestHandler, directory=str(Path(gray_clip).parent))
    handler.log_message = lambda *arguments: None
    server = HTTPServer(("127.0.0.1", 0), handler)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    address = f"http://127.0.0.1:{server.server_port}"
    try:
        frames, _ = decode_video(f"{address}/clip.mp4", at_fps(3))
        assert levels(frames) == [0, 3, 6, 10, 13, 16]
        with pytest.raises(MediaError, match="Could not fetch"):
            decode_video(f"{address}/missing.mp4")
    finally:
        server.shutdown()
        server.server_close()


def test_two_runs_are_equal(gray_clip: str):
    first, second = decode_video(gray_clip, at_fps(3)), decode_video(gray_clip, at_fps(3))
    assert first[0].equal(second[0])
    assert first[1] == second[1]


MEASURE = """
import resource, sys
from emotion_qwen.processing.video_decoding import decode_video
from emotion_qwen.processing import EmotionQwenVideoProcessor

def peak_mib():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024

processor, before = EmotionQwenVideoProcessor(), peak_mib()
frames, _ = decode_video(sys.argv[1], processor.sample_frames, max_decoded_bytes=64 * 2**20, min_frame_pixels=4096)
print(len(frames), frames.nbytes / 2**20, peak_mib() - before)
"""


@pytest.mark.slow
def test_ten_minutes_stay_within_the_memory(write_clip: WriteClip):
    path = write_clip([gray(index % 250, 480, 640) for index in range(3000)], fps=5)
    output = subprocess.run([sys.executable, "-c", MEASURE, path], capture_output=True, text=True, check=True).stdout
    num_frames, kept_mib, growth_mib = map(float, output.split())
    assert num_frames == 768  # which would be 675 MiB at full size
    assert kept_mib <= 64
    assert growth_mib < 64 + 150  # the decoder's own frames come on top
