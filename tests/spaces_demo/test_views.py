"""What parts of the page draw, from made-up faces and answers: no model is loaded."""

import re
from types import SimpleNamespace

import pytest

ANSWER = SimpleNamespace(
    label="surprise", probabilities={"surprise": 0.24, "happy": 0.2}, adapter=None, gate=None, text="It is light."
)


@pytest.fixture
def view(module, monkeypatch):
    """Imports one of the Space's views, which then names emotions as they are written in code."""

    def load(name: str):
        loaded = module(name)
        monkeypatch.setattr(loaded, "label_name", lambda label, language: label)
        return loaded

    return load


def faces(seen: dict[int, int], owners: tuple[int, ...] = ()) -> SimpleNamespace:
    """Faces as the analyzer reports them.

    Args:
        seen: For each track the number of frames in which it is seen, of 20.
        owners: Track of each key frame.
    """
    return SimpleNamespace(
        labels=("happy", "sad"),
        has_faces=bool(seen),
        tracks={track: tuple(range(frames)) for track, frames in seen.items()},
        timeline=lambda track: tuple((0.7, 0.3) if frame < seen[track] else (0.0, 0.0) for frame in range(20)),
        key_frames=tuple(SimpleNamespace(label="happy", frame=0, tracks=(track, 1)) for track in owners),
    )


def timeline(view, capture: SimpleNamespace, language: str = "en") -> str:
    return view("timeline_view").timeline_html(capture, tuple(frame / 5 for frame in range(20)), language)


def people(html: str) -> list[int]:
    return [int(number) for number in re.findall(r"<span>(?:Person|人物) (\d+)</span>", html)]


def test_a_face_s_emotion_is_a_headline_in_its_color(view):
    html = view("verdict_view").verdict_html(ANSWER, "nano", "en")
    assert "<h2>Apparent emotion</h2>" in html and '<p class="eq-label"><i class="eq-surprise"></i>' in html
    assert "No face" not in html and "eq-guess" not in html


@pytest.mark.parametrize(
    ("language", "heading", "apparent"),
    [
        ("en", "No face was found: the model's guess about the scene", "Apparent emotion"),
        ("zh", "没有发现人脸：以下是模型对画面的猜测", "表露出的情绪"),
    ],
)
def test_without_a_face_the_emotion_is_a_guess_in_small_letters(view, language, heading, apparent):
    html = view("verdict_view").verdict_html(ANSWER, "nano", language, has_faces=False)
    assert f"<h2>{heading}</h2>" in html and '<p class="eq-guess">surprise 24%</p>' in html
    assert apparent not in html and "eq-label" not in html and html.count(heading) == 1


@pytest.mark.parametrize("capture", ["on", "off", "both"])
@pytest.mark.parametrize("has_faces", [True, False])
def test_every_verdict_on_a_file_says_whether_there_was_a_face(module, view, capture, has_faces):
    view("verdict_view")
    seen = SimpleNamespace(capture=faces({1: 5} if has_faces else {}))
    step = SimpleNamespace(seen=seen, analyses=(ANSWER, ANSWER) if capture == "both" else (ANSWER,))
    html = module("page_parts").verdicts_of(step, capture, "en")
    assert html.count("No face was found") == (0 if has_faces else len(step.analyses))
    assert html.count("eq-label") == (len(step.analyses) if has_faces else 0)
    assert ("Without Facial Emotion Capture" in html) == (capture == "both")


def test_eight_people_are_all_shown_and_nothing_is_said_of_it(view):
    html = timeline(view, faces(dict.fromkeys(range(1, 9), 5), owners=(8,)))
    assert people(html) == list(range(1, 9)) and "are shown" not in html


@pytest.mark.parametrize(
    ("language", "said"),
    [("en", "8 of 12 people are shown"), ("zh", "共 12 个人，此处显示 8 个")],
)
def test_of_many_people_those_with_key_frames_come_first_and_the_rest_is_told(view, language, said):
    seen = {track: 20 - track for track in range(1, 13)}
    html = timeline(view, faces(seen, owners=(10, 12)), language)
    assert people(html) == [1, 2, 3, 4, 5, 6, 10, 12]
    assert html.count("eq-mark") == 2 and said in html and "JSON" in html


def test_every_key_frame_has_its_mark_however_many_people_have_one(view):
    html = timeline(view, faces(dict.fromkeys(range(1, 13), 5), owners=tuple(range(2, 13))))
    assert people(html) == list(range(2, 13)) and html.count("eq-mark") == 11
    assert "11 of 12 people are shown" in html
