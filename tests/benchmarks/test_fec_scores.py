import numpy as np
import pytest
from fec_scores import Score, count_key_frames, count_tracks, who_is_who

from emotion_qwen.processing import FaceCapture
from emotion_qwen.processing.face_capture import Face
from emotion_qwen.processing.key_frames import Peak
from emotion_qwen.train.synthetic.expressions import Expression
from emotion_qwen.train.synthetic.groups import GroupClip, Member
from emotion_qwen.train.synthetic.head_identity import sample_person
from emotion_qwen.train.synthetic.performance import ClipEvent

LEFT, RIGHT = (10.0, 10.0, 30.0, 40.0), (60.0, 10.0, 80.0, 40.0)
FRAMES = 8


def member(number: int, box: tuple, label: str, apex: int, visible: float = 1.0) -> Member:
    event = ClipEvent(Expression(label, 1.0, {}, {}), onset=apex - 3, apex=apex, offset=apex + 3, hold=0)
    return Member(sample_person(number), (event,), (box,) * FRAMES, (visible,) * FRAMES)


def clip(*members: Member) -> GroupClip:
    return GroupClip(np.zeros((FRAMES, 50, 90, 3), np.uint8), 3.0, members, "still", ())


def captured(*tracks: tuple) -> FaceCapture:
    """Each track is one box in every frame, or a list of boxes."""
    boxes = [track if isinstance(track, list) else [track] * FRAMES for track in tracks]
    faces = tuple(
        tuple(
            Face(of_track[frame], ((0.0, 0.0),) * 5, 1.0, (1.0,) * 7, number) for number, of_track in enumerate(boxes)
        )
        for frame in range(FRAMES)
    )
    return FaceCapture((50, 90), 3.0, tuple(frame / 3 for frame in range(FRAMES)), faces, ())


def scored(group: GroupClip, capture: FaceCapture, *peaks: Peak) -> Score:
    score = Score()
    seen = who_is_who(group, capture)
    count_key_frames(score, group, seen, list(peaks))
    count_tracks(score, group, seen)
    return score


PAIR = clip(member(0, LEFT, "happy", 3), member(1, RIGHT, "sad", 4))


@pytest.mark.parametrize("frame, found", [(1, 0), (2, 1), (4, 1), (5, 0)])
def test_an_apex_is_found_by_a_key_frame_at_most_one_frame_away(frame, found):
    alone = clip(member(0, LEFT, "happy", 3))
    score = scored(alone, captured(LEFT), Peak(frame, 0, "happy", 0.9))
    assert (score.apexes, score.found, score.named, score.right) == (1, found, found, 1)
    assert score.offsets == [1] * found


def test_a_key_frame_near_an_apex_of_another_person_finds_it_but_does_not_name_it():
    score = scored(PAIR, captured(LEFT, RIGHT), Peak(3, 0, "happy", 0.9))
    assert (score.apexes, score.found, score.named, score.key_frames, score.right) == (2, 2, 1, 1, 1)


def test_a_wrong_label_and_nobodys_face_are_not_right():
    nowhere = (40.0, 42.0, 50.0, 49.0)
    peaks = Peak(3, 0, "sad", 0.9), Peak(3, 1, "happy", 0.9)
    score = scored(PAIR, captured(LEFT, nowhere), *peaks)
    assert (score.key_frames, score.right, score.named) == (2, 0, 0)
    assert (score.people, score.tracks, score.faces) == (1, 1, FRAMES)


def test_a_hidden_apex_does_not_count():
    score = scored(clip(member(0, LEFT, "happy", 3, visible=0.5)), captured(LEFT), Peak(3, 0, "happy", 0.9))
    assert (score.apexes, score.recall, score.right) == (0, 0, 1)


def test_tracks_that_change_people_have_strayed():
    assert scored(PAIR, captured(LEFT, RIGHT)).strayed == 0
    score = scored(PAIR, captured([LEFT] * 6 + [RIGHT] * 2, [RIGHT] * 6 + [LEFT] * 2))
    assert (score.people, score.tracks, score.faces, score.strayed) == (2, 4, 2 * FRAMES, 4)
