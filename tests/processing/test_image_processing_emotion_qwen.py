"""The image processor: pictures of all kinds, the masked copy, equality with Qwen2.5-VL."""

import json
from pathlib import Path

import numpy as np
import PIL.Image
import pytest
import torch
from skimage import data
from transformers import AutoImageProcessor
from transformers.models.qwen2_vl.image_processing_qwen2_vl import Qwen2VLImageProcessor

from emotion_qwen.processing import EmotionQwenImageProcessor, MediaError

WHITE = (255, 255, 255)


@pytest.fixture
def image_processor() -> EmotionQwenImageProcessor:
    return EmotionQwenImageProcessor()


@pytest.fixture(scope="module")
def smile() -> np.ndarray:
    return data.astronaut()[::2, ::2]


def noise(height: int, width: int, channels: int = 3) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (height, width, channels), dtype=np.uint8)


def process(image_processor: EmotionQwenImageProcessor, images, **kwargs):
    return image_processor(images, return_tensors="pt", **kwargs)


def assert_same(first, second) -> None:
    assert first["image_grid_thw"].equal(second["image_grid_thw"])
    assert first["pixel_values"].equal(second["pixel_values"])


def test_without_a_face_patches_equal_qwens(image_processor: EmotionQwenImageProcessor, smile: np.ndarray):
    qwen = Qwen2VLImageProcessor(size={"shortest_edge": 56 * 56, "longest_edge": 1280 * 784})
    batch = [noise(100, 80), noise(900, 1500), noise(100, 80), smile]
    expected = process(qwen, batch)
    assert_same(process(image_processor, batch, facial_emotion_capture=False), expected)
    assert_same(process(image_processor, batch[:3]), process(qwen, batch[:3]))
    tensors = [torch.from_numpy(image).permute(2, 0, 1) for image in batch]
    assert_same(process(image_processor, tensors, facial_emotion_capture=False), expected)


def test_a_face_adds_a_masked_copy_as_second_temporal_patch(
    image_processor: EmotionQwenImageProcessor, smile: np.ndarray
):
    plain = process(image_processor, smile, facial_emotion_capture=False)
    captured = process(image_processor, smile)
    assert plain["image_grid_thw"].tolist() == [[1, 18, 18]]
    assert captured["image_grid_thw"].tolist() == [[2, 18, 18]]
    assert captured["pixel_values"][: 18 * 18].equal(plain["pixel_values"])
    capture = image_processor.capture_faces(smile)
    frame = torch.from_numpy(smile).permute(2, 0, 1)[None]
    masked = image_processor._fec(image_processor.fec_config).mask(frame, capture)[0]
    shown = process(image_processor, masked, facial_emotion_capture=False)
    assert captured["pixel_values"][18 * 18 :].equal(shown["pixel_values"])


def test_a_batch_keeps_each_image_to_itself(image_processor: EmotionQwenImageProcessor, smile: np.ndarray):
    batch = [noise(60, 90), smile, noise(56, 56), smile]
    together = process(image_processor, batch)
    assert together["image_grid_thw"].tolist() == [[1, 4, 6], [2, 18, 18], [1, 4, 4], [2, 18, 18]]
    apart = torch.cat([process(image_processor, image)["pixel_values"] for image in batch])
    assert together["pixel_values"].equal(apart)


def test_stored_captures_are_used_and_must_fit(image_processor: EmotionQwenImageProcessor, smile: np.ndarray):
    capture = image_processor.capture_faces(smile)
    stored = json.loads(json.dumps(capture.to_dict()))
    expected = process(image_processor, [smile, smile])
    assert_same(process(image_processor, [smile, smile], face_captures=[stored, capture]), expected)
    with pytest.raises(ValueError, match="1 face captures for 2"):
        process(image_processor, [smile, smile], face_captures=[capture])
    with pytest.raises(ValueError, match="256×256"):
        process(image_processor, smile[:200], face_captures=[capture])


def test_faces_in_floats_of_both_ranges(image_processor: EmotionQwenImageProcessor, smile: np.ndarray):
    floats = torch.from_numpy(smile).permute(2, 0, 1).float()
    for output in (process(image_processor, floats), process(image_processor, floats / 255, do_rescale=False)):
        assert output["image_grid_thw"].tolist() == [[2, 18, 18]]


@pytest.mark.parametrize("mode", ["L", "LA", "RGBA", "CMYK", "P", "I;16", "1"])
def test_every_mode_becomes_rgb(image_processor: EmotionQwenImageProcessor, tmp_path: Path, mode: str):
    if mode == "I;16":
        picture = PIL.Image.fromarray(np.full((60, 80), 204 * 256, np.uint16))
    else:
        level = 255 if mode == "1" else 204
        picture = PIL.Image.new("RGB", (80, 60), (level, level, level)).convert(mode)
    suffix = "tif" if mode == "CMYK" else "png"
    picture.save(tmp_path / f"picture.{suffix}")
    for source in (picture, str(tmp_path / f"picture.{suffix}")):
        pixels = image_processor.decode(source)
        assert pixels.shape == (3, 60, 80)
        assert (pixels.float() - (255 if mode == "1" else 204)).abs().max() <= 3
        assert process(image_processor, source)["image_grid_thw"].tolist() == [[1, 4, 6]]


