"""The chat template: Qwen2.5-VL's format, and which tokens count as the assistant's."""

import json

import PIL.Image
import pytest

from emotion_qwen.processing import EmotionQwenProcessor, load_chat_template

SYSTEM = "<|im_start|>system\nYou are a helpful assistant.<|im_end|>\n"


def render(processor: EmotionQwenProcessor, messages: list[dict], **kwargs) -> str:
    return processor.apply_chat_template(messages, **kwargs)


def test_it_is_qwens_format(processor: EmotionQwenProcessor):
    messages = [
        {"role": "user", "content": [{"type": "image"}, {"type": "video"}, {"type": "text", "text": "What is it?"}]},
        {"role": "assistant", "content": [{"type": "text", "text": "A cat."}]},
        {"role": "user", "content": "Why?"},
    ]
    assert render(processor, messages, add_generation_prompt=True) == (
        SYSTEM + "<|im_start|>user\n<|vision_start|><|image_pad|><|vision_end|><|vision_start|><|video_pad|>"
        "<|vision_end|>What is it?<|im_end|>\n<|im_start|>assistant\nA cat.<|im_end|>\n"
        "<|im_start|>user\nWhy?<|im_end|>\n<|im_start|>assistant\n"
    )


def test_it_marks_what_the_assistant_says_as_trainers_expect():
    assert "{% generation %}" in load_chat_template()


def test_a_system_message_replaces_the_default(processor: EmotionQwenProcessor):
    for content in ("Be brief.", [{"type": "text", "text": "Be brief."}]):
        text = render(processor, [{"role": "system", "content": content}, {"role": "user", "content": "Hi"}])
        assert text == "<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\nHi<|im_end|>\n"


@pytest.mark.parametrize(
    ("part", "pads"),
    [
        ({"type": "image", "image": "a.jpg", "video": None, "text": None}, 1),
        ({"type": "image_url", "image_url": {"url": "a.jpg"}}, 1),
        ({"image": "a.jpg"}, 1),
        ({"video": "a.mp4", "image": None}, 1),
        ({"type": "video", "video": "a.mp4", "image": None, "text": None, "fps": 3}, 1),
        ({"type": "text", "text": "x", "image": None, "video": None}, 0),
        ({"type": "text", "text": None}, 0),
    ],
)
def test_null_keys_and_missing_types(processor: EmotionQwenProcessor, part: dict, pads: int):
    text = render(processor, [{"role": "user", "content": [part]}])
    assert text.count("_pad|>") == pads
    assert "None" not in text


def test_pictures_can_be_numbered(processor: EmotionQwenProcessor):
    messages = [{"role": "user", "content": [{"type": "image"}, {"type": "video"}, {"type": "image"}]}]
    text = render(processor, messages, add_vision_id=True)
    assert [label in text for label in ("Picture 1: ", "Picture 2: ", "Video 1: ")] == [True] * 3
    assert "Picture" not in render(processor, messages)


@pytest.mark.parametrize("content", [None, "", []])
def test_a_message_without_content(processor: EmotionQwenProcessor, content: object):
    text = render(processor, [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": content}])
    assert text.endswith("<|im_start|>assistant\n<|im_end|>\n")


def test_text_stays_as_it_is(processor: EmotionQwenProcessor):
    said = "  two spaces\n\n{{ braces }} <b>&amp;</b> 高兴 \n"
    text = render(processor, [{"role": "user", "content": said}, {"role": "assistant", "content": said}])
    assert text.count(said) == 2


@pytest.mark.parametrize("padding_side", ["left", "right"])
def test_the_assistants_tokens_are_its_content_and_its_end(processor: EmotionQwenProcessor, padding_side: str):
    picture = PIL.Image.new("RGB", (60, 60))
    conversations = [
        [
            {"role": "user", "content": [{"type": "image", "image": picture}, {"type": "text", "text": "Which?"}]},
            {"role": "assistant", "content": [{"type": "text", "text": "happy"}]},
            {"role": "user", "content": "And 中文?"},
            {"role": "assistant", "content": "高兴"},
        ],
        [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}],
    ]
    output = processor.apply_chat_template(
        conversations,
        tokenize=True,
        return_dict=True,
        return_tensors="pt",
        return_assistant_tokens_mask=True,
        processor_kwargs={"padding": True, "padding_side": padding_side},
    )
    assert output["image_grid_thw"].tolist() == [[1, 4, 4]]
    said = ["happy<|im_end|>高兴<|im_end|>", "Hello<|im_end|>"]
    for ids, mask, expected in zip(output["input_ids"], output["assistant_masks"].bool(), said, strict=True):
        assert ids[mask].tolist() == processor.tokenizer(expected)["input_ids"]


def test_tokens_are_marked_with_and_without_tensors(processor: EmotionQwenProcessor):
    messages = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]
    asked = {"tokenize": True, "return_dict": True, "return_assistant_tokens_mask": True}
    lists = processor.apply_chat_template([messages], **asked)
    tensors = processor.apply_chat_template([messages], return_tensors="pt", **asked)
    assert isinstance(lists["assistant_masks"], list) and sum(lists["assistant_masks"][0]) > 0
    assert {name: value.tolist() for name, value in tensors.items()} == dict(lists)


def test_a_conversation_that_is_not_tokenized_stays_text(processor: EmotionQwenProcessor):
    messages = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]
    text = processor.apply_chat_template(messages, return_dict=True, return_tensors="pt")
    assert text == render(processor, messages)


def test_messages_from_a_table_with_nulls_count_their_media_once(processor: EmotionQwenProcessor, gray_clip: str):
    parts = [
        {"type": "video", "video": gray_clip, "image": None, "text": None, "url": None, "path": None},
        {"type": "text", "video": None, "image": None, "text": "Which?", "url": None, "path": None},
    ]
    messages = [{"role": "user", "content": parts}]
    before = json.dumps(messages)
    output = processor.apply_chat_template(messages, tokenize=True, return_dict=True, return_tensors="pt")
    assert output["video_grid_thw"].tolist() == [[3, 4, 4]]
    assert (output["input_ids"] == processor.video_token_id).sum() == 12
    assert json.dumps(messages) == before


def test_parts_without_a_type_bring_their_media(processor: EmotionQwenProcessor, gray_clip: str):
    messages = [{"role": "user", "content": [{"video": gray_clip}, {"text": "Which?"}]}]
    output = processor.apply_chat_template(messages, tokenize=True, return_dict=True, return_tensors="pt")
    assert output["video_grid_thw"].tolist() == [[3, 4, 4]]


def test_the_last_message_can_be_continued(processor: EmotionQwenProcessor):
    messages = [
        {"role": "user", "content": "Hi"},
        {"role": "assistant", "content": [{"type": "text", "text": "I see"}]},
    ]
    assert render(processor, messages, continue_final_message=True).endswith("<|im_start|>assistant\nI see")


def test_the_tokenizer_alone_marks_the_same_tokens(processor: EmotionQwenProcessor):
    """TRL calls the tokenizer's own method where there are no pictures."""
    messages = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]
    output = processor.tokenizer.apply_chat_template(
        messages,
        chat_template=processor.chat_template,
        tokenize=True,
        return_dict=True,
        return_assistant_tokens_mask=True,
    )
    said = [token for token, mask in zip(output["input_ids"], output["assistant_masks"], strict=True) if mask]
    assert said == processor.tokenizer("Hello<|im_end|>")["input_ids"]
