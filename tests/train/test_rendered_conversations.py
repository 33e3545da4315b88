import pytest

from emotion_qwen.train.rendered_conversations import RenderedConversations, RenderedSettings
from emotion_qwen.train.synthetic.records import write_records


def conversations(faces, **settings):
    return RenderedConversations(RenderedSettings(folder=str(faces), side=80, **settings), seed=0)


@pytest.mark.parametrize(
    "share, general", [(0.0, set()), (1.0, {"Yes.", "是。", "There is one person.", "有一个人。"})]
)
def test_the_share_of_general_questions(faces, share, general):
    drawn = conversations(faces, samples=30, general_share=share)
    answers = {drawn.draw(index)["messages"][1]["content"][0]["text"] for index in range(30)}
    assert (answers >= general) and bool(answers & {"Yes.", "是。"}) == bool(share)


def test_drawn_clips_have_no_face(faces):
    (capture,) = conversations(faces, samples=1, task="moving", kind="video").draw(0)["face_captures"]
    assert len(capture.faces) == 4 and not any(capture.faces) and capture.key_frames == ()


def test_a_colour_is_asked_for_only_while_it_is_seen(faces):
    drawn = conversations(faces, samples=60, general_share=1.0, augmentation={"grey": 1.0})
    for record in drawn.records:
        record["background"] = "blue"
    samples = [drawn.draw(index)["messages"] for index in range(60)]
    assert not {"Blue.", "蓝色。"} & {answer["content"][0]["text"] for _, answer in samples}


def test_a_drawing_is_asked_several_questions(faces):
    drawn = conversations(faces, samples=10, task="shapes", questions=4)
    lengths = {len(drawn.draw(index)["messages"]) for index in range(10)}
    assert max(lengths) > 2 and lengths <= {2, 4, 6, 8}


@pytest.mark.parametrize("share, found", [(0.0, {0}), (0.5, {0, 1}), (1.0, {1})])
def test_the_share_of_pictures_whose_face_is_captured(faces, share, found):
    drawn = conversations(faces, samples=20, capture_share=share)
    captures = [capture for index in range(20) for capture in drawn.draw(index)["face_captures"]]
    assert {len(capture.key_frames) for capture in captures} == found


def test_a_picture_is_shown_as_a_clip(faces):
    drawn = conversations(faces, samples=10, kind="still_video")
    for index in range(10):
        sample = drawn.draw(index)
        (part, _), (capture,) = sample["messages"][0]["content"], sample["face_captures"]
        assert part["type"] == "video" and len(part["video"]) == 2
        assert part["video"][0].size == (80, 80) and capture.num_frames == 2 and len(capture.key_frames) == 1


def test_a_picture_is_shown_among_relaxed_ones_of_the_same_person(faces):
    drawn = conversations(faces, samples=20, kind="still_video", relaxed_stills=(1, 2))
    samples = [drawn.draw(index) for index in range(20)]
    assert {len(sample["messages"][0]["content"][0]["video"]) for sample in samples} == {4, 6}
    moments = {sample["face_captures"][0].key_frames[0].frame for sample in samples}
    assert moments == {1, 3, 5}, "it stands first, last and between"


def test_pictures_of_several_backgrounds_have_none(faces):
    drawn = conversations(faces, samples=40, kind="still_video", relaxed_stills=(1, 2), general_share=1.0)
    for record in drawn.records:
        record["background"] = "blue"
    samples = [drawn.draw(index)["messages"] for index in range(40)]
    assert not {"Blue.", "蓝色。"} & {answer["content"][0]["text"] for _, answer in samples}


def test_a_part_of_a_clip_is_shown(faces):
    drawn = conversations(faces, samples=10, kind="video", clip_frames=(2, 2), augmentation={"mirror": 0.5})
    first, again = ([drawn.draw(index)["messages"][0]["content"][0]["video"] for index in range(10)] for _ in range(2))
    assert all(len(frames) == 2 and frames[0].size == (80, 80) for frames in first)
    assert [[f.tobytes() for f in frames] for frames in first] == [[f.tobytes() for f in frames] for frames in again]


def test_frames_come_with_their_rate(faces):
    drawn = conversations(faces, samples=1, kind="video", clip_frames=(2, 2))
    for record in drawn.records:
        record["fps"] = 6.0
    assert drawn.draw(0)["messages"][0]["content"][0]["fps"] == 6.0


@pytest.mark.parametrize(
    "wrong, named",
    [
        ({"kind": "video", "clip_frames": (5, 5)}, "even"),
        ({"kind": "video", "task": "moving", "clip_frames": (4, 8)}, "moving"),
        ({"kind": "still_video", "task": "shapes"}, "shapes"),
    ],
)
def test_impossible_clips_are_refused(faces, wrong, named):
    with pytest.raises(ValueError, match=named):
        conversations(faces, samples=1, **wrong)


def test_those_who_are_held_out_are_others(faces):
    trained, held_out = (conversations(faces, samples=9, split=split) for split in ("train", "held_out"))
    people = [{drawn.record(index)["identity"] for index in range(9)} for drawn in (trained, held_out)]
    assert not people[0] & people[1] and all(people)
    with pytest.raises(ValueError, match="'train' or 'held_out', not 'test'"):
        conversations(faces, samples=1, split="test")


def test_parts_of_groups_are_refused(tmp_path):
    write_records(tmp_path, [{"task": "emotion", "kind": "video", "split": "train", "people": [{}]}])
    with pytest.raises(ValueError, match="groups"):
        conversations(tmp_path, samples=1, kind="video", clip_frames=(4, 8))
