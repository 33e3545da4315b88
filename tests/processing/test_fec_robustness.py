"""Facial Emotion Capture on everything that real clips do to it."""

import os
import subprocess
import sys
import textwrap
import threading
from contextlib import nullcontext
from pathlib import Path

import numpy as np
import PIL.Image
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils.data import DataLoader

import emotion_qwen.processing.face_backends as face_backends
from emotion_qwen.processing import EmotionQwenImageProcessor, EmotionQwenVideoProcessor, FacialEmotionCapture
from emotion_qwen.processing.face_backends import default_weights_path, load_face_networks
from emotion_qwen.processing.face_capture import FaceCapture
from emotion_qwen.processing.face_crops import resize
from emotion_qwen.processing.face_detections import Detections

from .face_clips import noise, three_expressions
from .same_captures import IS_STEADY, assert_same

CLIP = three_expressions()
FEC = FacialEmotionCapture()
GRAY = torch.full((3, 224, 224), 128, dtype=torch.uint8)


def canvas(num_frames: int, height: int = 224, width: int = 224) -> Tensor:
    return torch.full((num_frames, 3, height, width), 128, dtype=torch.uint8)


def shrunk(frame: Tensor, side: int) -> Tensor:
    return F.interpolate(frame[None], size=(side, side), mode="bilinear", antialias=True)[0]


def seen_in(capture: FaceCapture) -> list[int]:
    return [index for index, faces in enumerate(capture.faces) if faces]


# One after another, or together


@pytest.mark.parametrize("frames", [range(18), [4], [2, 8, 14], range(17)])
def test_a_batch_is_bit_equal_to_its_clips(frames):
    """Clips of several lengths and sizes, so that batches begin and end anywhere in a clip."""
    wide = torch.cat([CLIP[list(frames)], canvas(len(frames))], dim=3)
    tall = F.interpolate(CLIP[:5], size=(300, 200))
    clips = [CLIP[:3], wide, CLIP[list(frames)], noise(7, 3, 50, 90), tall, CLIP[:0], CLIP[9:10]]
    for found, clip in zip(FEC.capture_batch(clips, fps=3), clips, strict=True):
        assert_same(found, FEC.capture(clip, fps=3))


def test_the_size_of_batches_changes_nothing():
    expected = FEC.capture(CLIP)
    for detection, classification in ((1, 1), (5, 3), (64, 64)):
        fec = FacialEmotionCapture(detection_batch_size=detection, classification_batch_size=classification)
        assert_same(fec.capture(CLIP), expected)


def test_each_clip_of_a_batch_has_its_own_times():
    first, second = FEC.capture_batch([CLIP[:2], CLIP[:3]], fps=[2, None], timestamps=[None, [0, 0.5, 2]])
    assert (first.fps, first.timestamps) == (2, (0, 0.5))
    assert (second.fps, second.timestamps) == (None, (0, 0.5, 2))
    assert FEC.capture_batch([]) == []
    with pytest.raises(ValueError, match="1 rates and 2 lists of times for 2 clips"):
        FEC.capture_batch([CLIP[:2]] * 2, fps=[3], timestamps=[None, None])


def test_the_processors_run_a_batch_as_one(monkeypatch):
    sizes = []
    original = FacialEmotionCapture.capture_batch

    def spy(self, clips, *args, **kwargs):
        sizes.append(len(clips))
        return original(self, clips, *args, **kwargs)

    monkeypatch.setattr(FacialEmotionCapture, "capture_batch", spy)
    EmotionQwenVideoProcessor()([CLIP[:2], CLIP[6:9]], return_tensors="pt")
    EmotionQwenImageProcessor()([CLIP[2], GRAY, CLIP[8]], return_tensors="pt")
    assert sizes == [2, 3]


# Frames that hardly change


def test_still_frames_are_looked_at_once(monkeypatch):
    looked_at = []
    network = load_face_networks(default_weights_path(), torch.device("cpu"))["detector"]
    original = network.forward
    monkeypatch.setattr(network, "forward", lambda images: looked_at.append(len(images)) or original(images))
    still = CLIP[2:3].repeat(40, 1, 1, 1)
    grain = torch.randint(-3, 4, still.shape, generator=torch.Generator().manual_seed(0))
    grainy = (still.int() + grain).clamp(0, 255).to(torch.uint8)
    capture = FEC.capture(torch.cat([grainy, CLIP[8:9], grainy]))
    assert looked_at == [3], "the face, the change, and the face again"
    assert seen_in(capture) == list(range(81))
    boxes = [faces[0].box for faces in capture.faces]
    assert len(set(boxes[:40])) == len(set(boxes[41:])) == 1
    assert boxes[0] == pytest.approx(boxes[41], rel=0, abs=0 if IS_STEADY else 0.02)
    assert boxes[40] != pytest.approx(boxes[0], abs=0.5)
    FacialEmotionCapture(still_frame_change=0).capture(still)
    assert sum(looked_at[1:]) == 40


