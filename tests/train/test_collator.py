import pytest

from emotion_qwen.processing import EmotionQwenProcessor, FacialEmotionCapture
from emotion_qwen.train.collator import IGNORED, ConversationCollator
from emotion_qwen.train.rendered_conversations import RenderedConversations, RenderedSettings


@pytest.fixture(scope="module")
def processor(nano) -> EmotionQwenProcessor:
    return EmotionQwenProcessor.from_pretrained(nano)


def conversations(faces, **settings) -> RenderedConversations:
    return RenderedConversations(RenderedSettings(folder=str(faces), samples=4, side=80, **settings), seed=0)


def said(processor, labels) -> list[str]:
    return [processor.tokenizer.decode(row[row != IGNORED]) for row in labels]


@pytest.mark.parametrize(
    "source",
    [{}, {"kind": "video"}, {"task": "words"}, {"task": "moving", "kind": "video"}],
    ids=["stills", "clips", "words", "moving"],
)
def test_labels_are_the_assistants_words_and_nothing_else(faces, processor, source):
    drawn = conversations(faces, **source)
    samples = [drawn.draw(index) for index in range(4)]
    batch = ConversationCollator(processor)(samples)
    answers = [sample["messages"][1]["content"][0]["text"] for sample in samples]
    assert said(processor, batch["labels"]) == [f"{answer}<|im_end|>" for answer in answers]
    learnt = batch["labels"] != IGNORED
    assert (batch["labels"][learnt] == batch["input_ids"][learnt]).all()


def test_a_known_face_adds_a_masked_copy(faces, processor):
    drawn = conversations(faces)
    with_faces, without = (
        ConversationCollator(processor, facial_emotion_capture=captured)([drawn.draw(0)]) for captured in (True, False)
    )
    assert with_faces["image_grid_thw"][0, 0] == 2
    assert without["image_grid_thw"][0, 0] == 1


def test_faces_are_looked_for_only_where_none_were_captured_before(faces, processor, monkeypatch):
    looked, capture = [], FacialEmotionCapture.capture_batch

    def noted(fec, clips, *arguments):
        looked.extend(clips)
        return capture(fec, clips, *arguments)

    monkeypatch.setattr(FacialEmotionCapture, "capture_batch", noted)
    sample = conversations(faces).draw(0)
    ConversationCollator(processor)([sample])
    assert not looked
    ConversationCollator(processor)([{"messages": sample["messages"]}])
    assert len(looked) == 1


def test_each_sample_is_drawn_anew_and_is_the_same_whenever_it_is_asked_for(faces):
    first, second = conversations(faces), conversations(faces)
    drawn = [first.draw(index)["messages"] for index in range(4)]
    assert drawn == [second.draw(index)["messages"] for index in reversed(range(4))][::-1]
    assert any(messages != drawn[0] for messages in drawn[1:])


def test_a_folder_without_such_records_is_refused(faces):
    with pytest.raises(ValueError, match="has no record"):
        conversations(faces, task="shapes", kind="video")
