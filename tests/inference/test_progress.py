import io
import time

import pytest

from emotion_qwen.inference.progress import Progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_quick_stage_is_not_worth_a_word():
    stream = io.StringIO()
    with Progress(stream, patience=30) as progress:
        progress.start("Decoding")
        progress.start("Answering")
    assert stream.getvalue() == ""


def test_a_slow_stage_is_told_once_in_a_log():
    stream = io.StringIO()
    with Progress(stream, patience=0.01) as progress:
        progress.start("Decoding")
        time.sleep(0.2)
    assert stream.getvalue() == "Decoding ...\n"


def test_a_terminal_is_left_clean():
    stream = Terminal()
    with Progress(stream, patience=0.01) as progress:
        progress.start("Decoding")
        time.sleep(0.2)
    assert "Decoding" in stream.getvalue() and stream.getvalue().endswith("\r\033[K")


def test_an_error_ends_the_stage():
    stream = Terminal()
    with pytest.raises(ValueError), Progress(stream, patience=0.01) as progress:
        progress.start("Decoding")
        time.sleep(0.1)
        raise ValueError
    said = stream.getvalue()
    time.sleep(0.05)
    assert stream.getvalue() == said and said.endswith("\r\033[K")
