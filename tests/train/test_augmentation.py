import numpy as np
import pytest

from emotion_qwen.train.augmentation import Augmentation, augment_face, sample_view

BOX = (40.0, 30.0, 72.0, 70.0)


@pytest.fixture
def picture() -> np.ndarray:
    """Grey, with a white face."""
    picture = np.full((112, 112, 3), 90, np.uint8)
    picture[30:70, 40:72] = 255
    return picture


@pytest.mark.parametrize("share", [0.4, 0.95])
def test_the_box_follows_the_face(picture, share):
    view = sample_view(BOX, picture.shape[:2], np.random.default_rng(0), Augmentation(face_height=(share, share)))
    frame, (x0, y0, x1, y1) = view.show(picture), view.box_of(BOX)
    assert frame.shape == (80, 80, 3)
    inside = frame[round(y0) + 2 : round(y1) - 2, round(x0) + 2 : round(x1) - 2]
    assert inside.min() > 240
    assert (y1 - y0) == pytest.approx(80 * share, abs=1.5)


def test_same_seed_same_picture(picture):
    first, second = (augment_face(picture, BOX, np.random.default_rng(3), Augmentation()) for _ in range(2))
    assert np.array_equal(first[0], second[0])
    assert first[1] == second[1]


def test_eased_to_nothing_only_mirrors(picture):
    settings = Augmentation(face_height=(0.5, 0.95)).eased(0.0)
    assert settings.face_height == (0.95, 0.95)
    frame, _ = augment_face(picture, BOX, np.random.default_rng(0), settings)
    assert set(np.unique(frame)) <= set(range(90, 256))
    assert frame.max() == 255, "the light is as it was"


def test_eased_to_all_is_as_given():
    assert Augmentation().eased(1.0) == Augmentation()
