"""The page in a real browser; a picture of every state lands in `outputs/space`."""

import json
import re
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import expect

from .browser_window import Window
from .conftest import NUMBER_OF_PEOPLE
from .take_picture import take_picture

pytestmark = pytest.mark.browser


def test_a_clip_gets_label_evidence_and_a_streamed_answer(window, media):
    window.picture("start")
    window.add(media["face"])
    window.page.evaluate(
        """() => {
            window.seen = new Set();
            new MutationObserver(() => {
                const answer = document.querySelector("#eq-chat .bot.message");
                if (answer) window.seen.add(answer.innerText);
            }).observe(document.body, {childList: true, subtree: true, characterData: true});
        }"""
    )
    window.read()
    assert "Apparent emotion" in window.text(".eq-verdict")
    assert window.page.locator(".eq-bars li").count() == 7
    assert re.search(r"emotion \d+%\s+general \d+%", window.text(".eq-gate"))
    assert window.page.locator(".eq-frames figure").count() >= 1
    assert window.page.locator(".eq-frames img").count() == 2 * window.page.locator(".eq-frames figure").count()
    assert set(window.page.locator(".eq-box").all_inner_texts()) == {""}  # numbers are for several people
    assert len(window.page.evaluate("[...window.seen]")) >= 4
    window.picture("clip")


def test_the_download_is_the_whole_result(window, media):
    window.add(media["face"])
    window.read()
    with window.page.expect_download() as download:
        window.page.click(".eq-download")
    result = json.loads(Path(download.value.path()).read_text(encoding="utf-8"))
    assert result["label"] in window.text(".eq-label")
    assert result["faces"]["faces"] and result["gate"]


def is_chinese(text: str) -> bool:
    return any("\u4e00" <= character <= "\u9fff" for character in text)


def test_an_answer_in_chinese(window, media):
    window.add(media["face"])
    window.page.get_by_label("中文").check()
    window.read()
    assert "表露出的情绪" in window.text(".eq-verdict")
    assert is_chinese(window.answers()[-1])


def test_a_chinese_browser_gets_a_chinese_page(browser, address):
    window = Window(browser, address, locale="zh-CN")
    window.picture("chinese_start")
    window.page.click("#eq-example-clip")
    window.page.wait_for_selector(".eq-download")
    assert is_chinese(window.text("#eq-read")) and is_chinese(window.answers()[-1])
    box = window.page.locator("#eq-further textarea")
    box.fill(box.get_attribute("placeholder"))
    box.press("Enter")
    expect(window.page.locator("#eq-chat .bot.message").nth(1)).to_have_text(
        re.compile(NUMBER_OF_PEOPLE["zh"]), timeout=60_000
    )
    others = {"Emotion-Qwen", "emotion-qwen-nano", "clips", "English", "NASA", "JSON", "MB", "API", "MCP"}
    assert set(re.findall(r"[A-Za-z_-]{2,}", window.text("body") + window.page.title())) <= others
    window.picture("chinese")
    assert not window.errors
    window.page.context.close()


@pytest.mark.parametrize(
    ("locale", "language", "button"), [("zh-HK", "zh-CN", "读取情绪"), ("fr", "en", "Read the emotion")]
)
def test_every_browser_gets_one_of_the_two_languages(browser, address, locale, language, button):
    window = Window(browser, address, locale=locale)
    window.page.get_by_role("button", name=button).wait_for()
    assert window.page.get_attribute("html", "lang") == language
    assert is_chinese(window.text("#eq-clip")) == (language == "zh-CN")
    window.page.context.close()


def test_a_clip_with_nobody(window, media):
    window.add(media["nobody"])
    window.read()
    assert "No face was found" in window.text("#eq-notes")
    assert window.page.locator(".eq-timeline, .eq-frames").count() == 0
    assert window.page.locator(".eq-verdict").count() == 1
    assert "No face was found" in window.text(".eq-verdict h2")
    assert window.page.locator(".eq-label").count() == 0 and re.fullmatch(r"\w+ \d+%", window.text(".eq-guess"))
    window.picture("no_face")


def test_several_people(window, media):
    window.add(media["crowd"], "picture")
    window.read()
    assert "2 people" in window.text("#eq-notes")
    boxes = window.page.locator(".eq-frames figure").first.locator(".eq-box")
    assert boxes.count() == 2 and window.page.locator(".eq-beside").count() == 1
    assert set(boxes.all_inner_texts()) == {"1", "2"}
    window.picture("several_faces")


def test_a_row_of_the_timeline_for_each_person(window, media):
    window.add(media["pair"])
    window.read()
    assert window.page.locator(".eq-person").count() == 2
    assert {"Person 1", "Person 2"} == set(re.findall(r"Person \d", window.text(".eq-frames")))
    window.picture("two_people")


