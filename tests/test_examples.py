"""What the examples' own page says of them."""

import json
import re
import shlex
from pathlib import Path

import av

from emotion_qwen.train.synthetic import render_clip

EXAMPLES = Path(__file__).parents[1] / "examples"
PAGE = (EXAMPLES / "README.md").read_text(encoding="utf-8")
TRUTH = json.loads((EXAMPLES / "clip.json").read_text(encoding="utf-8"))


def frames_of(clip: Path) -> list[av.VideoFrame]:
    with av.open(str(clip)) as container:
        return list(container.decode(video=0))


def test_every_file_is_named():
    named = set(re.findall(r"^\| `([^`]+)` \|", PAGE, flags=re.MULTILINE))
    assert named == {file.name for file in EXAMPLES.iterdir()} - {"README.md"}


def test_the_truth_is_of_the_clip():
    frames = frames_of(EXAMPLES / TRUTH["media"])
    assert len(frames) == TRUTH["frames"] == len(TRUTH["face_boxes"])
    assert {(frame.width, frame.height) for frame in frames} == {(448, 448)}
    assert frames[TRUTH["apex_frame"]].time == TRUTH["apex_time"]


def test_the_command_renders_the_same_person_and_expressions_at_the_same_times(tmp_path):
    (command,) = re.findall(r"^python -m emotion_qwen\.train\.synthetic\.render_clip (.+)$", PAGE, flags=re.MULTILINE)
    small = ["--output", str(tmp_path / "clip.mp4"), "--size", "64", "--fps", "5"]
    render_clip.main(shlex.split(command) + small)
    truth = json.loads((tmp_path / "clip.json").read_text(encoding="utf-8"))
    assert len(frames_of(tmp_path / "clip.mp4")) == truth["frames"]
    for key in ("identity", "split", "label", "intensity", "action_units", "apex_time"):
        assert truth[key] == TRUTH[key], key
    shown, expected = (
        [(event["label"], event["action_units"]) for event in record["events"]] for record in (truth, TRUTH)
    )
    assert shown == expected