def test_a_cmyk_jpeg_keeps_its_colours(image_processor: EmotionQwenImageProcessor, tmp_path: Path):
    path = tmp_path / "picture.jpg"
    PIL.Image.new("RGB", (40, 40), (250, 250, 250)).convert("CMYK").save(path, quality=95)
    assert image_processor.decode(path).float().mean() > 240


def test_transparent_parts_become_white(image_processor: EmotionQwenImageProcessor, tmp_path: Path):
    picture = np.zeros((56, 56, 4), np.uint8)
    picture[:28, :, 3] = 255
    expected = np.full((56, 56, 3), 255, np.uint8)
    expected[:28] = 0
    path = str(tmp_path / "picture.png")
    PIL.Image.fromarray(picture).save(path)
    tensor = torch.from_numpy(picture).permute(2, 0, 1)
    for source in (PIL.Image.fromarray(picture), path, picture, tensor):
        assert image_processor.decode(source).permute(1, 2, 0).numpy().tolist() == expected.tolist()
    assert image_processor.process_image(tensor.float() / 255, do_convert_rgb=True)[:, 40].eq(1).all()


def test_rotation_in_exif_is_applied(image_processor: EmotionQwenImageProcessor, tmp_path: Path):
    upright = np.zeros((40, 60, 3), np.uint8)
    upright[:20, :30] = 250
    path = str(tmp_path / "picture.jpg")
    exif = PIL.Image.Exif()
    exif[PIL.ExifTags.Base.Orientation] = 6  # to be shown turned clockwise
    PIL.Image.fromarray(np.rot90(upright)).save(path, exif=exif, quality=95)
    for source in (path, PIL.Image.open(path)):
        pixels = image_processor.decode(source)
        assert pixels.shape == (3, 40, 60)
        assert pixels[:, :16, :26].float().mean() > 230
        assert pixels[:, 24:, 34:].float().mean() < 20


def test_files_and_arrays_give_the_same(image_processor: EmotionQwenImageProcessor, tmp_path: Path):
    picture = noise(60, 80)
    PIL.Image.fromarray(picture).save(tmp_path / "picture.png")
    expected = process(image_processor, picture)
    path = tmp_path / "picture.png"
    for same in (path, str(path), f"file://{path}", [[str(path)]], picture[:, ::-1][:, ::-1]):
        assert_same(process(image_processor, same), expected)


@pytest.mark.parametrize("shape", [(1, 1, 3), (1, 1), (3, 5, 1), (29, 1, 3)])
def test_tiny_and_gray_arrays(image_processor: EmotionQwenImageProcessor, shape: tuple[int, ...]):
    output = process(image_processor, np.zeros(shape, np.uint8))
    assert output["pixel_values"].shape[1] == 3 * 2 * 14 * 14


def test_bad_pictures_are_refused(image_processor: EmotionQwenImageProcessor, tmp_path: Path):
    (tmp_path / "empty.png").touch()
    (tmp_path / "text.png").write_text("no picture")
    whole = tmp_path / "whole.png"
    PIL.Image.fromarray(noise(60, 80)).save(whole)
    (tmp_path / "cut.png").write_bytes(whole.read_bytes()[:500])
    for name in ("missing.png", "empty.png", "text.png", "cut.png", "."):
        with pytest.raises(MediaError) as caught:
            process(image_processor, str(tmp_path / name))
        assert "\n" not in str(caught.value)


def test_the_number_of_patches_can_be_told_beforehand(image_processor: EmotionQwenImageProcessor, smile: np.ndarray):
    for height, width in ((60, 90), (1000, 1500), (5, 5)):
        output = process(image_processor, np.zeros((height, width, 3), np.uint8))
        assert len(output["pixel_values"]) == image_processor.get_number_of_image_patches(height, width)
    stated = image_processor.get_number_of_image_patches(256, 256, {"num_key_frames": 1})
    assert stated == len(process(image_processor, smile)["pixel_values"])
    small = {"size": {"shortest_edge": 56 * 56, "longest_edge": 112 * 112}}
    output = process(image_processor, noise(500, 500), **small)
    assert len(output["pixel_values"]) == image_processor.get_number_of_image_patches(500, 500, small)


def test_settings_survive_saving(tmp_path: Path):
    image_processor = EmotionQwenImageProcessor(facial_emotion_capture=False, fec_config={"mask_fade": 0.5})
    image_processor.save_pretrained(tmp_path)
    assert "face_networks" not in (tmp_path / "preprocessor_config.json").read_text()
    for loader in (EmotionQwenImageProcessor, AutoImageProcessor):
        loaded = loader.from_pretrained(tmp_path)
        assert type(loaded) is EmotionQwenImageProcessor
        assert loaded.to_dict() == image_processor.to_dict()
    assert EmotionQwenImageProcessor().size["longest_edge"] == 1280 * 784


def test_a_url_that_can_not_be_fetched_is_named_with_the_reason(image_processor: EmotionQwenImageProcessor):
    with pytest.raises(MediaError, match=r"Could not fetch 'http://127\.0\.0\.1:9/face\.png': .*refused"):
        image_processor.decode("http://127.0.0.1:9/face.png")
