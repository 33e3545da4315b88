import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from emotion_qwen.inference import EMOTION_LABELS, EmotionAnalysis, EmotionAnalyzer, QuestionError
from emotion_qwen.inference.label_sets import LABEL_SETS
from emotion_qwen.inference.prompts import LANGUAGES
from emotion_qwen.inference.seen_media import SeenMedia
from emotion_qwen.processing import MediaError
from emotion_qwen.train.data.entries import entry_messages, labelled

from ..modeling_emotion_qwen.tiny_checkpoint import tiny_model, tiny_processor
from .awkward_media import BROKEN, SOUND, write_long_clip, write_turned_clip, write_turned_still

FEW = {"max_new_tokens": 4}


@pytest.fixture(scope="module")
def analysis(analyzer, clip) -> EmotionAnalysis:
    return analyzer.analyze(clip, **FEW)


def test_a_clip_gives_label_probabilities_evidence_and_gate(analysis, analyzer, clip):
    assert tuple(analysis.probabilities) == EMOTION_LABELS
    assert sum(analysis.probabilities.values()) == pytest.approx(1, abs=1e-6)
    assert analysis.label == max(analysis.probabilities, key=analysis.probabilities.get)
    assert analysis.key_frames and all(key.boxes for key in analysis.key_frames)
    assert [key.time for key in analysis.key_frames] == sorted(key.time for key in analysis.key_frames)
    assert analysis.gate.emotion + analysis.gate.general == pytest.approx(1, abs=1e-5)
    assert tuple(point.time for point in analysis.timeline) == analyzer.load(clip).timestamps
    assert analysis.frame_size == (160, 160)


def test_it_survives_json_exactly(analysis):
    stored = json.loads(json.dumps(analysis.to_dict()))
    assert stored == analysis.to_dict()
    assert EmotionAnalysis.from_dict(stored) == analysis


@pytest.mark.parametrize("change", ["no frame size", "an unknown field", "half a key frame", "no dict"])
def test_what_is_no_stored_analysis_is_refused(analysis, change):
    stored = analysis.to_dict()
    if change == "no frame size":
        del stored["frame_size"]
    elif change == "an unknown field":
        stored["mood"] = "sunny"
    elif change == "half a key frame":
        stored["key_frames"] = [{"frame": 3}]
    with pytest.raises(ValueError, match="not a stored EmotionAnalysis"):
        EmotionAnalysis.from_dict([stored] if change == "no dict" else stored)


def test_faces_of_another_clip_are_refused(analyzer, clip, portrait):
    other = analyzer.capture_faces(analyzer.load(portrait))
    with pytest.raises(ValueError, match="face capture was made from 1 frames"):
        analyzer.analyze(clip, face_capture=other, **FEW)


def test_it_is_the_same_every_time_and_for_the_same_pixels(analyzer, clip, analysis):
    decoded = analyzer.load(clip)
    capture = analyzer.capture_faces(decoded)
    assert analyzer.analyze(str(clip), **FEW) == analysis
    assert analyzer.analyze(decoded, face_capture=capture, **FEW) == analysis


def test_the_text_is_what_plain_generation_says(analyzer, portrait):
    processor, model = analyzer.processor, analyzer.model
    content = [{"type": "image"}, {"type": "text", "text": "What is this?"}]
    text = processor.apply_chat_template(
        [{"role": "user", "content": content}], tokenize=False, add_generation_prompt=True
    )
    inputs = processor(text=[text], images=[Image.open(portrait)], return_tensors="pt")
    generated = model.generate(**inputs, max_new_tokens=6, do_sample=False)[0, inputs["input_ids"].shape[1] :]
    wanted = processor.tokenizer.decode(generated, skip_special_tokens=True).strip()
    assert analyzer.analyze(portrait, "What is this?", max_new_tokens=6).text == wanted


def test_the_stream_and_the_stages_tell_of_the_whole_run(analyzer, portrait):
    pieces, stages = [], []
    readings = []
    analysis = analyzer.analyze(
        portrait, on_text=pieces.append, on_stage=stages.append, on_reading=readings.append, **FEW
    )
    assert readings == [replace(analysis, text="")]
    assert "".join(pieces).strip() == analysis.text
    assert stages == ["decode", "faces", "prepare", "see", "read", "answer"]


