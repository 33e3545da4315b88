import numpy as np
import pytest

from emotion_qwen.train.data.rendered_source import RenderedSource
from emotion_qwen.train.data.sources import build_sources


@pytest.mark.parametrize("kind, shown", [("image", "image"), ("video", "video"), ("still_video", "video")])
def test_outlines_name_the_kind_that_is_shown(faces, kind, shown):
    source = RenderedSource({"folder": str(faces), "samples": 4, "side": 80, "kind": kind}, seed=0)
    assert {outline.media[0][0] for outline in source.outlines()} == {shown}
    assert {part["type"] for index in range(4) for part in source.sample(index, 0)["messages"][0]["content"]} == {
        shown,
        "text",
    }


def test_two_sources_of_one_folder_show_different_pictures(faces):
    item = {"reader": "rendered", "folder": str(faces), "samples": 4, "side": 80}
    first, second = build_sources([item, item], seed=0)
    shown = [
        [np.asarray(source.sample(i, 0)["messages"][0]["content"][0]["image"]) for i in range(4)]
        for source in (first, second)
    ]
    assert not any(np.array_equal(one, other) for one, other in zip(*shown, strict=True))
    (again, _) = build_sources([item, item], seed=0)
    assert again.sample(0, 0)["messages"][1:] == first.sample(0, 0)["messages"][1:]
