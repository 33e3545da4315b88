"""`emotion-qwen adapters`: list, merge, export and push."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import peft
import pytest
import torch
from huggingface_hub import constants

from emotion_qwen.inference import EmotionAnalyzer
from emotion_qwen.inference.checkpoint import load_checkpoint
from emotion_qwen.inference.cli import main
from emotion_qwen.inference.label_sets import LABEL_SETS

from .hub_server import TOKEN, HubServer
from .tiny_adapters import write_adapter

BASE = "someone/emotion-qwen-7b"


@pytest.fixture(scope="module")
def trained(checkpoint: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An adapter as a training run leaves it, among other files."""
    folder = write_adapter(checkpoint, tmp_path_factory.mktemp("runs") / "dfew")
    (folder / "optimizer.pt").write_bytes(b"large")
    return folder


@pytest.fixture(scope="module")
def equipped(checkpoint: Path, trained: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint with adapters of its own."""
    folder = Path(shutil.copytree(checkpoint, tmp_path_factory.mktemp("equipped") / "model"))
    shutil.copytree(trained, folder / "adapters" / "dfew")
    write_adapter(checkpoint, folder / "adapters" / "ver", seed=1, r=2)
    return folder


@pytest.fixture
def hub(monkeypatch) -> Iterator[HubServer]:
    """The Hub, on this machine."""
    with HubServer() as server:
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
        monkeypatch.setattr(constants, "ENDPOINT", server.address)
        monkeypatch.setenv("HF_TOKEN", TOKEN)
        yield server


def test_list_shows_a_checkpoints_own(equipped, capsys):
    assert main(["adapters", "list", "--model", str(equipped)]) == 0
    dfew, ver = capsys.readouterr().out.splitlines()
    assert dfew.startswith("dfew ") and "r 4, α 4" in dfew and "with one of happy, sad, neutral" in dfew
    assert ver.startswith("ver ") and "open questions" in ver


def test_list_as_json_and_of_a_folder(trained, capsys):
    assert main(["adapters", "list", str(trained), "--json"]) == 0
    (info,) = json.loads(capsys.readouterr().out)
    weights = sum(p.numel() for p in peft.load_peft_weights(str(trained), device="cpu").values())
    assert (info["name"], info["rank"], info["parameters"]) == ("dfew", 4, weights)


def test_list_of_nothing(tmp_path, capsys):
    assert main(["adapters", "list", str(tmp_path)]) == 0
    assert "No adapters" in capsys.readouterr().out
    assert main(["adapters", "list", str(tmp_path / "nowhere")]) == 2


@pytest.mark.parametrize(("asked", "answered"), [("dfew", "dfew"), ("auto", "ver"), ("base", None)])
def test_analyze_takes_a_name_of_the_checkpoints_own(equipped, portrait, capsys, asked, answered):
    options = ["--model", str(equipped), "--adapter", asked, "--device", "cpu", "--no-fec", "--max-new-tokens", "2"]
    assert main(["analyze", str(portrait), *options, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["adapter"] == answered


def test_analyze_takes_a_folder_of_adapters(checkpoint, equipped, portrait, capsys):
    options = ["--model", str(checkpoint), "--device", "cpu", "--no-fec", "--max-new-tokens", "2", "--json"]
    folder = ["--adapters", str(equipped / "adapters"), "--adapter", "auto"]
    assert main(["analyze", str(portrait), *options, *folder]) == 0
    assert json.loads(capsys.readouterr().out)["adapter"] == "ver"
    assert main(["analyze", str(portrait), *options, "--adapters", str(checkpoint)]) == 2
    assert "no adapter in" in capsys.readouterr().err


def test_merge_writes_a_plain_checkpoint(equipped, portrait, tmp_path, capsys):
    out = tmp_path / "merged"
    assert main(["adapters", "merge", "dfew", "--model", str(equipped), "--output", str(out)]) == 0
    assert Path(capsys.readouterr().out.strip()) == out
    options = {"facial_emotion_capture": False, "max_new_tokens": 2, "labels": "dfew"}
    merged = EmotionAnalyzer.from_pretrained(out, device="cpu").analyze(portrait, **options)
    adapted = EmotionAnalyzer.from_pretrained(equipped, "dfew", device="cpu").analyze(portrait, **options)
    assert merged.probabilities == pytest.approx(adapted.probabilities, abs=1e-4)


def test_an_exported_adapter_is_clean_and_peft_alone_loads_it(checkpoint, trained, tmp_path):
    out = tmp_path / "faces"
    options = ["--base-model", BASE, "--answers", "mer2024"]
    assert main(["adapters", "export", str(trained), "--output", str(out), *options]) == 0
    names = {"README.md", "adapter_config.json", "adapter_model.safetensors", "emotion_qwen_adapter.json"}
    assert {path.name for path in out.iterdir()} == names
    card = (out / "README.md").read_text()
    assert f"base_model: {BASE}" in card and "# faces" in card and "worried" in card and "$" not in card
    loaded, original = (
        peft.PeftModel.from_pretrained(load_checkpoint(checkpoint, device="cpu")[0], f) for f in (out, trained)
    )
    tokens = torch.arange(7, 20)[None]
    assert torch.equal(loaded(input_ids=tokens).logits, original(input_ids=tokens).logits)
    assert loaded.peft_config["default"].base_model_name_or_path == BASE
    analyzer = EmotionAnalyzer.from_pretrained(checkpoint, device="cpu", adapters={"mine": out})
    assert "worried" in analyzer.adapters.purposes["mine"].labels


@pytest.mark.parametrize(
    ("options", "purpose"),
    [
        (["--answers", "open"], (None, True, None)),
        (["--answers", "calm, tense"], (["calm", "tense"], False, None)),
        (["--answers", "calm,tense", "--answers", "open", "--media", "video"], (["calm", "tense"], True, "video")),
        (["--media", "image"], (list(LABEL_SETS["dfew"].labels), False, "image")),
    ],
)
def test_an_export_says_what_it_answers(trained, tmp_path, options, purpose):
    assert main(["adapters", "export", str(trained), "--output", str(tmp_path / "a"), *options]) == 0
    stated = json.loads((tmp_path / "a" / "emotion_qwen_adapter.json").read_text())
    assert stated == dict(zip(("labels", "open_questions", "media"), purpose, strict=True))


def test_push_sends_what_export_writes(trained, hub, tmp_path, capsys):
    assert main(["adapters", "push", str(trained), "me/dfew-lora", "--base-model", BASE, "--private"]) == 0
    assert capsys.readouterr().out.strip() == f"{hub.address}/me/dfew-lora"
    assert hub.created["me/dfew-lora"]["visibility"] == "private" and hub.messages == ["Upload the adapter dfew"]
    folder = tmp_path / "dfew-lora"
    assert main(["adapters", "export", str(trained), "--output", str(folder), "--base-model", BASE]) == 0
    exported = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert hub.files["me/dfew-lora"] == exported
    assert json.loads(exported["adapter_config.json"])["base_model_name_or_path"] == BASE


def test_push_again_replaces_what_was_sent(trained, hub):
    for answers in ("open", "mer2024"):
        options = ["--base-model", BASE, "--answers", answers]
        assert main(["adapters", "push", str(trained), "me/dfew-lora", *options]) == 0
    assert b"worried" in hub.files["me/dfew-lora"]["emotion_qwen_adapter.json"] and len(hub.messages) == 2


def test_push_needs_a_base_that_others_can_load(trained, hub, capsys):
    assert main(["adapters", "push", str(trained), "me/dfew-lora"]) == 2
    assert "name the published base model" in capsys.readouterr().err and hub.created == {}


@pytest.mark.parametrize("status", [400, 403, 500])
def test_a_hub_that_refuses_is_one_sentence(trained, hub, capsys, status):
    hub.refusal = (status, "You don't have the rights.")
    assert main(["adapters", "push", str(trained), "me/dfew-lora", "--base-model", BASE]) == 2
    (sentence,) = capsys.readouterr().err.splitlines()
    assert sentence.startswith("emotion-qwen: The Hub did not take 'me/dfew-lora': ")
    assert "You don't have the rights." in sentence


def test_a_hub_that_is_out_of_reach_is_one_sentence(trained, hub, capsys):
    hub.shutdown(), hub.server_close()
    assert main(["adapters", "push", str(trained), "me/dfew-lora", "--base-model", BASE]) == 2
    (sentence,) = capsys.readouterr().err.splitlines()
    assert sentence.startswith("emotion-qwen: The Hub did not take 'me/dfew-lora': ")


@pytest.mark.parametrize("token", ["hf_of_nobody", None])
def test_without_a_token_that_is_known_nothing_is_sent(trained, hub, capsys, monkeypatch, tmp_path, token):
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(tmp_path / "none"))
    monkeypatch.delenv("HF_TOKEN") if token is None else monkeypatch.setenv("HF_TOKEN", token)
    assert main(["adapters", "push", str(trained), "me/dfew-lora", "--base-model", BASE]) == 2
    assert "The Hub did not take 'me/dfew-lora': " in capsys.readouterr().err and hub.files == {}


@pytest.mark.parametrize("command", ["merge", "export"])
def test_what_is_there_is_left_alone(equipped, tmp_path, capsys, command):
    (tmp_path / "mine.txt").write_text("keep me")
    assert main(["adapters", command, "dfew", "--model", str(equipped), "--output", str(tmp_path)]) == 2
    assert "name a new folder" in capsys.readouterr().err and (tmp_path / "mine.txt").exists()


@pytest.mark.parametrize("command", ["merge", "export"])
def test_an_adapter_that_is_nowhere_is_one_sentence(equipped, tmp_path, capsys, command):
    out = tmp_path / "out"
    assert main(["adapters", command, "/no/such", "--model", str(equipped), "--output", str(out)]) == 2
    assert "no adapter folder" in capsys.readouterr().err and not out.exists()


def test_an_unknown_label_set_names_the_nearest(trained, tmp_path, capsys):
    assert main(["adapters", "export", str(trained), "--output", str(tmp_path / "a"), "--answers", "dfev"]) == 2
    assert "'dfew'" in capsys.readouterr().err