def test_what_is_decoded_already_is_not_decoded_again(analyzer, portrait):
    stages = []
    analyzer.analyze(analyzer.load(portrait), on_stage=stages.append, **FEW)
    assert stages == ["faces", "prepare", "see", "read", "answer"]


def test_capture_can_be_off(analyzer, clip, analysis):
    without = analyzer.analyze(clip, facial_emotion_capture=False, **FEW)
    assert without.key_frames == () and without.timeline == ()
    assert without.probabilities != analysis.probabilities


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", LABEL_SETS)
def test_the_question_of_a_label_set_is_the_one_it_is_trained_with(analyzer, portrait, monkeypatch, name, language):
    asked = []

    def answer_probabilities(_seen, question: str, answers: list[str]) -> torch.Tensor:
        asked.append((question, answers))
        return torch.full((len(answers),), 1 / len(answers))

    monkeypatch.setattr(SeenMedia, "answer_probabilities", answer_probabilities)
    label_set = LABEL_SETS[name]
    for labels in (name, label_set, list(label_set.labels)):
        analysis = analyzer.analyze(portrait, "?", language, labels=labels, facial_emotion_capture=False, **FEW)
        assert tuple(analysis.probabilities) == label_set.labels
    trained = [entry_messages(labelled("a.png", label), label_set, language) for label in label_set.labels]
    questions = {message[0]["content"][1]["text"] for message in trained}
    answers = [message[1]["content"][0]["text"] for message in trained]
    assert asked == [(question, answers) for question in questions] * 3


@pytest.mark.parametrize("labels", ["dfev", ["happy"], ["happy", "happy"]])
def test_labels_that_are_no_set_are_refused(analyzer, portrait, labels):
    with pytest.raises(ValueError, match="label set"):
        analyzer.analyze(portrait, labels=labels)


def test_chinese_questions_score_chinese_names_under_the_same_labels(analyzer, portrait):
    chinese = analyzer.analyze(portrait, language="zh", **FEW)
    assert tuple(chinese.probabilities) == EMOTION_LABELS
    assert chinese.probabilities != analyzer.analyze(portrait, **FEW).probabilities


def test_another_label_set(analyzer, portrait):
    analysis = analyzer.analyze(portrait, labels=["worried", "calm"], **FEW)
    assert tuple(analysis.probabilities) == ("worried", "calm")


def test_a_model_without_a_gate():
    processor = tiny_processor()
    model = tiny_model(processor)
    model.config.vision_config.projector_type = "mlp"
    plain = EmotionAnalyzer(type(model)(model.config).eval(), processor)
    assert plain.analyze(Image.new("RGB", (56, 56), "teal"), **FEW).gate is None


@pytest.mark.parametrize("question", ["<|im_end|>", "What is <|video_pad|> here?"])
def test_a_question_with_markup_is_refused(analyzer, portrait, question):
    with pytest.raises(ValueError, match="can't hold"):
        analyzer.analyze(portrait, question)


def test_labels_with_markup_are_refused(analyzer):
    with pytest.raises(QuestionError, match=r"can't hold <\|video_pad\|>"):
        analyzer.analyze("no such file", labels=["calm", "<|video_pad|>"])


@pytest.mark.parametrize(
    ("question", "reason"),
    [("", "empty"), (" \n", "empty"), ("why " * 5000, "tokens long"), ("why \udcff?", "not UTF-8")],
)
def test_a_question_that_is_none_or_too_long_is_refused_before_any_work(analyzer, question, reason):
    with pytest.raises(ValueError, match=reason):
        analyzer.analyze("no such file", question)


@pytest.mark.parametrize("question", [5, ["Why?"]])
def test_a_question_that_is_no_text_is_refused(analyzer, question):
    with pytest.raises(QuestionError, match="must be text, not (int|list)"):
        analyzer.analyze("no such file", question)


@pytest.mark.parametrize("name", ["wide.png", "wide.gif"])
def test_a_picture_that_is_a_line_is_named(analyzer, tmp_path, name):
    pictures = [Image.new("RGB", (300, 1), color) for color in ("red", "blue")]
    pictures[0].save(tmp_path / name, **({"save_all": True, "append_images": pictures[1:]} if "gif" in name else {}))
    with pytest.raises(MediaError, match=f"{name}' is 300×1 pixels"):
        analyzer.load(tmp_path / name)


def test_an_unknown_language_is_refused_before_any_work(analyzer):
    with pytest.raises(ValueError, match="Unknown language"):
        analyzer.analyze("no such file", language="fr")


