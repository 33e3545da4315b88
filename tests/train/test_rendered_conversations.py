import pytest

from emotion_qwen.train.rendered_conversations import RenderedConversations, known_faces_of_clip

EVENT = {"label": "happy", "onset_frame": 0, "apex_frame": 1, "offset_frame": 3}
BOXES = [[10.0, 10.0, 30.0, 40.0]] * 4


def test_everyone_in_a_clip_is_followed_and_each_apex_is_a_key_frame():
    people = [
        {"face_boxes": BOXES, "events": [EVENT]},
        {"face_boxes": [*BOXES[:3], None], "events": [EVENT | {"label": "sad", "apex_frame": 2}]},
    ]
    capture = known_faces_of_clip({"fps": 2.0, "frames": 4, "people": people}, 80)
    assert [len(faces) for faces in capture.faces] == [2, 2, 2, 1]
    assert [(key.frame, key.time, key.label, key.tracks) for key in capture.key_frames] == [
        (1, 0.5, "happy", (0, 1)),
        (2, 1.0, "sad", (1, 0)),
    ]


def test_an_apex_out_of_sight_is_no_key_frame():
    person = {"face_boxes": [BOXES[0], None, None, None], "events": [EVENT]}
    assert known_faces_of_clip({"fps": 2.0, "frames": 4, **person}, 80).key_frames == ()


@pytest.mark.parametrize(
    "share, general", [(0.0, set()), (1.0, {"Yes.", "是。", "There is one person.", "有一个人。"})]
)
def test_the_share_of_general_questions(faces, share, general):
    drawn = RenderedConversations([{"folder": str(faces), "samples": 30, "side": 80, "general_share": share}], seed=0)
    answers = {drawn.draw(index)["messages"][1]["content"][0]["text"] for index in range(30)}
    assert (answers >= general) and bool(answers & {"Yes.", "是。"}) == bool(share)


def test_drawn_clips_have_no_face(faces):
    source = {"folder": str(faces), "samples": 1, "side": 80, "task": "moving", "kind": "video"}
    (capture,) = RenderedConversations([source], seed=0).draw(0)["face_captures"]
    assert len(capture.faces) == 4 and not any(capture.faces) and capture.key_frames == ()


def test_a_colour_is_asked_for_only_while_it_is_seen(faces):
    source = {"folder": str(faces), "samples": 60, "side": 80, "general_share": 1.0, "augmentation": {"grey": 1.0}}
    drawn = RenderedConversations([source], seed=0)
    for record in drawn.records[0]:
        record["background"] = "blue"
    samples = [drawn.draw(index)["messages"] for index in range(60)]
    assert not {"Blue.", "蓝色。"} & {answer["content"][0]["text"] for _, answer in samples}


def test_a_drawing_is_asked_several_questions(faces):
    source = {"folder": str(faces), "samples": 10, "side": 80, "task": "shapes", "questions": 4}
    drawn = RenderedConversations([source], seed=0)
    lengths = {len(drawn.draw(index)["messages"]) for index in range(10)}
    assert max(lengths) > 2 and lengths <= {2, 4, 6, 8}


@pytest.mark.parametrize("share, found", [(0.0, {0}), (0.5, {0, 1}), (1.0, {1})])
def test_the_share_of_pictures_whose_face_is_captured(faces, share, found):
    drawn = RenderedConversations([{"folder": str(faces), "samples": 20, "side": 80, "capture_share": share}], seed=0)
    captures = [capture for index in range(20) for capture in drawn.draw(index)["face_captures"]]
    assert {len(capture.key_frames) for capture in captures} == found