def test_a_head_that_moves_or_frowns_is_looked_at():
    moving = torch.stack([canvas(1, 224, 300)[0] for _ in range(12)])
    for step, frame in enumerate(moving):
        frame[:, :, 4 * step : 4 * step + 224] = CLIP[2]
    for frames in (moving, CLIP):
        every = FacialEmotionCapture(still_frame_change=0).capture(frames)
        assert FEC.capture(frames) == every


# Faces that come, go, turn and hide


def test_a_face_in_one_frame_only():
    frames = canvas(9)
    frames[4] = CLIP[2]
    capture = FEC.capture(frames, fps=3)
    assert seen_in(capture) == [4]
    assert [(key.frame, key.label) for key in capture.key_frames] == [(4, "happy")]
    assert FEC.mask(frames, capture).shape == (1, 3, 224, 224)


def test_a_face_that_leaves():
    frames = canvas(14)
    for index in range(14):
        left = 30 * index
        frames[index, :, :, left:] = CLIP[2, :, :, : max(0, 224 - left)]
    capture = FEC.capture(frames)
    seen = seen_in(capture)
    assert seen == list(range(len(seen))) and 2 <= len(seen) < 8
    assert set(capture.tracks) == {0}
    assert all(key.frame in seen for key in capture.key_frames)
    for faces in capture.faces:
        assert all(0 <= face.box[0] < face.box[2] <= 224 for face in faces)


def test_faces_upside_down_never_break_anything():
    capture = FEC.capture(CLIP.flip(2))
    assert capture.num_frames == 18
    assert len(FEC.mask(CLIP.flip(2), capture)) == len(capture.key_frames)


@pytest.mark.parametrize("rows", [slice(120, 224), slice(0, 75)], ids=["mouth", "forehead"])
def test_half_hidden_faces(rows):
    hidden = CLIP.clone()
    hidden[:, :, rows] = 60
    capture = FEC.capture(hidden)
    assert len(seen_in(capture)) >= 9
    assert all(0.99 < sum(face.probabilities) < 1.01 for faces in capture.faces for face in faces)


def test_a_hidden_face_keeps_its_track():
    frames = CLIP[:6].clone()
    frames[2] = 90
    capture = FEC.capture(frames)
    assert seen_in(capture) == [0, 1, 3, 4, 5]
    assert set(capture.tracks) == {0}


@pytest.mark.parametrize("yaw", [-85.0, 85.0])
def test_profiles(yaw: float):
    from emotion_qwen.train.synthetic.head_identity import sample_person
    from emotion_qwen.train.synthetic.head_model import build_head
    from emotion_qwen.train.synthetic.head_renderer import View, over_background, render_head

    head = render_head(build_head(sample_person(3)), {}, View(yaw=yaw))
    picture = over_background(head.rgba, np.full((128, 128, 3), 128, np.uint8))
    frames = torch.from_numpy(np.asarray(picture, np.uint8).copy()).permute(2, 0, 1)[None].repeat(3, 1, 1, 1)
    capture = FEC.capture(frames)
    assert len(FEC.mask(frames, capture)) == len(capture.key_frames) == 1
    for faces in capture.faces:
        (face,) = faces
        assert 0 <= face.box[0] < face.box[2] <= 128 and 0 <= face.box[1] < face.box[3] <= 128


def test_a_tiny_face_is_found_by_a_larger_copy_or_left_out():
    frames = canvas(2, 448, 448)
    frames[:, :, 300:348, 300:348] = shrunk(CLIP[2], 48)
    larger = FacialEmotionCapture(detection_size=448, min_face_height=0.03).capture(frames)
    assert all(larger.faces)
    for faces in (*FEC.capture(frames).faces, *larger.faces):
        assert all(300 <= (face.box[0] + face.box[2]) / 2 <= 348 for face in faces)
    frames = canvas(2, 448, 448)
    frames[:, :, 300:308, 300:308] = shrunk(CLIP[2], 8)
    assert not FEC.capture(frames).has_faces


