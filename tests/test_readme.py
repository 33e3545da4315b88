"""What the README tells people to run, runs."""

import re
import shlex
from pathlib import Path

import pytest

from emotion_qwen.inference import cli

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, flags=re.DOTALL)


def commands() -> list[str]:
    inline = re.findall(r"`(emotion-qwen [a-z]+ [^`]+)`", README)
    lines = [line for block in blocks("bash") for line in block.splitlines()]
    return [shlex.join(shlex.split(line, comments=True)) for line in lines + inline if line.startswith("emotion-qwen")]


@pytest.fixture(scope="module")
def workplace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("readme")
    (folder / "examples").symlink_to(ROOT / "examples")
    return folder


def test_commands_then_snippets(workplace, monkeypatch, capsys):
    monkeypatch.chdir(workplace)
    assert len(commands()) >= 4
    for command in commands():
        assert cli.main(shlex.split(command)[1:]) == 0, command
    assert list(workplace.glob("outputs/*.png"))
    capsys.readouterr()
    assert len(blocks("python")) >= 2
    for snippet in blocks("python"):
        exec(compile(snippet, "README.md", "exec"), {})
        assert capsys.readouterr().out.strip()


def test_make_targets_exist():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"\bmake ([a-z-]+)", README))
    assert targets
    assert all(re.search(rf"^{target}:", makefile, flags=re.MULTILINE) for target in targets)


def test_links_lead_somewhere():
    links = re.findall(r"\]\(([^)#]+)\)", README)
    assert all((ROOT / link).exists() for link in links if "://" not in link)
