import json

import pytest

from emotion_qwen.inference.adapter_purpose import AdapterPurpose
from emotion_qwen.train.adapter_purpose import purpose_of
from emotion_qwen.train.data.source import Outline
from emotion_qwen.train.data.sources import build_source

from .data.conftest import write_picture

DFEW = ("happy", "sad", "neutral")
PICTURE, CLIP, TEXT = Outline((("image", "a.jpg"),)), Outline((("video", "a.mp4"),)), Outline()


class Data:
    def __init__(self, labels=None, open_questions=False, outlines=(PICTURE,)):
        self.labels = labels
        self.open_questions = open_questions
        self._outlines = outlines

    def outlines(self):
        yield from self._outlines


@pytest.mark.parametrize(
    ("sources", "purpose"),
    [
        ([Data(DFEW)], AdapterPurpose(DFEW, False, "image")),
        ([Data(DFEW), Data(DFEW[::-1])], AdapterPurpose(DFEW, False, "image")),
        ([Data(DFEW), Data(("awe", "fear"))], AdapterPurpose(None, True, "image")),
        ([Data(DFEW, outlines=(CLIP, CLIP)), Data(None, True, (CLIP,))], AdapterPurpose(DFEW, True, "video")),
        ([Data(DFEW, outlines=(CLIP, PICTURE))], AdapterPurpose(DFEW, False, None)),
        ([Data(DFEW), Data(None, True, (TEXT,))], AdapterPurpose(DFEW, True, None)),
        ([Data(DFEW, outlines=(CLIP, Outline(fault="There is no b.jpg.")))], AdapterPurpose(DFEW, False, "video")),
        ([Data()], None),
    ],
)
def test_the_data_tells_what_an_adapter_answers(sources, purpose):
    assert purpose_of(sources) == purpose


def test_a_stream_is_not_read_to_find_its_kinds_of_media():
    assert purpose_of([Data(DFEW, outlines=None)], streaming=True) == AdapterPurpose(DFEW, False, None)


def test_files_with_labels_and_conversations_tell_what_they_ask(tmp_path):
    for label in ("bored", "keen"):
        write_picture(tmp_path / label / "1.png")
    labelled = build_source({"reader": "folder_per_label", "path": str(tmp_path)}, 0)
    assert purpose_of([labelled]) == AdapterPurpose(("bored", "keen"), False, "image")
    turns = [{"role": "user", "content": "<image>Why?"}, {"role": "assistant", "content": "He yawns."}]
    record = {"image": str(tmp_path / "keen" / "1.png"), "conversations": turns}
    (tmp_path / "talk.json").write_text(json.dumps([record]))
    open_source = build_source({"reader": "conversations", "path": str(tmp_path / "talk.json")}, 0)
    assert purpose_of([open_source]) == AdapterPurpose(None, True, "image")
