import dataclasses
import json

import pytest

from emotion_qwen.processing.face_capture import EMOTIONS, Face, FaceCapture, KeyFrame


def face(label: str, track: int, score: float = 0.5) -> Face:
    probabilities = tuple(0.7 if name == label else 0.05 for name in EMOTIONS)
    return Face((1.0, 2.0, 3.1, 4.7), ((1.5, 2.5),) * 5, score, probabilities, track)


@pytest.fixture
def capture() -> FaceCapture:
    return FaceCapture(
        frame_size=(48, 64),
        fps=3.0,
        timestamps=(0.0, 1 / 3, 2 / 3),
        faces=((face("happy", 0), face("sad", 1, 1.0)), (), (face("angry", 1, 0.1 + 0.2),)),
        key_frames=(
            KeyFrame(0, 0.0, "neutral", 0.9, ((1.0, 2.0, 3.1, 4.7),), (1,)),
            KeyFrame(2, 2 / 3, "sad", 0.7, (), ()),
        ),
    )


def test_round_trip_is_exact(capture):
    stored = capture.to_dict()
    assert json.loads(json.dumps(stored)) == stored
    assert FaceCapture.from_dict(json.loads(json.dumps(stored))) == capture
    assert hash(FaceCapture.from_dict(stored)) == hash(capture)


def test_an_empty_capture_survives_too():
    empty = FaceCapture((1, 1), None, None, (), ())
    assert FaceCapture.from_dict(json.loads(json.dumps(empty.to_dict()))) == empty
    assert empty.timeline() == () and empty.tracks == {} and empty.dominant() is None


def test_it_is_a_value(capture):
    with pytest.raises(dataclasses.FrozenInstanceError):
        capture.fps = 5.0


def test_timeline_is_the_highest_score_among_the_faces(capture):
    timeline = capture.timeline()
    assert len(timeline) == 3
    by_label = dict(zip(EMOTIONS, timeline[0], strict=True))
    assert by_label["happy"] == 0.7 * 0.5
    assert by_label["sad"] == 0.7
    assert timeline[1] == (0.0,) * 7


def test_timeline_of_one_person(capture):
    sad, absent, angry = capture.timeline(track=1)
    assert sad[EMOTIONS.index("sad")] == 0.7
    assert absent == (0.0,) * 7
    assert angry[EMOTIONS.index("angry")] == 0.7


def test_timelines_and_key_frames_of_each_person(capture):
    assert capture.timelines() == {0: capture.timeline(0), 1: capture.timeline(1)}
    assert capture.key_frames_of(1) == capture.key_frames[:1]
    assert capture.key_frames_of(0) == ()


def test_tracks_list_the_frames_of_each_person(capture):
    assert capture.tracks == {0: (0,), 1: (0, 2)}


def test_dominant_prefers_an_emotion_to_neutral(capture):
    assert capture.dominant() == ("sad", 0.7)


@pytest.mark.parametrize("data", [{}, {"faces": []}, {"frame_size": None}])
def test_other_dicts_are_refused(data):
    with pytest.raises(ValueError, match="not a stored FaceCapture"):
        FaceCapture.from_dict(data)


def test_a_damaged_capture_is_refused(capture):
    stored = capture.to_dict()
    del stored["faces"][0][0]["box"]
    with pytest.raises(ValueError, match="box"):
        FaceCapture.from_dict(stored)
