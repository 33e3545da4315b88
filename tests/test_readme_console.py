"""What the README shows of other models and large data sets, run on tiny stand-ins of the same names."""

import re
import shlex
from pathlib import Path

import datasets
import pytest
from huggingface_hub import constants

from emotion_qwen.inference import EmotionAnalyzer, cli

from .inference.authors_folder import write_authors
from .inference.hub_server import TOKEN, HubServer
from .inference.source_folders import write_llama, write_qwen
from .inference.tiny_adapters import write_adapter
from .modeling_emotion_qwen.tiny_checkpoint import tiny_model, tiny_processor, write_clip
from .test_readme import blocks

pytestmark = pytest.mark.slow

FEW_WORKERS = {"--workers 16": "--workers 1"}
"""What is said of a large machine, for a small one."""


@pytest.fixture(scope="module")
def workplace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("console")
    write_qwen(folder / "Qwen2.5-VL-7B-Instruct")
    write_llama(folder / "Meta-Llama-3-8B-Instruct")
    write_authors(folder / "Emotion-Qwen")
    processor = tiny_processor()
    tiny_model(processor).save_pretrained(folder / "stage3")
    processor.save_pretrained(folder / "stage3")
    write_adapter(folder / "stage3", folder / "lora" / "dfew")
    clip = write_clip(folder / "clip.mp4")
    (folder / "clips").mkdir()
    (folder / "clips" / "happy.mp4").write_bytes(clip.read_bytes())
    rows = [{"video": {"bytes": clip.read_bytes(), "path": f"{index}.mp4"}} for index in range(8)]
    datasets.Dataset.from_list(rows).to_parquet(folder / "dfew.parquet")
    return folder


def lines() -> list[str]:
    shown = "\n".join(blocks("console"))
    for said, run in FEW_WORKERS.items():
        shown = shown.replace(said, run)
    return re.findall(r"^\$ (emotion-qwen .+)$", shown, flags=re.MULTILINE)


def test_every_line_of_the_console(workplace, monkeypatch):
    monkeypatch.chdir(workplace)
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    assert len(lines()) == "\n".join(blocks("console")).count("$ ")
    with HubServer() as hub:
        monkeypatch.setattr(constants, "ENDPOINT", hub.address)
        for line in lines():
            monkeypatch.setattr(constants, "HF_HUB_OFFLINE", " push " not in line)
            assert cli.main(shlex.split(line, comments=True)[1:]) == 0, line
        assert hub.files


def test_adapters_from_python(workplace, monkeypatch):
    monkeypatch.chdir(workplace)
    (snippet,) = blocks("text")
    processor = tiny_processor()
    inputs = processor(text=["Why?", "Who?"], return_tensors="pt")
    exec(compile(snippet, "README.md", "exec"), {"EmotionAnalyzer": EmotionAnalyzer, "inputs": inputs})