@pytest.mark.parametrize(
    ("name", "words"), [("broken_mp4", "can't be read"), ("long", "reads up to"), ("empty_mp4", "can't be read")]
)
def test_unusable_clips_get_a_sentence_and_the_page_lives_on(window, media, name, words):
    window.page.set_input_files("#eq-clip input[type=file]", str(media[name]))
    window.page.wait_for_timeout(1500)
    window.page.click("#eq-read")
    window.page.wait_for_selector(".eq-problem")
    assert words in window.text(".eq-problem")
    window.picture(name)
    window.errors.clear()  # the browser's player complains of such a file
    window.page.click("#eq-example-clip")
    window.page.wait_for_selector(".eq-download")


def test_the_example_picture_opens_its_tab(window):
    window.page.click("#eq-example-picture")
    window.page.wait_for_selector(".eq-download")
    expect(window.page.locator("#eq-picture img")).to_be_visible()
    assert window.page.locator(".eq-frames figure").count() == 1
    assert window.page.locator(".eq-timeline").count() == 0
    window.picture("example_picture")


def test_nothing_added_yet(window):
    window.page.click("#eq-read")
    window.page.wait_for_selector(".eq-problem")
    assert "Add a clip" in window.text(".eq-problem")
    window.page.fill("#eq-further textarea", "Why?")
    window.page.click("#eq-ask")
    window.page.wait_for_function("document.querySelectorAll('#eq-chat .bot.message').length == 1")
    assert "first" in window.answers()[-1]


def test_what_was_read_goes_with_the_file(window, media):
    window.add(media["face"])
    window.read()
    window.page.get_by_label("Clear").first.click()
    window.page.wait_for_selector(".eq-verdict", state="detached")
    window.page.wait_for_timeout(500)
    assert window.page.locator(".eq-timeline, .eq-frames, .eq-download, #eq-chat .message").count() == 0
    window.page.fill("#eq-further textarea", "Why?")
    window.page.click("#eq-ask")
    window.page.wait_for_selector("#eq-chat .bot.message")
    assert "first" in window.answers()[-1]


def test_asking_further(window, media):
    window.add(media["face"])
    window.read()
    box = window.page.locator("#eq-further textarea")
    box.fill(box.get_attribute("placeholder"))
    box.press("Enter")
    expect(window.page.locator("#eq-chat .bot.message").nth(1)).to_have_text(
        re.compile(NUMBER_OF_PEOPLE["en"]), timeout=60_000
    )
    window.picture("chat")


def test_the_newest_answer_is_in_sight(window, media):
    window.add(media["face"])
    window.read()
    box, answers = window.page.locator("#eq-further textarea"), window.page.locator("#eq-chat .bot.message")
    for number in range(1, 5):
        box.fill("How many people are there?")
        box.press("Enter")
        expect(answers).to_have_count(number + 1, timeout=60_000)
        window.page.wait_for_function("document.querySelector('#eq-status').innerText.startsWith('Done')")
    chat, last = window.page.locator("#eq-chat").bounding_box(), answers.last.bounding_box()
    assert chat["y"] <= last["y"] and last["y"] + last["height"] <= chat["y"] + chat["height"]


def test_what_is_typed_while_an_answer_comes_is_kept(window, media):
    window.add(media["face"])
    window.read()
    box = window.page.locator("#eq-further textarea")
    box.fill("What does the face show?")
    box.press("Enter")
    window.page.wait_for_function("document.querySelector('#eq-further textarea').value == ''")
    box.fill("And why?")
    window.page.wait_for_function("document.querySelectorAll('#eq-chat .bot.message').length == 2")
    window.page.wait_for_function("document.querySelector('#eq-status').innerText.startsWith('Done')")
    assert box.input_value() == "And why?"


def test_an_empty_question_gets_a_sentence(window, media):
    window.add(media["portrait"], "picture")
    window.read()
    window.page.press("#eq-further textarea", "Enter")
    window.page.wait_for_function("document.querySelectorAll('#eq-chat .bot.message').length == 2")
    assert "Write a question" in window.answers()[-1]


def test_a_question_is_text_and_never_html(window, media):
    window.add(media["face"])
    window.read()
    question = "Is 1 < 2 & <img src=x onerror=alert(1)> <b>bold</b>?"
    window.page.fill("#eq-further textarea", question)
    window.page.click("#eq-ask")
    window.page.wait_for_function("document.querySelectorAll('#eq-chat .user.message').length == 2")
    assert window.page.locator("#eq-chat .user.message").last.inner_text() == question
    window.page.wait_for_function("document.querySelector('#eq-status').innerText.startsWith('Done')")


