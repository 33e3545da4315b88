import copy
import json
import pickle
import threading
from fractions import Fraction

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from skimage.data import astronaut

from emotion_qwen.processing.face_backends import default_weights_path
from emotion_qwen.processing.face_capture import EMOTIONS, FaceCapture
from emotion_qwen.processing.face_masking import kept_region
from emotion_qwen.processing.facial_emotion_capture import FacialEmotionCapture

from .face_clips import THREE_EXPRESSIONS, noise, three_expressions


@pytest.fixture(scope="module")
def clip():
    return three_expressions()


@pytest.fixture(scope="module")
def fec():
    return FacialEmotionCapture()


@pytest.fixture(scope="module")
def capture(fec, clip):
    return fec.capture(clip, fps=3)


def test_key_frames_show_the_three_expressions_in_their_order(capture):
    assert tuple(key.label for key in capture.key_frames) == THREE_EXPRESSIONS
    for index, key in enumerate(capture.key_frames):
        assert abs(key.frame - (6 * index + 2.5)) <= 1.5, "more than a frame away from the expression's height"
        assert key.time == key.frame / 3
        assert 0.5 <= key.confidence <= 1


def test_every_frame_has_the_one_face_on_one_track(capture):
    assert [len(faces) for faces in capture.faces] == [1] * 18
    assert capture.tracks == {0: tuple(range(18))}
    for (face,) in capture.faces:
        left, top, right, bottom = face.box
        assert 0 <= left < right <= 224 and 0 <= top < bottom <= 224
        assert len(face.landmarks) == 5
        assert all(left < x < right and top < y < bottom for x, y in face.landmarks)
        assert len(face.probabilities) == len(EMOTIONS)
        assert sum(face.probabilities) == pytest.approx(1, abs=1e-5)


def test_landmarks_lie_as_in_a_face(capture):
    (left_eye, right_eye, nose, left_mouth, right_mouth) = capture.faces[0][0].landmarks
    assert left_eye[0] < nose[0] < right_eye[0]
    assert left_mouth[0] < right_mouth[0]
    assert max(left_eye[1], right_eye[1]) < nose[1] < min(left_mouth[1], right_mouth[1])


def test_masked_key_frames_keep_the_faces_and_fade_the_rest(fec, clip, capture):
    masked = fec.mask(clip, capture)
    assert masked.shape == (3, 3, 224, 224) and masked.dtype == torch.uint8
    for frame, key in zip(masked, capture.key_frames, strict=True):
        source = clip[key.frame]
        rows, columns = kept_region(key.boxes[0], 0.12, 224, 224)
        assert torch.equal(frame[:, rows, columns], source[:, rows, columns])
        outside = torch.ones(224, 224, dtype=torch.bool)
        outside[rows, columns] = False
        expected = source.float() * 0.15 + 255 * 0.85
        assert (frame.float() - expected).abs()[:, outside].max() <= 0.51


def test_two_runs_are_bit_equal(fec, clip, capture):
    assert fec.capture(clip, fps=3) == capture
    assert FacialEmotionCapture().capture(clip.clone(), fps=3) == capture


def test_capture_changes_neither_the_clip_nor_itself(fec, clip, capture):
    before = clip.clone()
    masked = fec.mask(clip, capture)
    masked.zero_()
    assert torch.equal(clip, before)


def test_memory_layout_does_not_matter(fec, clip, capture):
    channels_last = clip.permute(0, 2, 3, 1).contiguous().permute(0, 3, 1, 2)
    assert not channels_last.is_contiguous()
    other = fec.capture(channels_last, fps=3)
    assert [(key.frame, key.label) for key in other.key_frames] == [
        (key.frame, key.label) for key in capture.key_frames
    ]
    strided = torch.stack([clip, clip], dim=1).flatten(0, 1)[::2]
    assert fec.capture(strided, fps=3) == capture