def test_fifty_faces():
    rows = [torch.cat([shrunk(CLIP[(5 * row + column) % 18], 96) for column in range(10)], 2) for row in range(5)]
    crowd = torch.cat(rows, 1)[None].repeat(2, 1, 1, 1)
    capture = FacialEmotionCapture(detection_size=960).capture(crowd)
    assert [len(faces) for faces in capture.faces] == [50, 50]
    assert set(capture.tracks.values()) == {(0, 1)}, "each keeps its track"
    masked = FEC.mask(crowd, capture)
    assert len(masked) == len(capture.key_frames) >= 1
    assert FEC.capture(crowd).num_frames == 2


def test_interlaced_frames():
    """Every second line shows the next moment, as in a field-based recording."""
    woven = torch.stack([CLIP[:-1], CLIP[1:]])
    frames = CLIP[:-1].clone()
    frames[:, :, 1::2] = woven[1][:, :, 1::2]
    capture = FEC.capture(frames, fps=3)
    assert seen_in(capture) == list(range(17))
    assert {key.label for key in capture.key_frames} >= {"happy", "surprise"}


# Pixels of the wrong kind


@pytest.mark.parametrize(
    "frames, do_rescale, message",
    [
        (CLIP.float() / 255, True, "rescaled already.*do_rescale=False"),
        (CLIP.half() / 255, True, "rescaled already"),
        ((CLIP.float() / 255 - 0.5) / 0.25, True, "normalized already"),
        (CLIP.float(), False, "reach 2.*leave it on"),
        (CLIP.float() * torch.nan, True, "not finite"),
        (CLIP.float() / 0, True, "not finite"),
        (CLIP.int() * 256, True, "in 0 to 255, but they reach"),
        (CLIP.float() * 256, True, "in 0 to 255, but they reach"),
    ],
    ids=["unit", "half", "normalized", "not rescaled", "nan", "inf", "16 bits", "16 bits in floats"],
)
def test_numbers_of_the_wrong_range_are_refused(frames, do_rescale, message):
    with pytest.raises(ValueError, match=message):
        EmotionQwenVideoProcessor()(frames, do_rescale=do_rescale)
    with pytest.raises(ValueError, match=message):
        EmotionQwenImageProcessor()(frames[0], do_rescale=do_rescale)
    EmotionQwenVideoProcessor(facial_emotion_capture=False)(frames, do_rescale=do_rescale)


def test_what_is_true_or_false_is_no_picture():
    with pytest.raises(ValueError, match="must be numbers in 0 to 255"):
        EmotionQwenImageProcessor()(CLIP[0] > 100)


@pytest.mark.parametrize("level", [0.0, 0.3, 1.0, 255.0, 256.5, -0.2])
def test_even_float_frames_are_taken_as_they_are(level):
    frames = torch.full((2, 3, 64, 64), level)
    frames[0, 0, 0, 0] = 0
    if level == 0.3:
        frames[..., 1:] = 0  # next to black, as resizing leaves it
    output = EmotionQwenVideoProcessor()(frames, return_tensors="pt")
    assert output["video_grid_thw"].tolist() == [[1, 4, 4]]


def test_floats_and_integers_show_the_same_faces():
    expected = EmotionQwenVideoProcessor()(CLIP[:3], return_tensors="pt")["video_grid_thw"]
    for frames, options in ((CLIP[:3].float(), {}), (CLIP[:3].float() / 255, {"do_rescale": False})):
        assert EmotionQwenVideoProcessor()(frames, return_tensors="pt", **options)["video_grid_thw"].equal(expected)


# Other devices


def test_networks_keep_their_constants_where_the_frames_are():
    """On the meta device nothing is computed, but an operation on tensors of two devices fails as on a GPU."""
    device = torch.device("meta")
    networks = load_face_networks(default_weights_path(), device)
    frames = torch.empty(2, 3, 60, 80, dtype=torch.uint8, device=device)
    small = resize(frames, 224, 224)
    assert small.device == device and small.dtype == torch.float32
    assert all(output.device == device for output in networks["detector"](small))
    assert networks["face_api"](resize(frames, 112, 112)).device == device
    assert networks["mini_xception"](resize(frames, 64, 64)[:, :1]).device == device


