"""From conversations to model inputs: mixed batches, decoding, times, stored faces, and the printed sample."""

import pytest
import torch
from PIL import Image

from emotion_qwen.processing import FaceCapture, FacialEmotionCapture, MediaError
from emotion_qwen.processing.face_capture import Face, KeyFrame
from emotion_qwen.processing.precompute import MediaCapturer, list_media, precompute_faces
from emotion_qwen.train.collator import IGNORED, ConversationCollator, show_sample
from emotion_qwen.train.data.decoding import SampleDecoder
from emotion_qwen.train.data.entries import SampleError
from emotion_qwen.train.data.sources import build_source

from ...modeling_emotion_qwen.tiny_checkpoint import write_portrait
from .conftest import write_clip, write_picture

LENGTHS = {"pixel_values": "image_grid_thw", "pixel_values_videos": "video_grid_thw"}


def chat(*media, answer="Yes.") -> dict:
    content = [*media, {"type": "text", "text": "Well?"}]
    return {
        "messages": [
            {"role": "user", "content": content},
            {"role": "assistant", "content": [{"type": "text", "text": answer}]},
        ]
    }


def image(path) -> dict:
    return {"type": "image", "image": str(path)}


def video(path) -> dict:
    return {"type": "video", "video": str(path)}


def known_face(box=(8.0, 8.0, 24.0, 24.0)) -> FaceCapture:
    middle = ((16.0, 16.0),) * 5
    face = Face(box, middle, 1.0, (0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0), 0)
    return FaceCapture((32, 32), None, None, ((face,),), (KeyFrame(0, None, "happy", 1.0, (box,), (0,)),))


@pytest.fixture
def media(tmp_path):
    write_picture(tmp_path / "a.png"), write_clip(tmp_path / "b.mp4")
    return tmp_path


@pytest.mark.parametrize("captured", [True, False])
def test_pictures_clips_and_text_share_a_batch_and_no_sample_changes_another(media, processor, captured):
    samples = [
        chat(answer="A text."),
        chat(image(media / "a.png")) | {"face_captures": [known_face().to_dict()]},
        chat(video(media / "b.mp4"), answer="A longer answer about a clip."),
        chat(video(media / "b.mp4"), image(media / "a.png")) | {"face_captures": [None, known_face()]},
    ]
    collate = ConversationCollator(processor, captured)
    batch, alone = collate(samples), [collate([sample]) for sample in samples]
    assert batch["image_grid_thw"][:, 0].tolist() == ([2, 2] if captured else [1, 1])
    for row, single in enumerate(alone):
        length = single["input_ids"].shape[1]
        for name in ("input_ids", "labels", "attention_mask", "mm_token_type_ids"):
            assert torch.equal(batch[name][row, :length], single[name][0])
        assert not batch["attention_mask"][row, length:].any()
        assert (batch["labels"][row, length:] == IGNORED).all()
    for name in ("pixel_values", "image_grid_thw", "pixel_values_videos", "video_grid_thw", "second_per_grid_ts"):
        assert torch.equal(batch[name], torch.cat([single[name] for single in alone if name in single])), name


def test_a_batch_of_text_alone_has_no_pixels(processor):
    batch = ConversationCollator(processor)([chat(), chat(answer="No.")])
    assert not any("pixel" in name or "grid" in name for name in batch)


def test_decoding_beforehand_changes_nothing(media, processor):
    samples = [chat(video(media / "b.mp4")), chat(image(media / "a.png")), chat()]
    decode = SampleDecoder(processor)
    decoded = [decode(sample) for sample in samples]
    collate = ConversationCollator(processor)
    expected, batch = collate(samples), collate(decoded)
    assert expected.keys() == batch.keys()
    assert all(torch.equal(expected[name], batch[name]) for name in expected)


@pytest.mark.parametrize(("frames", "fps"), [(60, 30), (50, 25), (24, 12)])
def test_tokens_of_a_clip_have_its_own_times(frames, fps, tmp_path, processor):
    write_clip(tmp_path / "clip.mp4", frames, fps)
    messages = SampleDecoder(processor)(chat(video(tmp_path / "clip.mp4")))["messages"]
    (metadata,) = [part["video_metadata"] for part in messages[0]["content"] if part["type"] == "video"]
    batch = ConversationCollator(processor)([{"messages": messages}])
    assert len(metadata.frames_indices) == 6
    assert batch["video_grid_thw"][0, 0] == 3
    assert batch["second_per_grid_ts"].tolist() == pytest.approx([2 / 3])  # two frames of three a second


def test_frames_have_the_rate_that_is_said_of_them_or_else_the_processors(tmp_path, processor):
    frames = [str(write_picture(tmp_path / f"{number}.png", 10 * number)) for number in range(12)]
    at_twelve, unknown = (
        SampleDecoder(processor)(chat({"type": "video", "video": frames, **rate})) for rate in ({"fps": 12}, {})
    )
    batch = ConversationCollator(processor)([at_twelve, unknown])
    assert batch["video_grid_thw"][:, 0].tolist() == [2, 6]
    assert batch["second_per_grid_ts"].tolist() == pytest.approx([0.5, 2 / 3])


