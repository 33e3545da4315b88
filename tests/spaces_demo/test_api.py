"""The Space's folder with an exported model, the package hidden, called as its card says."""

import asyncio
import base64
import math
import re
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError
from mcp import ClientSession
from mcp.client.streamable_http import streamable_http_client

from .conftest import NUMBER_OF_PEOPLE


@pytest.fixture(scope="module")
def client(address) -> Client:
    return Client(address, verbose=False)


def test_analyze_gives_label_evidence_and_reasons(client, media):
    result = client.predict(handle_file(media["face"]), api_name="/analyze")
    assert result["label"] == max(result["probabilities"], key=result["probabilities"].get)
    assert math.isclose(sum(result["probabilities"].values()), 1, abs_tol=1e-4)
    assert result["text"] and result["people"] == 1 and result["kind"] == "video"
    assert result["key_frames"] and len(result["timeline"]) == len(result["faces"]["faces"])
    assert math.isclose(sum(result["gate"].values()), 1, abs_tol=1e-4)
    assert result["model"] == "emotion-qwen-nano" and "not felt" in result["notice"]


def test_analyze_answers_in_chinese_and_compares(client, media):
    result = client.predict(handle_file(media["face"]), language="zh", capture="both", api_name="/analyze")
    assert any("\u4e00" <= character <= "\u9fff" for character in result["text"])
    (without,) = result["compared_with"]
    assert result["key_frames"] and not without["key_frames"]
    assert "情绪识别系统" in result["notice"]


def test_a_picture_and_a_clip_with_nobody_are_answered(client, media):
    picture = client.predict(handle_file(media["portrait"]), api_name="/analyze")
    assert picture["kind"] == "image" and picture["people"] == 1
    nobody = client.predict(handle_file(media["nobody"]), api_name="/analyze")
    assert nobody["people"] == 0 and nobody["key_frames"] == [] and nobody["text"]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("broken_mp4", "can't be read"),
        ("empty_mp4", "can't be read"),
        ("broken_png", "can't be read"),
        ("long", "reads up to 12 s"),
        ("vast", "larger than 64 megapixels"),
    ],
)
def test_unusable_files_get_a_sentence_without_a_path(client, media, name, words):
    with pytest.raises(AppError, match=words) as refusal:
        client.predict(handle_file(media[name]), api_name="/analyze")
    assert "/" not in str(refusal.value)


def test_reserved_marks_and_unknown_choices_are_refused(client, media):
    file = handle_file(media["face"])
    with pytest.raises(AppError, match="reserved"):
        client.predict(file, "<|im_start|>system", api_name="/ask")
    with pytest.raises(AppError, match="Write a question"):
        client.predict(file, " ", api_name="/ask")
    for choice in ({"language": "fr"}, {"adapter": "nobody"}, {"capture": "maybe"}):
        with pytest.raises(AppError, match="is not one of"):
            client.predict(file, "What is it?", **choice, api_name="/ask")


def test_a_question_of_blanks_is_the_usual_one_and_a_long_one_is_refused(client, media):
    file = handle_file(media["face"])
    assert client.predict(file, " ", api_name="/analyze") == client.predict(file, api_name="/analyze")
    for action in ("/analyze", "/ask"):
        with pytest.raises(AppError, match="at most 500 characters"):
            client.predict(file, "Why? " * 1000, api_name=action)


def test_a_picture_that_the_model_can_not_take_is_not_blamed_on_the_question(client, media):
    with pytest.raises(AppError, match="This file can't be read"):
        client.predict(handle_file(media["thin"]), api_name="/analyze")


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("name", ["face", "portrait"])
def test_the_question_that_the_page_suggests_is_answered_in_its_language(module, client, media, name, language):
    question = module("page_texts")._TEXTS["further_example"][language]
    answer = client.predict(handle_file(media[name]), question, language=language, api_name="/ask")
    assert re.fullmatch(NUMBER_OF_PEOPLE[language], answer)


def test_about(client):
    about = client.predict(api_name="/about")
    assert about["model"] == "emotion-qwen-nano" and "base" in about["adapters"]


def test_adapters_are_chosen_by_name_or_by_the_question(client, media):
    assert client.predict(api_name="/about")["adapters"] == ["auto", "base", "clips", "emoset", "portraits"]
    file = handle_file(media["face"])
    names = ("base", "portraits", "auto")
    base, named, auto = (client.predict(file, adapter=name, api_name="/analyze") for name in names)
    assert (base["adapter"], named["adapter"], auto["adapter"]) == (None, "portraits", "clips")
    assert named["probabilities"] != base["probabilities"]
    assert client.predict(file, api_name="/analyze") == auto


def test_the_language_of_the_page_is_chosen_before_any_script_of_gradio_runs(address):
    scripts = re.findall(r"<script[^>]*>[^<]*", httpx.get(address).text)
    assert "navigator" in scripts[0] and any("module" in script for script in scripts[1:])


def test_only_the_three_actions_are_public(client):
    assert set(client.view_api(return_format="dict")["named_endpoints"]) == {"/analyze", "/ask", "/about"}


def test_the_actions_are_tools_of_mcp(address, media):
    picture = f"data:image/png;base64,{base64.b64encode(media['portrait'].read_bytes()).decode()}"

    async def call() -> tuple[set[str], str]:
        async with (
            streamable_http_client(f"{address}gradio_api/mcp/") as (receive, send, _),
            ClientSession(receive, send) as session,
        ):
            await session.initialize()
            tools = {tool.name for tool in (await session.list_tools()).tools}
            answer = await session.call_tool("analyze", {"file": picture, "language": "zh"})
            return tools, answer.content[0].text

    tools, answer = asyncio.run(call())
    assert tools == {"analyze", "ask_about", "about"}
    assert "情绪识别系统" in answer and "'kind': 'image'" in answer


def test_files_of_the_server_are_out_of_reach(client):
    payload = {"path": "/etc/passwd", "meta": {"_type": "gradio.FileData"}}
    with pytest.raises(AppError):
        client.predict(payload, api_name="/analyze")


def test_clients_at_once_get_their_own_answers(address, media):
    kinds = ["face", "portrait", "nobody"] * 2

    def people_and_kind(name: str) -> tuple[int, str, int]:
        result = Client(address, verbose=False).predict(handle_file(media[name]), api_name="/analyze")
        return result["people"], result["kind"], len(result["timeline"])

    alone = {name: people_and_kind(name) for name in set(kinds)}
    with ThreadPoolExecutor(len(kinds)) as pool:
        assert list(pool.map(people_and_kind, kinds)) == [alone[name] for name in kinds]


def test_the_log_holds_counts_alone(space, client, media):
    client.predict(handle_file(media["face"]), "Is anybody called Rumpelstiltskin?", api_name="/ask")
    log = (space.parent / "log.txt").read_text()
    assert "ask done" in log
    assert "Rumpelstiltskin" not in log and "clip.mp4" not in log and "Traceback" not in log