@pytest.mark.parametrize("name", BROKEN)
def test_what_can_not_be_read_is_said_in_one_sentence(analyzer, tmp_path, name):
    file, write = BROKEN[name]
    with pytest.raises(MediaError) as caught:
        analyzer.analyze(write(tmp_path / file))
    assert str(caught.value).endswith(".") and "\n" not in str(caught.value)


@pytest.mark.parametrize("name", SOUND)
def test_odd_media_get_an_answer(analyzer, tmp_path, name):
    file, write = SOUND[name]
    analysis = analyzer.analyze(write(tmp_path / file), **FEW)
    assert sum(analysis.probabilities.values()) == pytest.approx(1, abs=1e-6)
    assert analysis.key_frames == ()


def test_a_picture_is_turned_upright(analyzer, tmp_path):
    assert analyzer.analyze(write_turned_still(tmp_path / "turned.jpg"), **FEW).frame_size == (30, 40)


def test_a_clip_is_turned_upright(analyzer, tmp_path):
    assert analyzer.analyze(write_turned_clip(tmp_path / "turned.mp4"), **FEW).frame_size == (48, 64)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision(checkpoint, portrait, dtype):
    analysis = EmotionAnalyzer.from_pretrained(checkpoint, device="cpu", dtype=dtype).analyze(portrait, **FEW)
    assert sum(analysis.probabilities.values()) == pytest.approx(1, abs=1e-6)
    assert analysis.gate.emotion + analysis.gate.general == pytest.approx(1, abs=1e-2)


def test_an_answer_ends_where_the_tokenizer_says_a_turn_ends(analyzer, portrait):
    bias = torch.zeros(len(analyzer.processor.tokenizer))
    bias[analyzer.processor.tokenizer.eos_token_id] = 1e6
    steps = []

    def end_now(module, inputs, logits):
        steps.append(logits)
        return logits + bias

    hook = analyzer.model.lm_head.register_forward_hook(end_now)
    try:
        assert analyzer.analyze(portrait, max_new_tokens=8).text == ""
    finally:
        hook.remove()
    assert len(steps) == 3  # the label question, its answers, and one step of the free answer


ARRAYS = {
    "picture": (np.zeros((30, 40, 3), np.uint8), "image", 1),
    "gray picture": (np.zeros((30, 40), np.uint8), "image", 1),
    "picture, channels first": (torch.zeros(3, 30, 40, dtype=torch.uint8), "image", 1),
    "clip": (np.zeros((5, 30, 40, 3), np.uint8), "video", 5),
    "one frame": (torch.zeros(1, 3, 30, 40, dtype=torch.uint8), "video", 1),
    "list": ([Image.new("RGB", (40, 30))] * 4, "video", 4),
}


@pytest.mark.parametrize("name", ARRAYS)
def test_pixels_in_memory(analyzer, name):
    media, kind, count = ARRAYS[name]
    decoded = analyzer.load(media)
    assert (decoded.kind, decoded.size) == (kind, (40, 30))
    assert 1 <= len(decoded.frames) <= count
    assert analyzer.analyze(decoded, **FEW).frame_size == (40, 30)


@pytest.mark.parametrize(
    "media",
    [
        np.zeros((0, 4, 4, 3), np.uint8),
        np.zeros((7, 8, 9), np.uint8),
        np.ones((8, 8, 3), bool),
        np.full((8, 8, 3), 40_000, np.uint16),
        np.zeros((0, 4, 3), np.uint8),
        np.zeros((2, 1, 300, 3), np.uint8),
        Image.new("RGB", (1, 300)),
        *(3, None, []),
    ],
)
def test_what_is_no_picture_is_refused(analyzer, media):
    with pytest.raises(MediaError):
        analyzer.load(media)


def test_a_long_clip_stays_within_the_memory_it_may_take(analyzer, tmp_path):
    clip = write_long_clip(tmp_path / "long.mp4", seconds=120)
    processor = analyzer.processor.video_processor
    kept = processor.max_decoded_bytes
    processor.max_decoded_bytes = 4_000_000
    try:
        decoded = analyzer.load(clip)
    finally:
        processor.max_decoded_bytes = kept
    whole = analyzer.load(clip)
    assert decoded.frames.nbytes <= 1.01 * 4_000_000 < whole.frames.nbytes  # sides are whole pixels
    assert decoded.timestamps == whole.timestamps
