import pytest
import torch

from emotion_qwen.processing.emotion_calibration import EmotionCalibration
from emotion_qwen.processing.face_backends import default_weights_path, load_face_networks
from emotion_qwen.processing.face_capture import EMOTIONS
from emotion_qwen.processing.facial_emotion_capture import FacialEmotionCapture

from .face_clips import THREE_EXPRESSIONS, three_expressions


@pytest.fixture(scope="module")
def shipped() -> EmotionCalibration:
    return load_face_networks(default_weights_path(), torch.device("cpu"))["calibration"]


@pytest.fixture(scope="module")
def opinions() -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    probabilities = torch.randn(9, 7, generator=generator).softmax(dim=1)
    return probabilities, torch.rand(9, 384, generator=generator)


def test_a_new_calibration_changes_nothing(opinions):
    probabilities, features = opinions
    torch.testing.assert_close(EmotionCalibration()(probabilities, features), probabilities)


def test_without_strength_the_mean_stays_and_with_it_probabilities_stay_probabilities(shipped, opinions):
    probabilities, features = opinions
    torch.testing.assert_close(shipped(probabilities, features, 0.0), probabilities)
    for strength in (0.5, 1.0):
        calibrated = shipped(probabilities, features, strength)
        torch.testing.assert_close(calibrated.sum(dim=1), torch.ones(9))
        assert (calibrated - probabilities).abs().max() > 0.01


def test_certain_opinions_stay_finite(shipped):
    assert shipped(torch.eye(7), torch.zeros(7, 384)).isfinite().all()


def test_each_face_is_calibrated_alone_bit_for_bit(shipped, opinions):
    probabilities, features = opinions
    together = shipped(probabilities, features)
    alone = [shipped(probabilities[i : i + 1], features[i : i + 1]) for i in range(9)]
    assert torch.equal(together, torch.cat(alone))


@pytest.mark.parametrize("strength", [0.0, 1.0])
def test_clear_expressions_are_named_with_and_without_it(strength):
    capture = FacialEmotionCapture(emotion_calibration=strength).capture(three_expressions())
    assert tuple(key.label for key in capture.key_frames) == THREE_EXPRESSIONS


def test_the_real_portrait_gets_no_worse():
    from skimage.data import astronaut

    portrait = torch.from_numpy(astronaut().copy()).permute(2, 0, 1)[None]
    happy = EMOTIONS.index("happy")
    plain, calibrated = (
        FacialEmotionCapture(emotion_calibration=strength).capture(portrait).faces[0][0].probabilities[happy]
        for strength in (0.0, 1.0)
    )
    assert calibrated >= plain > 0.8