def test_threads_share_one_capture(fec, clip):
    expected = fec.capture(clip[:6])
    results: list[FaceCapture] = []
    threads = [threading.Thread(target=lambda: results.append(fec.capture(clip[:6]))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 4
    assert all(
        [(k.frame, k.label) for k in r.key_frames] == [(k.frame, k.label) for k in expected.key_frames]
        for r in results
    )


def test_it_can_be_pickled_and_copied(fec, clip):
    expected = fec.capture(clip[:2])
    assert pickle.loads(pickle.dumps(fec)).capture(clip[:2]) == expected
    assert copy.deepcopy(fec).capture(clip[:2]) == expected


def test_callers_precision_and_gradient_mode_do_not_matter(fec, clip):
    expected = fec.capture(clip[:4])
    with torch.autocast("cpu", dtype=torch.bfloat16), torch.enable_grad():
        assert fec.capture(clip[:4]) == expected
    torch.set_default_dtype(torch.bfloat16)
    try:
        assert fec.capture(clip[:4]) == expected
    finally:
        torch.set_default_dtype(torch.float32)


@pytest.mark.parametrize(
    "frames",
    [
        torch.zeros(3, 3, 64, 64, dtype=torch.uint8),
        torch.full((3, 3, 64, 64), 255, dtype=torch.uint8),
        noise(2, 3, 224, 224),
        noise(1, 3, 1, 1),
        noise(2, 3, 3, 3),
        noise(1, 3, 1, 500),
        noise(1, 3, 901, 7),
        noise(3, 3, 33, 57),
        noise(0, 3, 64, 64),
    ],
    ids=["black", "white", "noise", "one pixel", "tiny", "a line", "a column", "odd", "no frames"],
)
def test_clips_without_a_face_come_through_unchanged(fec, frames):
    capture = fec.capture(frames, fps=3)
    assert capture.num_frames == len(frames) == len(capture.timeline())
    assert not capture.has_faces
    assert capture.key_frames == ()
    assert capture.dominant() is None
    assert fec.mask(frames, capture).shape == (0, *frames.shape[1:])
    assert FaceCapture.from_dict(json.loads(json.dumps(capture.to_dict()))) == capture


@pytest.mark.parametrize("height, width", [(97, 223), (448, 336), (1080, 1919)])
def test_boxes_are_in_pixels_of_the_frame_whatever_its_size(fec, clip, height, width):
    # The face fills the same share of a larger canvas; its aspect ratio stays.
    side = min(height, width)
    image = F.interpolate(clip[2:3], size=(side, side), mode="bilinear", antialias=True)
    canvas = torch.full((1, 3, height, width), 128, dtype=torch.uint8)
    canvas[..., :side, :side] = image
    (face,) = fec.capture(canvas).faces[0]
    reference = fec.capture(clip[2:3]).faces[0][0].box
    assert face.box == pytest.approx([side / 224 * value for value in reference], abs=0.05 * side)


def test_4k_frame(fec, clip):
    large = F.interpolate(clip[2:3], size=(2160, 2160), mode="bilinear")
    frame = F.pad(large, (840, 840), value=90)
    (key,) = fec.capture(frame).key_frames
    assert key.label == "happy"
    assert 840 < key.boxes[0][0] < key.boxes[0][2] < 3000


def test_gray_clip_is_read_and_masked_in_gray(fec, clip):
    gray = clip[:6].float().mean(dim=1, keepdim=True).to(torch.uint8)
    capture = fec.capture(gray)
    assert all(capture.faces)
    assert fec.mask(gray, capture).shape == (len(capture.key_frames), 1, 224, 224)


def test_one_frame_is_its_own_key_frame(fec, clip):
    capture = fec.capture(clip[14:15])
    (key,) = capture.key_frames
    assert (key.frame, key.label, key.time) == (0, "surprise", None)
    assert capture.dominant() == ("surprise", key.confidence)


def test_a_clip_without_a_clear_emotion_still_shows_its_best_face(clip):
    fec = FacialEmotionCapture(key_frame_threshold=1.0)
    capture = fec.capture(clip[:6])
    (key,) = capture.key_frames
    assert key.label == "happy" and abs(key.frame - 2.5) <= 1.5
    assert key.confidence == max(capture.timeline()[key.frame])


def test_two_people_get_their_own_tracks_and_both_stay_in_the_mask(fec, clip):
    pair = torch.cat([clip[:4], clip[12:16]], dim=3)
    capture = fec.capture(pair, fps=3)
    assert capture.tracks == {0: (0, 1, 2, 3), 1: (0, 1, 2, 3)}
    assert all(len(key.boxes) == len(key.tracks) == 2 for key in capture.key_frames)
    assert {key.label for key in capture.key_frames} >= {"happy", "surprise"}
    for key, masked in zip(capture.key_frames, fec.mask(pair, capture), strict=True):
        centers = {track: (box[0] + box[2]) / 2 for track, box in zip(key.tracks, key.boxes, strict=True)}
        # The face that shows the emotion comes first: surprise on the right, happiness on the left.
        if key.label in ("happy", "surprise"):
            assert (centers[key.tracks[0]] > 224) == (key.label == "surprise")
        for box in key.boxes:
            rows, columns = kept_region(box, 0.12, 224, 448)
            assert torch.equal(masked[:, rows, columns], pair[key.frame][:, rows, columns])


def test_small_faces_below_the_limit_are_left_out(clip):
    canvas = torch.full((1, 3, 448, 448), 128, dtype=torch.uint8)
    canvas[..., 100:324, 100:324] = clip[2]
    assert FacialEmotionCapture().capture(canvas).has_faces
    assert not FacialEmotionCapture(min_face_height=0.6).capture(canvas).has_faces


def test_face_cut_by_the_edge_stays_inside_the_frame(fec, clip):
    cut = clip[2:3, :, :, 100:].contiguous()
    for faces in fec.capture(cut).faces:
        for face in faces:
            assert face.box[0] >= 0 and face.box[2] <= 124


def test_a_face_that_leaves_keeps_its_track_until_it_is_gone(fec, clip):
    canvas = torch.full((12, 3, 224, 448), 128, dtype=torch.uint8)
    for frame in range(12):
        left = 50 + 40 * frame
        width = max(0, min(224, 448 - left))
        canvas[frame, :, :, left : left + width] = clip[frame % 6][:, :, :width]
    tracks = fec.capture(canvas).tracks
    assert list(tracks) == [0]
    assert tracks[0][:6] == tuple(range(6)) and tracks[0][-1] < 11


def test_a_cut_from_one_person_to_another_starts_a_track_and_a_return_takes_it_up(fec, clip):
    darker = (clip * 0.45).to(torch.uint8).flip(-1)
    shots = [clip[:4], torch.where(darker < 60, darker + 60, darker), clip[4:8]]
    capture = fec.capture(torch.cat([shots[0], shots[1][:4], shots[2]]))
    first, other, again = (faces[0].track for faces in (capture.faces[0], capture.faces[5], capture.faces[9]))
    assert first == again != other


def test_key_frames_are_told_by_person(fec, clip):
    capture = fec.capture(torch.cat([clip, clip.flip(0)], dim=3))
    assert set(capture.timelines()) == {0, 1}
    shown = [key for track in capture.tracks for key in capture.key_frames_of(track)]
    assert sorted(shown, key=lambda key: key.frame) == list(capture.key_frames)


def test_timestamps_are_kept(fec, clip):
    capture = fec.capture(clip[:3], fps=3, timestamps=[0.0, 0.4, 1.7])
    assert capture.timestamps == (0.0, 0.4, 1.7)
    assert capture.key_frames[0].time in capture.timestamps


@pytest.mark.parametrize(
    "frames, message",
    [
        (torch.rand(2, 3, 32, 32), "uint8"),
        (torch.zeros(2, 3, 32, 32, dtype=torch.int64), "uint8"),
        (noise(3, 32, 32), r"\(T, 3, H, W\)"),
        (noise(2, 32, 32, 3), r"\(T, 3, H, W\)"),
        (noise(2, 4, 32, 32), r"\(T, 3, H, W\)"),
        (noise(2, 3, 0, 32), "at least one pixel"),
        (np.zeros((2, 3, 8, 8), np.uint8), "torch tensor"),
        (None, "torch tensor"),
    ],
)
def test_wrong_frames_are_explained(fec, frames, message):
    with pytest.raises(ValueError, match=message):
        fec.capture(frames)


def test_times_of_any_number_type_can_be_stored(fec, clip):
    capture = fec.capture(clip[:2], fps=Fraction(30000, 1001), timestamps=np.array([0, 0.5], np.float32))
    assert FaceCapture.from_dict(json.loads(json.dumps(capture.to_dict()))) == capture


@pytest.mark.parametrize(
    "times", [{"timestamps": [0.0]}, {"fps": 0}, {"fps": -3.0}, {"fps": float("nan")}, {"fps": float("inf")}]
)
def test_wrong_times_are_explained(fec, times):
    with pytest.raises(ValueError, match="fps|timestamps"):
        fec.capture(noise(3, 3, 32, 32), **times)


def test_unknown_backend_names_the_known():
    with pytest.raises(ValueError, match="'mediapipe'.*embedded"):
        FacialEmotionCapture(backend="mediapipe")


def test_unknown_setting_names_the_known():
    with pytest.raises(ValueError, match="'top_k'.*max_key_frames"):
        FacialEmotionCapture(top_k=3)


def test_missing_weights_are_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere.safetensors"):
        FacialEmotionCapture(weights=tmp_path / "nowhere.safetensors").capture(noise(1, 3, 32, 32))


@pytest.mark.parametrize("damage", [lambda data: data[:1000], lambda data: b"not tensors at all", lambda data: b""])
def test_damaged_weights_are_explained(tmp_path, damage):
    weights = tmp_path / "face_networks.safetensors"
    weights.write_bytes(damage(default_weights_path().read_bytes()))
    with pytest.raises(ValueError, match="does not hold the face networks"):
        FacialEmotionCapture(weights=weights).capture(noise(1, 3, 32, 32))


def test_weights_of_other_networks_are_explained(tmp_path):
    save_file({"lm_head.weight": torch.zeros(2, 2)}, tmp_path / "model.safetensors")
    with pytest.raises(ValueError, match="does not hold the face networks"):
        FacialEmotionCapture(weights=str(tmp_path / "model.safetensors")).capture(noise(1, 3, 32, 32))


def test_portrait_is_happy(fec):
    portrait = torch.from_numpy(astronaut().copy()).permute(2, 0, 1)[None]
    capture = fec.capture(portrait)
    assert [len(faces) for faces in capture.faces] == [1]
    label, confidence = capture.dominant()
    assert label == "happy" and confidence > 0.9
