import pytest
import torch

from emotion_qwen.processing.face_capture import FaceCapture, KeyFrame
from emotion_qwen.processing.face_masking import kept_region, mask_frame, mask_key_frames

from .face_clips import noise


def capture_of(num_frames: int, size: tuple[int, int], *frames: int) -> FaceCapture:
    boxes = ((2.0, 3.0, 6.0, 9.0),)
    keys = tuple(KeyFrame(frame, None, "happy", 0.9, boxes, (0,)) for frame in frames)
    return FaceCapture(size, None, None, ((),) * num_frames, keys)


def test_region_grows_outwards_to_whole_pixels():
    assert kept_region((10.4, 20.0, 30.4, 40.0), 0.1, 100, 100) == (slice(18, 42), slice(8, 33))


def test_region_is_cut_at_the_frame():
    assert kept_region((-5.0, 1.0, 30.0, 40.0), 0.5, 50, 32) == (slice(0, 50), slice(0, 32))


def test_fade_goes_from_nothing_to_white():
    frame = noise(3, 12, 10)
    assert torch.equal(mask_frame(frame, [], 0.12, fade=0.0), frame)
    assert torch.all(mask_frame(frame, [], 0.12, fade=1.0) == 255)
    faded = mask_frame(frame, [], 0.12, fade=0.85)
    assert torch.all(faded >= frame) and faded.min() >= 216


def test_all_faces_stay():
    frame = noise(3, 20, 30)
    masked = mask_frame(frame, [(0, 0, 5, 5), (20, 10, 30, 20)], 0.0, fade=1.0)
    assert torch.equal(masked[:, :5, :5], frame[:, :5, :5])
    assert torch.equal(masked[:, 10:, 20:], frame[:, 10:, 20:])
    assert torch.all(masked[:, 5:10] == 255)


def test_key_frames_are_masked_in_their_order():
    frames = noise(6, 3, 12, 10)
    masked = mask_key_frames(frames, capture_of(6, (12, 10), 1, 4), 0.0, 1.0)
    assert masked.shape == (2, 3, 12, 10) and masked.dtype == torch.uint8
    assert torch.equal(masked[:, :, 3:9, 2:6], frames[[1, 4], :, 3:9, 2:6])


def test_no_key_frames_give_an_empty_clip():
    assert mask_key_frames(noise(6, 3, 12, 10), capture_of(6, (12, 10)), 0.12, 0.85).shape == (0, 3, 12, 10)


@pytest.mark.parametrize("num_frames, size", [(5, (12, 10)), (6, (10, 12)), (6, (24, 20))])
def test_a_capture_of_another_clip_is_refused(num_frames, size):
    with pytest.raises(ValueError, match="6 of 12×10"):
        mask_key_frames(noise(6, 3, 12, 10), capture_of(num_frames, size, 0), 0.12, 0.85)
