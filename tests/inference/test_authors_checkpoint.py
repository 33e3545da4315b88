"""A folder laid out as the authors' checkpoint is known to be."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from emotion_qwen import EmotionQwenForConditionalGeneration
from emotion_qwen.inference.checkpoint import load_checkpoint
from emotion_qwen.inference.cli import main
from emotion_qwen.inference.initial_checkpoint import init_from_authors

from .authors_folder import GATE_WIDTH, WIDTH, write_authors


def load(folder: Path) -> EmotionQwenForConditionalGeneration:
    model, info = EmotionQwenForConditionalGeneration.from_pretrained(folder, output_loading_info=True)
    assert not any(info[kind] for kind in ("missing_keys", "unexpected_keys", "mismatched_keys"))
    return model.eval()


@pytest.fixture
def patches() -> torch.Tensor:
    return torch.randn(16, WIDTH, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("joined", [True, False])
def test_tower_language_model_and_experts_are_carried_over(tmp_path, patches, joined):
    published = write_authors(tmp_path / "authors", joined=joined)
    model = load(init_from_authors(tmp_path / "authors", tmp_path / "out").folder)
    compressor, tokens = model.model.visual.compressor, torch.arange(20)[None]
    assert torch.equal(model(input_ids=tokens).logits, published.qwen[0](input_ids=tokens).logits)
    blocks = published.qwen[0].model.visual.blocks.state_dict()
    assert all(torch.equal(weight, blocks[name]) for name, weight in model.model.visual.blocks.state_dict().items())
    for expert, theirs in (
        (compressor.general_expert, published.generalcompressor),
        (compressor.emotion_expert, published.emotioncompressor),
    ):
        torch.testing.assert_close(expert(compressor.norm(patches)), theirs(patches))


@pytest.mark.parametrize("joined", [True, False])
@pytest.mark.parametrize("first", ["general", "emotion"])
def test_the_gate_gives_a_frame_what_theirs_gives_its_mean(tmp_path, patches, joined, first):
    published = write_authors(tmp_path / "authors", joined=joined)
    written = init_from_authors(tmp_path / "authors", tmp_path / "out", first_gate_output=first)
    gate = load(written.folder).model.visual.compressor.gating_network
    # Blocks that all have the frame's mean, as averaging over blocks of 2x2 comes after the attention.
    ours = gate(patches, torch.tensor([0, 16]))
    theirs = published.gatenet(patches.mean(0, keepdim=True))
    expected = theirs if first == "emotion" else theirs.flip(-1)
    torch.testing.assert_close(ours, expected.expand_as(ours), atol=1e-5, rtol=1e-5)
    assert gate.router.in_features == GATE_WIDTH


def test_an_attending_gate_keeps_its_queries(tmp_path):
    published = write_authors(tmp_path / "authors")
    written = init_from_authors(tmp_path / "authors", tmp_path / "out", pools_before_gate=False)
    attention = load(written.folder).model.visual.compressor.gating_network.attention
    assert torch.equal(attention.query.weight, published.gatenet.attn.q_proj.weight)


def test_it_says_that_it_never_ran_on_the_real_file(tmp_path, capsys):
    write_authors(tmp_path / "authors", has_norms=False)
    assert main(["init", "--from-authors", str(tmp_path / "authors"), "--output", str(tmp_path / "out")]) == 0
    said = capsys.readouterr().err
    assert "never ran on the authors' file" in said and "ours normalise them" in said
    load_checkpoint(tmp_path / "out", device="cpu")


def test_a_merger_that_was_left_in_the_tower_stays_behind(tmp_path):
    write_authors(tmp_path / "authors")
    path = tmp_path / "authors" / "model.safetensors"
    save_file(load_file(path) | {"vpm.merger.ln_q.weight": torch.ones(WIDTH)}, path)
    written = init_from_authors(tmp_path / "authors", tmp_path / "out")
    load(written.folder)
    assert "left out" in written.notes[-1]


def test_options_of_the_other_source_are_refused(tmp_path, capsys):
    options = ["--from-authors", str(tmp_path), "--output", str(tmp_path / "out"), "--warm-start"]
    assert main(["init", *options]) == 2
    assert "leave the other options out" in capsys.readouterr().err


def rename(folder: Path, old: str, new: str) -> None:
    path = folder / "model.safetensors"
    save_file({name.replace(old, new): weight for name, weight in load_file(path).items()}, path)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("gatenet.", "router.", "has no gatenet"),
        ("generalcompressor.mlp.0", "generalcompressor.a.0", None),
        ("gatenet.attn.q_proj", "gatenet.attn.first", "one query layer"),
        ("gatenet.fc3", "gatenet.attn.fc3", None),
        ("vpm.blocks.1.norm1", "vpm.blocks.1.ln1", "lacks 1 of"),
        ("emotioncompressor.mlp.3.bias", "emotioncompressor.mlp.3.shift", "one LayerNorm"),
    ],
)
def test_layers_are_told_by_kind_and_shape_and_nothing_is_guessed(tmp_path, old, new, said):
    write_authors(tmp_path / "authors")
    rename(tmp_path / "authors", old, new)
    if said is None:
        load(init_from_authors(tmp_path / "authors", tmp_path / "out").folder)
        return
    with pytest.raises(ValueError, match=said) as caught:
        init_from_authors(tmp_path / "authors", tmp_path / "out")
    assert "\n" not in str(caught.value) and not (tmp_path / "out").exists()


def test_a_layer_without_a_place_is_named(tmp_path):
    write_authors(tmp_path / "authors")
    path = tmp_path / "authors" / "model.safetensors"
    save_file(load_file(path) | {"gatenet.extra.weight": torch.zeros(3, 5)}, path)
    with pytest.raises(ValueError, match=r"gatenet.extra \[3, 5\]"):
        init_from_authors(tmp_path / "authors", tmp_path / "out")
