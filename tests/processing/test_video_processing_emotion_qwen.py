"""The video processor: inputs of all kinds, Facial Emotion Capture, equality with Qwen2.5-VL."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import PIL.Image
import pytest
import torch
from skimage import data
from transformers import AutoVideoProcessor
from transformers.models.qwen2_vl.video_processing_qwen2_vl import Qwen2VLVideoProcessor
from transformers.video_utils import VideoMetadata

from emotion_qwen.processing import EmotionQwenVideoProcessor, MediaError

WriteClip = Callable[..., str]
SETTINGS = {
    "size": {"shortest_edge": 56 * 56, "longest_edge": 448 * 448},
    "cap_pixels_per_frame": True,
    "fps": 3,
    "do_sample_frames": True,
}


@pytest.fixture
def video_processor() -> EmotionQwenVideoProcessor:
    return EmotionQwenVideoProcessor()


@pytest.fixture
def plain_processor() -> EmotionQwenVideoProcessor:
    """For what has nothing to do with faces."""
    return EmotionQwenVideoProcessor(facial_emotion_capture=False)


@pytest.fixture(scope="module")
def smile() -> np.ndarray:
    """Frames (5, 256, 256, 3) of a smiling face."""
    portrait = data.astronaut()[:512:2, :512:2]
    return np.stack([portrait] * 5)


def noise(num_frames: int, height: int, width: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (num_frames, height, width, 3), dtype=np.uint8)


def process(video_processor: EmotionQwenVideoProcessor, videos, **kwargs):
    return video_processor(videos, return_tensors="pt", return_metadata=True, **kwargs)


def assert_same(first, second) -> None:
    assert first["video_grid_thw"].equal(second["video_grid_thw"])
    assert first["pixel_values_videos"].equal(second["pixel_values_videos"])


# Equality with Qwen2.5-VL's processor


@pytest.mark.parametrize(
    "clips",
    [
        [noise(30, 90, 120)],
        [noise(7, 640, 480)],
        [noise(30, 90, 120), noise(11, 200, 64, 1), noise(30, 90, 120, 2)],
        [noise(1, 60, 60)],
    ],
    ids=["one", "large", "batch", "one frame"],
)
def test_without_faces_patches_equal_qwens(video_processor: EmotionQwenVideoProcessor, clips: list[np.ndarray]):
    qwen = Qwen2VLVideoProcessor(**SETTINGS)
    do_sample = all(len(clip) > 1 for clip in clips)  # Qwen's processor can't sample a clip of one frame
    for layout in (clips, [torch.from_numpy(clip).permute(0, 3, 1, 2) for clip in clips]):
        metadata = [VideoMetadata(total_num_frames=len(clip), fps=10) for clip in clips]
        expected = process(qwen, layout, video_metadata=metadata, do_sample_frames=do_sample)
        for options in ({}, {"facial_emotion_capture": False, "max_decoded_bytes": 1}):
            found = process(video_processor, layout, video_metadata=metadata, do_sample_frames=do_sample, **options)
            assert_same(found, expected)
            assert [known.sampled_fps for known in found["video_metadata"]] == [
                known.sampled_fps for known in expected["video_metadata"]
            ]


def test_float_frames_without_faces_equal_qwens(video_processor: EmotionQwenVideoProcessor):
    clip = torch.from_numpy(noise(4, 84, 112)).permute(0, 3, 1, 2).float()
    qwen = Qwen2VLVideoProcessor(**SETTINGS)
    assert_same(process(video_processor, [clip]), process(qwen, [clip], do_sample_frames=False))


# Kinds of input


def test_a_file_is_sampled_at_three_frames_a_second(plain_processor: EmotionQwenVideoProcessor, gray_clip: str):
    output = process(plain_processor, gray_clip)
    assert output["video_grid_thw"].tolist() == [[3, 4, 4]]
    assert output["video_metadata"][0].sampled_fps == pytest.approx(3)
    assert_same(process(plain_processor, Path(gray_clip)), output)
    assert_same(process(plain_processor, [[gray_clip]]), output)


def test_a_decoded_clip_gives_what_its_file_gives(plain_processor: EmotionQwenVideoProcessor, gray_clip: str):
    frames, metadata = plain_processor.decode(gray_clip)
    assert frames.dtype == torch.uint8
    expected = process(plain_processor, gray_clip)
    for options in ({"do_sample_frames": False}, {}):
        output = process(plain_processor, [frames], video_metadata=[metadata], **options)
        assert_same(output, expected)
        assert output["video_metadata"][0].timestamps == metadata.timestamps


def test_frames_in_every_layout_give_the_same(plain_processor: EmotionQwenVideoProcessor, tmp_path: Path):
    clip = noise(4, 60, 80)
    pictures = [PIL.Image.fromarray(frame) for frame in clip]
    paths = [str(tmp_path / f"{index}.png") for index in range(4)]
    for picture, path in zip(pictures, paths, strict=True):
        picture.save(path)
    expected = process(plain_processor, clip)
    assert expected["video_grid_thw"].tolist() == [[2, 4, 6]]
    channels_first = torch.from_numpy(clip).permute(0, 3, 1, 2)
    for same in (
        [clip], clip[None], list(clip), [list(clip)], torch.from_numpy(clip), channels_first, list(channels_first),
        clip[:, :, ::-1][:, :, ::-1], pictures, [pictures], paths, [paths], [[paths]],
        [Path(path) for path in paths],
    ):  # fmt: skip
        assert_same(process(plain_processor, same), expected)


def test_a_stated_layout_speaks_of_arrays_only(plain_processor: EmotionQwenVideoProcessor):
    clip = noise(2, 60, 120)
    expected = process(plain_processor, clip)
    pictures = [PIL.Image.fromarray(frame) for frame in clip]
    for same in (clip, pictures):
        assert_same(process(plain_processor, same, input_data_format="channels_last"), expected)


def test_frames_without_metadata_count_as_sampled_at_fps(plain_processor: EmotionQwenVideoProcessor):
    clip = noise(9, 30, 30)
    assert process(plain_processor, clip)["video_metadata"][0].sampled_fps == 3
    assert process(plain_processor, clip, fps=2)["video_metadata"][0].sampled_fps == 2
    assert process(plain_processor, clip)["video_grid_thw"].tolist() == [[5, 4, 4]]


def test_frames_with_metadata_are_sampled_once(plain_processor: EmotionQwenVideoProcessor):
    metadata = VideoMetadata(total_num_frames=20, fps=10)
    output = process(plain_processor, noise(20, 30, 30), video_metadata=[metadata])
    assert output["video_metadata"][0].frames_indices == [0, 3, 6, 10, 13, 16]
    assert metadata.frames_indices is None  # the caller's own stays as it is
    fewer = process(plain_processor, noise(8, 30, 30), video_metadata=[{"total_num_frames": 40, "fps": 10}])
    assert fewer["video_grid_thw"].tolist() == [[4, 4, 4]]
    assert fewer["video_metadata"][0].sampled_fps == 2


def test_clips_of_different_kinds_and_sizes_in_one_batch(
    video_processor: EmotionQwenVideoProcessor, gray_clip: str, smile: np.ndarray
):
    mixed = process(video_processor, [gray_clip, smile, [PIL.Image.new("RGB", (30, 90))] * 3])
    assert mixed["video_grid_thw"].tolist() == [[3, 4, 4], [4, 18, 18], [2, 8, 4]]
    alone = process(video_processor, smile)["pixel_values_videos"]
    assert mixed["pixel_values_videos"][48 : 48 + 4 * 18 * 18].equal(alone)


@pytest.mark.parametrize("num_frames", [1, 2, 3, 5])
def test_short_clips(plain_processor: EmotionQwenVideoProcessor, write_clip: WriteClip, num_frames: int):
    path = write_clip([np.full((48, 64, 3), 90, np.uint8)] * num_frames)
    output = process(plain_processor, path)
    assert output["video_grid_thw"][0, 0] == {1: 1, 2: 1, 3: 1, 5: 2}[num_frames]
    assert np.isfinite(output["video_metadata"][0].sampled_fps)


def test_one_pixel(plain_processor: EmotionQwenVideoProcessor):
    assert process(plain_processor, noise(2, 1, 1))["video_grid_thw"].tolist() == [[1, 4, 4]]


@pytest.mark.parametrize("channels", [1, 4])
def test_gray_and_alpha_become_rgb(plain_processor: EmotionQwenVideoProcessor, channels: int):
    clip = np.full((2, 56, 56, channels), 255, np.uint8)
    white = process(plain_processor, np.full((2, 56, 56, 3), 255, np.uint8))
    assert_same(process(plain_processor, clip), white)
    clip[..., :3] = 0
    clip[..., -1] = 0  # black, or wholly transparent
    black = process(plain_processor, np.zeros((2, 56, 56, 3), np.uint8))
    torch.testing.assert_close(
        process(plain_processor, clip)["pixel_values_videos"],
        (black if channels == 1 else white)["pixel_values_videos"],
    )


def test_num_frames_goes_before_the_default_fps(plain_processor: EmotionQwenVideoProcessor, gray_clip: str):
    assert process(plain_processor, gray_clip, num_frames=4)["video_grid_thw"][0, 0] == 2
    assert process(plain_processor, noise(20, 30, 30), num_frames=4)["video_grid_thw"][0, 0] == 2
    with pytest.raises(ValueError, match="exclude each other"):
        process(plain_processor, gray_clip, num_frames=4, fps=2)
    with pytest.raises(ValueError, match="num_frames=21"):
        process(plain_processor, gray_clip, num_frames=21)
    for options in ({"fps": 0}, {"fps": -1}, {"num_frames": 0}):
        with pytest.raises(ValueError, match="positive"):
            plain_processor.decode(gray_clip, **options)


def test_a_long_clip_has_its_largest_number_of_frames(plain_processor: EmotionQwenVideoProcessor):
    ten_minutes = VideoMetadata(total_num_frames=600 * 25, fps=25)
    indices = plain_processor.sample_frames(ten_minutes).tolist()
    assert len(indices) == 768
    assert (indices[0], indices[-1]) == (0, 767 * 15000 // 768)
    assert plain_processor.sample_frames(ten_minutes, max_frames=100).shape == (100,)


def test_what_can_not_be_sampled_is_refused(plain_processor: EmotionQwenVideoProcessor, tmp_path: Path):
    with pytest.raises(ValueError, match="needs the clip's own rate"):
        process(plain_processor, noise(8, 30, 30), fps=2, do_sample_frames=True)
    path = str(tmp_path / "frame.png")
    PIL.Image.new("RGB", (30, 30)).save(path)
    with pytest.raises(ValueError, match="list of images is not supported"):
        process(plain_processor, [[path, path]], do_sample_frames=True)
    with pytest.raises(ValueError, match="metadata of 2 clips for 1"):
        process(plain_processor, noise(2, 30, 30), video_metadata=[{"total_num_frames": 2}] * 2)


def test_bad_media_is_refused(plain_processor: EmotionQwenVideoProcessor, tmp_path: Path):
    for bad in (
        str(tmp_path / "missing.mp4"),
        [str(tmp_path / "missing.png")] * 2,
        np.zeros((0, 8, 8, 3), np.uint8),
        [PIL.Image.new("RGB", (8, 8)), PIL.Image.new("RGB", (8, 9))],
    ):
        with pytest.raises(MediaError):
            process(plain_processor, bad)
    for bad in ([], 3):
        with pytest.raises(ValueError):
            process(plain_processor, bad)


# Facial Emotion Capture


def test_masked_key_frames_follow_the_padded_clip(video_processor: EmotionQwenVideoProcessor, smile: np.ndarray):
    plain = process(video_processor, smile, facial_emotion_capture=False)
    captured = process(video_processor, smile)
    assert plain["video_grid_thw"].tolist() == [[3, 18, 18]]
    assert captured["video_grid_thw"].tolist() == [[4, 18, 18]]
    length = len(plain["pixel_values_videos"])
    assert captured["pixel_values_videos"][:length].equal(plain["pixel_values_videos"])
    frames = torch.from_numpy(smile).permute(0, 3, 1, 2)
    capture = video_processor.capture_faces(frames)
    masked = video_processor._fec(video_processor.fec_config).mask(frames, capture)
    shown = process(video_processor, masked, facial_emotion_capture=False)["pixel_values_videos"]
    assert captured["pixel_values_videos"][length:].equal(shown)


def test_key_frames_leave_the_metadata_alone(video_processor: EmotionQwenVideoProcessor, smile: np.ndarray):
    metadata = process(video_processor, smile)["video_metadata"][0]
    assert metadata.frames_indices == [0, 1, 2, 3, 4]
    assert metadata.sampled_fps == 3


def test_two_runs_are_equal_and_pieces_make_no_difference(
    video_processor: EmotionQwenVideoProcessor, smile: np.ndarray
):
    first = process(video_processor, smile)
    assert_same(process(video_processor, smile), first)
    assert_same(process(video_processor, smile, max_decoded_bytes=1), first)
    assert_same(process(video_processor, smile, max_decoded_bytes=None), first)


@pytest.mark.parametrize("layout", ["floats", "rescaled floats"])
def test_faces_are_found_in_float_frames(video_processor: EmotionQwenVideoProcessor, smile: np.ndarray, layout: str):
    """qwen_vl_utils hands over floats in 0 to 255; with do_rescale=False they are in 0 to 1."""
    expected = process(video_processor, smile)
    clip = torch.from_numpy(smile).permute(0, 3, 1, 2).float()
    if layout == "floats":
        output = process(video_processor, clip)
    else:
        output = process(video_processor, clip / 255, do_rescale=False)
    assert output["video_grid_thw"].equal(expected["video_grid_thw"])
    # Floats are resized without rounding, and overshoot at the mask's edges: close is all that can be asked.
    difference = (output["pixel_values_videos"] - expected["pixel_values_videos"]).abs()
    assert difference.mean() < 0.01


def test_stored_captures_are_used(video_processor: EmotionQwenVideoProcessor, smile: np.ndarray):
    capture = video_processor.capture_faces(torch.from_numpy(smile).permute(0, 3, 1, 2))
    assert capture.has_faces
    expected = process(video_processor, [smile, smile])
    stored = json.loads(json.dumps(capture.to_dict()))
    for captures in ([capture, stored], [capture, None]):
        assert_same(process(video_processor, [smile, smile], face_captures=captures), expected)
    assert_same(process(video_processor, smile, face_captures=capture), process(video_processor, smile))
    off = process(video_processor, smile, face_captures=[capture], facial_emotion_capture=False)
    assert off["video_grid_thw"].tolist() == [[3, 18, 18]]


def test_stored_captures_must_fit(video_processor: EmotionQwenVideoProcessor, smile: np.ndarray):
    capture = video_processor.capture_faces(torch.from_numpy(smile).permute(0, 3, 1, 2))
    with pytest.raises(ValueError, match="1 face captures for 2"):
        process(video_processor, [smile, smile], face_captures=[capture])
    with pytest.raises(ValueError, match="made from 5 frames"):
        process(video_processor, smile[:4], face_captures=[capture])


def test_captured_faces_know_their_times(video_processor: EmotionQwenVideoProcessor, smile: np.ndarray):
    metadata = VideoMetadata(total_num_frames=50, fps=10, frames_indices=[0, 10, 20, 30, 40])
    capture = video_processor.capture_faces(torch.from_numpy(smile).permute(0, 3, 1, 2), metadata)
    assert capture.timestamps == (0, 1, 2, 3, 4)
    assert all(key.time == key.frame for key in capture.key_frames)


def test_settings_are_checked(video_processor: EmotionQwenVideoProcessor, smile: np.ndarray):
    with pytest.raises(ValueError, match="max_keyframes"):
        EmotionQwenVideoProcessor(fec_config={"max_keyframes": 2})
    with pytest.raises(ValueError, match="backend 'no such thing'"):
        EmotionQwenVideoProcessor(fec_config={"backend": "no such thing"})
    with pytest.raises(ValueError, match="detection_threshold"):
        process(video_processor, smile, fec_config={"detection_threshold": 2})
    with pytest.raises((TypeError, ValueError), match="facial_capture"):  # by release of transformers
        process(video_processor, smile, facial_capture=True)


def test_settings_that_are_not_named_keep_their_values(video_processor: EmotionQwenVideoProcessor, smile: np.ndarray):
    unseeing = EmotionQwenVideoProcessor(fec_config={"min_face_height": 1.0})
    assert unseeing.fec_config["max_key_frames"] == video_processor.fec_config["max_key_frames"]
    unseen = process(unseeing, smile, fec_config={"max_key_frames": 1})
    assert unseen["video_grid_thw"].tolist() == [[3, 18, 18]]
    unseen = process(video_processor, smile, fec_config={"min_face_height": 1.0})
    assert unseen["video_grid_thw"].tolist() == [[3, 18, 18]]


def test_the_number_of_patches_can_be_told_beforehand(video_processor: EmotionQwenVideoProcessor, smile: np.ndarray):
    for frames, height, width in ((7, 60, 90), (30, 480, 640), (1, 10, 10)):
        output = process(video_processor, np.zeros((frames, height, width, 3), np.uint8))
        assert len(output["pixel_values_videos"]) == video_processor.get_num_of_video_patches(frames, height, width)
    key_frames = len(video_processor.capture_faces(torch.from_numpy(smile).permute(0, 3, 1, 2)).key_frames)
    stated = video_processor.get_num_of_video_patches(5, 256, 256, {"num_key_frames": key_frames})
    assert stated == len(process(video_processor, smile)["pixel_values_videos"])


def test_a_long_clip_shares_its_budget(video_processor: EmotionQwenVideoProcessor):
    video_processor.max_video_tokens = 100
    output = process(video_processor, np.zeros((40, 448, 448, 3), np.uint8))
    qwen = Qwen2VLVideoProcessor(**SETTINGS, max_video_tokens=100)
    assert_same(output, process(qwen, np.zeros((40, 448, 448, 3), np.uint8), do_sample_frames=False))
    assert len(output["pixel_values_videos"]) == video_processor.get_num_of_video_patches(40, 448, 448)


# JSON


def test_settings_survive_saving(tmp_path: Path):
    video_processor = EmotionQwenVideoProcessor(fps=2, facial_emotion_capture=False, fec_config={"max_key_frames": 2})
    video_processor.save_pretrained(tmp_path)
    stored = json.loads((tmp_path / "video_preprocessor_config.json").read_text())
    assert stored["fec_config"]["max_key_frames"] == 2
    assert not any("face_networks" in name for name in stored)
    for loader in (EmotionQwenVideoProcessor, AutoVideoProcessor):
        loaded = loader.from_pretrained(tmp_path)
        assert type(loaded) is EmotionQwenVideoProcessor
        assert loaded.to_dict() == video_processor.to_dict()


def test_defaults_are_the_papers():
    settings = EmotionQwenVideoProcessor().to_dict()
    assert settings["fps"] == 3
    assert settings["size"]["longest_edge"] == 448 * 448
    assert settings["do_sample_frames"] is True
    assert settings["facial_emotion_capture"] is True
    assert settings["cap_pixels_per_frame"] is True


def test_weights_beside_the_settings_are_used(tmp_path: Path, smile: np.ndarray):
    EmotionQwenVideoProcessor().save_pretrained(tmp_path)
    (tmp_path / "face_networks.safetensors").write_bytes(b"not weights")
    loaded = EmotionQwenVideoProcessor.from_pretrained(tmp_path)
    with pytest.raises(ValueError, match="does not hold the face networks"):
        loaded(smile)
    assert "face_networks" not in loaded.to_json_string()
