"""Parts of the Space that need no model."""

import queue
import sys
import threading
from string import Formatter

import gradio as gr
import numpy as np
import pytest

from emotion_qwen.train.synthetic.person_sentences import person_turns

from .space_process import ROOT


@pytest.mark.parametrize(("name", "table"), [("words", "_SENTENCES"), ("page_texts", "_TEXTS")])
def test_every_sentence_has_both_languages_with_the_same_gaps(module, name, table):
    for key, sentences in getattr(module(name), table).items():
        assert set(sentences) == {"en", "zh"}, key
        gaps = [{name for _, name, _, _ in Formatter().parse(text) if name} for text in sentences.values()]
        assert gaps[0] == gaps[1], key


def test_settings_come_from_the_environment(module, monkeypatch):
    monkeypatch.setenv("MAX_CLIP_SECONDS", "7.5")
    monkeypatch.setenv("MODEL_ID", "someone/model")
    settings = module("settings").Settings.from_environment()
    assert settings.max_clip_seconds == 7.5 and settings.model_id == "someone/model" and settings.sessions == 200
    assert settings.model_name == "model"
    monkeypatch.setenv("SESSIONS", "many")
    with pytest.raises(ValueError):
        module("settings").Settings.from_environment()


def test_the_page_tells_its_limits_in_both_languages(module):
    settings = module("settings").Settings(max_clip_seconds=7, retention_seconds=120, sweep_seconds=60)
    texts = module("page_texts").page_texts(settings).translations_dict
    assert "7 s" in texts["en"]["clip_limits"] and "within 3 minutes" in texts["en"]["foot"]
    assert "7 秒" in texts["zh-CN"]["clip_limits"] and "3 分钟" in texts["zh-CN"]["foot"]


def test_the_page_and_the_card_suggest_questions_that_the_small_model_was_taught(module):
    examples = module("page_texts")._TEXTS["further_example"]
    card = (ROOT / "spaces_demo" / "README.md").read_text(encoding="utf-8")
    one_person = {"background": "light"}
    for language, example in examples.items():
        taught = {person_turns(one_person, np.random.default_rng(seed), language)[0] for seed in range(20)}
        assert example in taught and len(taught) == 3
        assert all(f'"{question}"' in card for question in taught)


def test_pieces_come_as_they_are_emitted_and_errors_where_they_belong(module):
    pieces_of = module("streaming").pieces_of

    def work(emit):
        emit("a")
        emit("b")
        return 3

    assert list(pieces_of(work, 10)) == ["a", "b", 3]

    def fails(emit):
        emit("a")
        raise KeyError("b")

    pieces = pieces_of(fails, 10)
    assert next(pieces) == "a"
    with pytest.raises(KeyError):
        next(pieces)


def test_a_function_that_says_nothing_is_waited_for_no_longer_than_patience(module):
    ended = threading.Event()
    with pytest.raises(queue.Empty):
        next(module("streaming").pieces_of(lambda emit: ended.wait(10), 0.01))
    silent = module("streaming").pieces_of(lambda emit: ended.wait(10), 0.01)
    (sentence,) = module("failures").ending_in_a_sentence("analyze", "en", silent, str)
    assert "too busy" in sentence
    ended.set()


def test_an_iterator_closed_early_stops_its_work(module):
    reached, ended = threading.Event(), threading.Event()

    def work(emit):
        try:
            while True:
                emit("again")
                reached.set()
        finally:
            ended.set()

    pieces = module("streaming").pieces_of(work, 10)
    assert next(pieces) == "again"
    pieces.close()
    assert reached.wait(10) and ended.wait(10)


def test_old_uploads_are_deleted_with_the_folders_that_they_lay_in(module, tmp_path):
    delete_older = module("uploads").delete_older
    upload, broken_off = tmp_path / "digest" / "clip.mp4", tmp_path / "tmp5gk"
    upload.parent.mkdir()
    upload.write_bytes(b"a face")
    broken_off.write_bytes(b"half a face")
    delete_older(tmp_path, upload.stat().st_ctime - 60)
    assert upload.is_file() and broken_off.is_file()
    delete_older(tmp_path, upload.stat().st_ctime + 60)
    assert tmp_path.is_dir() and not list(tmp_path.iterdir())


def test_code_of_the_model_is_looked_for_once(module, monkeypatch):
    hub_model, asked = module("hub_model"), []
    monkeypatch.setattr(hub_model, "get_class_from_dynamic_module", lambda *name: asked.append(name))
    for _ in range(3):
        hub_model.from_model_code("prompts.label_name", "owner/model")
    assert asked == [("prompts.label_name", "owner/model")]


def test_a_crash_ends_in_a_sentence_and_a_count(module):
    failures = module("failures")

    def steps():
        yield 1
        raise ZeroDivisionError("secret.mp4")

    first, sentence = failures.ending_in_a_sentence("analyze", "en", steps(), str.upper)
    assert first == 1 and sentence.startswith("SOMETHING WENT WRONG")
    (outcome,) = failures.COUNTS._counts
    assert "ZeroDivisionError" in outcome and "secret" not in outcome


@pytest.mark.parametrize("ending", ["done", "failed", "left by the visitor"])
def test_what_a_request_freed_is_given_back_once_when_it_ended(module, monkeypatch, ending):
    failures, given_back = module("failures"), []
    monkeypatch.setattr(failures, "give_back_freed_memory", lambda: given_back.append(True))

    def steps():
        yield 1
        if ending == "failed":
            raise ZeroDivisionError

    request = failures.ending_in_a_sentence("analyze", "en", steps(), str)
    assert next(request) == 1 and not given_back
    if ending == "left by the visitor":
        request.close()
    list(request)
    assert given_back == [True]


@pytest.mark.parametrize(
    ("title", "message", "words"),
    [
        ("ZeroGPU worker error", "QuestionError", "reserved for the conversation"),
        ("ZeroGPU worker error", "GPU task aborted", "Something went wrong"),
        ("ZeroGPU quota exceeded", "You have exceeded your free ZeroGPU quota", "used up"),
    ],
)
def test_errors_of_zero_gpu_get_the_sentence_of_what_they_stand_for(module, title, message, words):
    def steps():
        raise gr.Error(message, title=title)
        yield

    (sentence,) = module("failures").ending_in_a_sentence("analyze", "en", steps(), str)
    assert words in sentence


def test_functions_ask_for_the_accelerator_only_where_it_is_lent(module, monkeypatch):
    on_gpu = module("zero_gpu").on_gpu

    def function():
        return 1

    monkeypatch.setitem(sys.modules, "spaces", None)
    assert on_gpu(60)(function) is function

    class Spaces:
        @staticmethod
        def GPU(duration):  # noqa: N802 - the package's own name
            return lambda function: (duration, function)

    monkeypatch.setitem(sys.modules, "spaces", Spaces)
    assert on_gpu(60)(function) == (60, function)