def test_the_backend_is_built_for_the_frames_device(monkeypatch):
    seen = []

    class Nothing:
        def detect_clips(self, clips):
            seen.append([clip.device.type for clip in clips])
            return [Detections.cat([]) for _ in clips]

        def classify_clips(self, clips, faces):
            return [torch.zeros(0, 7) for _ in clips]

    def build(settings, weights, device):
        seen.append(device.type)
        return face_backends.FaceBackend(Nothing(), Nothing())

    monkeypatch.setitem(face_backends.BACKENDS, "embedded", build)
    monkeypatch.setattr(torch, "autocast", lambda *args, **kwargs: nullcontext())  # which knows no meta device
    clips = [canvas(1), canvas(2), canvas(1).to("meta")]
    assert [capture.num_frames for capture in FEC.capture_batch(clips)] == [1, 2, 1]
    assert seen == ["cpu", ["cpu", "cpu"], "meta", ["meta"]]


# Threads and processes


def test_two_threads_on_one_processor():
    processor = EmotionQwenVideoProcessor()
    clips = [CLIP[:6], CLIP[6:12]]
    expected = [processor(clip, return_tensors="pt") for clip in clips]
    found: dict[int, object] = {}

    def work(index: int) -> None:
        for _ in range(3):
            found[index] = processor(clips[index], return_tensors="pt")

    threads = [threading.Thread(target=work, args=(index,)) for index in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for index in range(2):
        assert found[index]["video_grid_thw"].equal(expected[index]["video_grid_thw"])
        assert found[index]["pixel_values_videos"].equal(expected[index]["pixel_values_videos"])


class _Clips(torch.utils.data.Dataset):
    def __init__(self) -> None:
        self.processor = EmotionQwenVideoProcessor()

    def __len__(self) -> int:
        return 4

    def __getitem__(self, index: int) -> Tensor:
        return self.processor(CLIP[3 * index : 3 * index + 3], return_tensors="pt")["pixel_values_videos"]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_forked_data_loader_workers():
    """The parent has used the networks before, and another of its threads is loading some."""
    clips = _Clips()
    expected = [clips[index] for index in range(4)]
    with face_backends._networks_lock:
        loader = DataLoader(
            clips, batch_size=None, num_workers=2, multiprocessing_context="fork", timeout=60, prefetch_factor=1
        )
        found = list(loader)
    assert all(torch.equal(own, other) for own, other in zip(found, expected, strict=True))


ONE_HOUR = """
import resource, sys
from fractions import Fraction
import av, numpy as np, PIL.Image, torch
torch.set_num_threads(1)
from emotion_qwen.processing import EmotionQwenVideoProcessor

path, face = sys.argv[1], np.asarray(PIL.Image.open(sys.argv[2]).convert("RGB").resize((240, 240)))
room = np.full((240, 320, 3), 128, np.uint8)
guest = room.copy()
guest[:, 40:280] = face
with av.open(path, "w") as container:
    stream = container.add_stream("libx264", rate=1, options={"preset": "ultrafast", "g": "60"})
    stream.width, stream.height, stream.pix_fmt = 320, 240, "yuv420p"
    for second in range(3600):
        pixels = guest if 2520 <= second < 2535 else room
        container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
    container.mux(stream.encode())
peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
processor = EmotionQwenVideoProcessor(size={"shortest_edge": 3136, "longest_edge": 112 * 112})
processor([np.zeros((2, 64, 64, 3), np.uint8)])
before = peak()
frames, metadata = processor.decode(path, max_decoded_bytes=32 * 2**20)
capture = processor.capture_faces(frames, metadata)
times = [key.time for key in capture.key_frames]
print(len(frames), peak() - before, *times)
"""


@pytest.mark.slow
def test_a_clip_of_one_hour_in_bounded_memory(tmp_path: Path):
    """768 frames of 320×240 would be 177 MB; they are kept in 32, and are looked at in batches."""
    face = tmp_path / "face.png"
    PIL.Image.fromarray(CLIP[2].permute(1, 2, 0).numpy()).save(face)
    command = [sys.executable, "-c", textwrap.dedent(ONE_HOUR), str(tmp_path / "hour.mp4"), str(face)]
    output = subprocess.run(command, capture_output=True, text=True, check=True, timeout=240)
    num_frames, growth, *times = map(float, output.stdout.split())
    assert num_frames == 768
    assert growth < 140
    assert times and all(2520 <= time <= 2535 for time in times)