def test_the_timeline_seeks_the_clip(window, media):
    window.add(media["face"])
    window.read()
    track = window.page.locator(".eq-track").first.bounding_box()
    window.page.mouse.click(track["x"] + 0.75 * track["width"], track["y"] + track["height"] / 2)
    start, end = (float(window.page.get_attribute(".eq-timeline", f"data-{side}")) for side in ("start", "end"))
    window.page.wait_for_timeout(500)
    assert window.page.evaluate("document.querySelector('#eq-clip video').currentTime") == pytest.approx(
        start + 0.75 * (end - start), abs=0.15
    )
    window.page.locator(".eq-seek").last.click()
    expect(window.page.locator("#eq-clip video")).to_be_in_viewport(ratio=0.99)
    stretch = window.page.locator(".eq-stretch").nth(1)
    stretch.focus()
    stretch.press("Enter")
    window.page.wait_for_timeout(500)
    assert window.page.evaluate("document.querySelector('#eq-clip video').currentTime") == pytest.approx(
        float(stretch.get_attribute("data-time")), abs=0.15
    )


def test_side_by_side(window, media):
    window.page.get_by_label("Side by side").check()
    window.add(media["portrait"], "picture")
    window.read()
    assert window.page.locator(".eq-verdict").count() == 2
    answers = window.page.locator(".eq-answer").all_inner_texts()
    assert len(answers) == 2 and answers[0] == window.answers()[-1] and answers[1]
    window.picture("side_by_side")


def test_the_camera(window):
    window.page.context.grant_permissions(["camera", "microphone"])
    window.page.get_by_label("Capture from camera").first.click()
    window.page.get_by_text("Click to Access Webcam").first.click()
    record = window.page.locator("#eq-clip .button-wrap button").first
    record.wait_for()
    window.page.wait_for_timeout(1000)
    record.click()
    window.page.wait_for_timeout(2000)
    record.click()
    window.page.wait_for_selector("#eq-clip video[src]")
    window.page.wait_for_timeout(1000)
    window.read()
    assert "No face was found" in window.text("#eq-notes")
    window.picture("camera")


def test_adapters(window, media):
    window.add(media["face"])
    choose_adapter(window, "portraits")
    window.read()
    assert "Answered by emotion-qwen-nano with adapter portraits" in window.text(".eq-verdict")
    window.picture("adapter")


def test_emotions_of_another_set_have_a_color_and_room_for_their_names(window, media):
    window.add(media["face"])
    choose_adapter(window, "emoset")
    window.read()
    assert "contentment" in window.text(".eq-bars")
    colors, overhang = window.page.evaluate(
        """() => [
            [...document.querySelectorAll(".eq-label i, .eq-bar i")].map((i) => getComputedStyle(i).backgroundColor),
            [...document.querySelectorAll(".eq-bars li > span")].map((cell) => cell.scrollWidth - cell.clientWidth),
        ]"""
    )
    assert len(colors) == 9 and "rgba(0, 0, 0, 0)" not in colors
    assert max(overhang) <= 0
    window.picture("emotions_of_another_set")


def choose_adapter(window: Window, name: str) -> None:
    window.page.get_by_text("More", exact=True).click()
    window.page.get_by_label("Adapter").click()
    window.page.get_by_role("option", name=name).click()


def test_off(window, media):
    window.page.get_by_label("Off", exact=True).check()
    window.add(media["face"])
    window.read()
    assert "was off" in window.text("#eq-notes")


def test_two_windows_do_not_mix(browser, address, media):
    windows = [Window(browser, address), Window(browser, address)]
    windows[0].add(media["face"])
    windows[1].add(media["nobody"])
    for window in windows:
        window.page.click("#eq-read")
    for window in windows:
        window.page.wait_for_selector(".eq-download")
    assert [window.page.locator(".eq-timeline").count() for window in windows] == [1, 0]
    windows[1].page.fill("#eq-further textarea", "Is there a face?")
    windows[1].page.click("#eq-ask")
    windows[1].page.wait_for_function("document.querySelectorAll('#eq-chat .bot.message').length == 2")
    assert len(windows[0].answers()) == 1
    for window in windows:
        window.page.context.close()


def test_the_picture_of_the_readme(browser, address, tmp_path):
    take_picture(browser, address, tmp_path / "page.jpg")
    with Image.open(tmp_path / "page.jpg") as picture:
        assert picture.width == 1280 and picture.height > 900
    assert (tmp_path / "page.jpg").stat().st_size < 300_000
