import pytest

from emotion_qwen.train.data.rendered_source import RenderedSource


@pytest.mark.parametrize("kind, shown", [("image", "image"), ("video", "video"), ("still_video", "video")])
def test_outlines_name_the_kind_that_is_shown(faces, kind, shown):
    source = RenderedSource({"folder": str(faces), "samples": 4, "side": 80, "kind": kind}, seed=0)
    assert {outline.media[0][0] for outline in source.outlines()} == {shown}
    assert {part["type"] for index in range(4) for part in source.sample(index, 0)["messages"][0]["content"]} == {
        shown,
        "text",
    }
