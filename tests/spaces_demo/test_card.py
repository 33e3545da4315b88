"""The Space's card: what the Hub reads, and the call that it documents."""

import re

import yaml

from .conftest import NUMBER_OF_PEOPLE
from .space_process import ROOT

CARD = (ROOT / "spaces_demo" / "README.md").read_text(encoding="utf-8")


def test_header_fits_the_requirements_and_the_files():
    header = yaml.safe_load(CARD.split("---")[1])
    pins = dict(
        re.findall(r"^([\w-]+)(?:\[\w+\])?==(\S+)$", (ROOT / "spaces_demo" / "requirements.txt").read_text(), re.M)
    )
    constraints = dict(re.findall(r"^([\w-]+)==(\S+)$", (ROOT / "constraints.txt").read_text(), re.M))
    assert header["sdk"] == "gradio" and header["sdk_version"] == pins["gradio"]
    assert (ROOT / "spaces_demo" / header["app_file"]).is_file()
    assert {name: constraints[name] for name in pins} == pins
    assert len(header["short_description"]) <= 60


def test_every_setting_is_documented():
    source = (ROOT / "spaces_demo" / "settings.py").read_text()
    names = re.findall(r"^    (\w+): \w+ =", source, re.M)
    assert names and all(f"`{name.upper()}`" in CARD for name in names)


def test_defaults_are_those_of_the_code():
    source = (ROOT / "spaces_demo" / "settings.py").read_text()
    rows = re.findall(r"^\| (`[A-Z_`, ]+`) \| ([\d, ]+) \|", CARD, re.M)
    documented = {
        name.lower(): float(value)
        for names, values in rows
        for name, value in zip(re.findall(r"[A-Z_]+", names), values.split(", "), strict=True)
    }
    defaults = re.findall(r"^    (\w+): (?:int|float) = ([\d.]+)$", source, re.M)
    assert documented == {name: float(value) for name, value in defaults}


def test_the_documented_call_runs(address, media, capsys):
    (snippet,) = re.findall(r"```python\n(.*?)```", CARD, re.S)
    snippet = snippet.replace("http://127.0.0.1:7860", address).replace("clip.mp4", str(media["face"]))
    exec(compile(snippet, "README.md", "exec"), {})
    printed = capsys.readouterr().out
    assert "probabilities" not in printed and "happy" in printed and "max_clip_seconds" in printed
    assert all(re.search(pattern, printed) for pattern in NUMBER_OF_PEOPLE.values())
