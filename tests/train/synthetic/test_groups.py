import numpy as np
import pytest

from emotion_qwen.train.synthetic.groups import SCENES, GroupClip, sample_group
from emotion_qwen.train.synthetic.head_identity import sample_person
from emotion_qwen.train.synthetic.head_model import HeadModel, build_head
from emotion_qwen.train.synthetic.person_records import group_record


@pytest.fixture(scope="module")
def pair(head) -> list[HeadModel]:
    return [head, build_head(sample_person(4))]


def group(heads: list[HeadModel], scene: str, seed: int = 1) -> GroupClip:
    return sample_group(np.random.default_rng(seed), heads, scene, frames=12, size=(64, 112))


@pytest.mark.parametrize("scene", SCENES)
def test_every_scene_has_exact_truth_for_everyone(pair, scene):
    clip = group(pair, scene)
    assert clip.frames.shape == (12, 64, 112, 3) and clip.frames.dtype == np.uint8
    assert [member.person.identity for member in clip.members] == [3, 4]
    for member in clip.members:
        assert len(member.face_boxes) == len(member.visible) == 12
        assert all(0 <= share <= 1 for share in member.visible)
        assert all((box is None) <= (share == 0) for box, share in zip(member.face_boxes, member.visible, strict=True))
        assert all(event.onset < event.apex < event.offset <= 12 for event in member.events)
    assert len(clip.cuts) == (scene == "cut")


def test_people_who_stay_are_seen_throughout(pair):
    assert all(share > 0.9 for member in group(pair, "still").members for share in member.visible)


def test_people_who_cross_change_places_and_the_farther_one_is_hidden_on_the_way(pair):
    first, second = group(pair, "crossing").members
    assert first.face_boxes[0][0] < second.face_boxes[0][0]
    assert first.face_boxes[-1][0] > second.face_boxes[-1][0]
    assert min(first.visible + second.visible) < 0.5
    assert min(first.visible[-1], second.visible[-1], first.visible[0], second.visible[0]) > 0.9


def test_the_post_hides_everyone_once_and_the_leaver_is_gone_at_the_end(pair):
    for member in group(pair, "hidden").members:
        assert min(member.visible) < 0.5 and member.visible[-1] > 0.9
    last = [member.visible[-1] for member in group(pair, "leaving").members]
    assert sorted(share > 0.9 for share in last) == [False, True]


def test_a_cut_changes_the_background(pair):
    clip = group(pair, "cut")
    steps = np.abs(np.diff(clip.frames[:, :8].astype(int), axis=0)).mean((1, 2, 3))
    assert int(steps.argmax()) + 1 == clip.cuts[0]


def test_the_same_seed_gives_the_same_frames(pair):
    one, two = group(pair, "crossing"), group(pair, "crossing")
    assert one.frames.tobytes() == two.frames.tobytes()
    assert group_record("a", "a.mp4", one) == group_record("a", "a.mp4", two)


@pytest.mark.parametrize("heads, scene, message", [(0, "still", "1 to 3"), (4, "still", "1 to 3"), (1, "x", "scene")])
def test_other_groups_are_refused(head, heads, scene, message):
    with pytest.raises(ValueError, match=message):
        group([head] * heads, scene)