def test_nulls_and_missing_types_of_a_table_are_no_media(media, processor):
    path = str(media / "b.mp4")
    filled = [
        {"role": "user", "content": [
            {"type": "video", "video": path, "image": None, "text": None},
            {"type": None, "video": None, "image": None, "text": "Well?"},
        ]},
        {"role": "assistant", "content": [{"type": "text", "text": "Yes.", "video": None, "image": None}]},
    ]  # fmt: skip
    collate = ConversationCollator(processor)
    expected = collate([chat(video(path))])
    batch = collate([{"messages": filled, "face_captures": None}])
    assert all(torch.equal(expected[name], batch[name]) for name in expected)


def test_pixels_stored_in_a_table_are_read(media, processor):
    decode, collate = SampleDecoder(processor), ConversationCollator(processor)
    for name, part in (("a.png", image), ("b.mp4", video)):
        expected = part(media / name)
        kind = expected["type"]
        stored = {"type": kind, kind: {"bytes": (media / name).read_bytes(), "path": None}}
        batches = [collate([decode(chat(each))]) for each in (expected, stored)]
        assert all(torch.equal(batches[0][key], batches[1][key]) for key in batches[0])


@pytest.mark.parametrize("name", ["gone.png", "gone.mp4", "cut.mp4", "text.png"])
def test_what_can_not_be_read_is_named(name, media, processor):
    (media / "cut.mp4").write_bytes((media / "b.mp4").read_bytes()[:200])
    (media / "text.png").write_text("no picture")
    part = image(media / name) if name.endswith("png") else video(media / name)
    with pytest.raises(MediaError, match=name):
        SampleDecoder(processor)(chat(part))


def test_a_strip_is_no_sample_and_does_not_spoil_a_batch(tmp_path, processor):
    decode = SampleDecoder(processor)
    for length, name in ((200, "long.png"), (201, "longer.png")):
        Image.new("RGB", (length, 1)).save(tmp_path / name)
    ConversationCollator(processor)([decode(chat(image(tmp_path / "long.png")))])
    with pytest.raises(MediaError, match="longer.png', is 201×1"):
        decode(chat(image(tmp_path / "longer.png")))
    stored = {"type": "video", "video": [Image.new("RGB", (4, 900))] * 2}
    with pytest.raises(MediaError, match="in a table, is 4×900"):
        decode(chat(stored))


@pytest.mark.parametrize("mark", ["<|image_pad|>", "<|im_end|>"])
def test_a_text_that_would_mark_up_the_conversation_is_no_sample(mark, processor):
    with pytest.raises(SampleError, match="marks up the conversation"):
        SampleDecoder(processor)(chat(answer=f"Yes.{mark}"))


@pytest.mark.parametrize(
    ("captures", "message"),
    [
        ([None, None], "2 face captures for 1"),
        ([known_face()], "captured in 1 frames of 32×32, but there are 4 of 32×32"),
        ([{"faces": []}], "not a stored FaceCapture"),
    ],
)
def test_faces_of_other_frames_are_told_before_they_are_in_a_batch(captures, message, media, processor):
    with pytest.raises(SampleError, match=message):
        SampleDecoder(processor)(chat(video(media / "b.mp4")) | {"face_captures": captures})


def test_faces_that_were_stored_are_not_captured_again(media, processor, monkeypatch):
    write_portrait(media / "c.png")
    (media / "labels.csv").write_text("path,label\nb.mp4,sad\nc.png,happy\n")
    capturer = MediaCapturer(processor.image_processor, processor.video_processor)
    precompute_faces(list_media(media), media / "stored", capturer)
    settings = {"reader": "csv", "path": str(media / "labels.csv")}
    sources = [
        build_source(settings | faces, 0, processor) for faces in ({}, {"face_captures": str(media / "stored")})
    ]
    fresh, stored = ([SampleDecoder(processor)(source.sample(index, 0)) for index in (0, 1)] for source in sources)
    collate = ConversationCollator(processor)
    expected = collate(fresh)
    assert expected["image_grid_thw"][0, 0] == 2
    looked = []
    monkeypatch.setattr(FacialEmotionCapture, "capture_batch", lambda fec, clips, *_: looked.extend(clips) or [])
    batch = collate(stored)
    assert not looked
    assert all(torch.equal(expected[name], batch[name]) for name in expected)


def test_a_conversation_without_an_answer_is_refused(processor):
    silent = {"messages": [{"role": "user", "content": "Hello?"}]}
    with pytest.raises(ValueError, match="nothing in sample 1"):
        ConversationCollator(processor)([chat(), silent])


def test_captures_must_be_as_many_as_the_media(media, processor):
    with pytest.raises(ValueError, match="shorter|longer"):
        ConversationCollator(processor)([chat(image(media / "a.png")) | {"face_captures": [None, None]}])


def test_a_sample_is_shown_as_it_is_read_with_what_is_learnt_marked(tmp_path, processor):
    Image.new("RGB", (56, 56), "red").save(tmp_path / "red.png")
    long = chat(answer="A much longer answer, which pads the other.")
    batch = ConversationCollator(processor, False)([chat(image(tmp_path / "red.png")), long])
    assert show_sample(batch, processor) == (
        "<|im_start|>system\nYou are a helpful assistant.<|im_end|>\n"
        "<|im_start|>user\n<|vision_start|><|image_pad|>×4<|vision_end|>Well?<|im_end|>\n"
        "<|im_start|>assistant\n»Yes.<|im_end|>«\n"
    )
