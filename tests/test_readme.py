"""What the README tells people to run, runs."""

import re
import shlex
import shutil
import tomllib
from pathlib import Path

import pytest
import torch
from peft import get_peft_model
from trl import ModelConfig, SFTConfig, get_peft_config

from emotion_qwen import EmotionQwenConfig, EmotionQwenForConditionalGeneration
from emotion_qwen.inference import cli
from emotion_qwen.train.recipe import RecipeParser
from emotion_qwen.train.sft import ScriptArguments
from emotion_qwen.train.trainable_modules import set_trainable

ROOT = Path(__file__).parents[1]
PARTS = (
    r"visual\.(blocks|patch_embed)",
    "emotion_expert",
    "general_expert",
    "gating_network",
    r"^(?!.*lora_).*(language_model|lm_head)",
    "lora_",
)
"""Patterns of parameters' names, in the order of the table's columns."""
FOLDERS = ("processing", "modeling_emotion_qwen", "inference", "train")
EXTRA = r"pip install '?emotion-qwen\[([a-z]+)\]"
README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, flags=re.DOTALL)


def commands() -> list[str]:
    inline = re.findall(r"`(emotion-qwen [a-z]+ [^`]+)`", README)
    lines = [line for block in blocks("bash") for line in block.splitlines()]
    return [shlex.join(shlex.split(line, comments=True)) for line in inline + lines if line.startswith("emotion-qwen")]


@pytest.fixture(scope="module")
def workplace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("readme")
    (folder / "examples").symlink_to(ROOT / "examples")
    for recipe in blocks("yaml"):
        (folder / re.match(r"# (\S+\.yaml)", recipe).group(1)).write_text(recipe, encoding="utf-8")
    for label, example in (("happy", "clip.mp4"), ("surprise", "astronaut.png")):
        (folder / "my_clips" / label).mkdir(parents=True)
        shutil.copy(ROOT / "examples" / example, folder / "my_clips" / label)
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


def test_where_commands_are_is_said_before_the_first_of_them():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    (folder,) = re.findall(r"^VENV \?= (\S+)$", makefile, flags=re.MULTILINE)
    assert f"source {folder}/bin/activate" in README[: README.index("emotion-qwen analyze")]


def test_extras_that_people_are_told_to_install_exist():
    known = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    sources = [ROOT / "README.md", *(file for folder in FOLDERS for file in (ROOT / folder).rglob("*.py"))]
    told = {name for source in sources for name in re.findall(EXTRA, source.read_text(encoding="utf-8"))}
    assert "train" in told and told <= set(known)


def test_links_lead_somewhere():
    links = re.findall(r"\]\(([^)#]+)\)", README)
    assert all((ROOT / link).exists() for link in links if "://" not in link)


def test_the_picture_is_light():
    (picture,) = re.findall(r"!\[[^]]+\]\(([^)]+)\)", README)
    assert (ROOT / picture).stat().st_size < 300_000


def test_the_table_of_what_is_trained_is_what_the_recipes_train():
    (header, _, *rows) = re.search(r"\| recipe \|.*?\n\n", README, flags=re.DOTALL).group().strip().splitlines()
    parts = dict(zip(cells(header)[1:], PARTS, strict=True))
    for row in rows:
        recipe, *shown = cells(row)
        names = trained_parameters(recipe.strip("`").replace("*", "dfew"))
        counted = {part: sum(size for name, size in names.items() if re.search(parts[part], name)) for part in parts}
        assert shown == [f"{count / 1e6:,.2f}" if count else "–" for count in counted.values()], recipe


def cells(row: str) -> list[str]:
    return [cell.strip() for cell in row.strip("|").split("|")]


def trained_parameters(recipe: str) -> dict[str, int]:
    parser = RecipeParser((ScriptArguments, SFTConfig, ModelConfig))
    script, _, model_settings = parser.parse_recipe([recipe, "bf16=false"])
    with torch.device("meta"):
        model = EmotionQwenForConditionalGeneration(EmotionQwenConfig())
        set_trainable(model, script.trainable)
        if model_settings.use_peft:
            model = get_peft_model(model, get_peft_config(model_settings))
    return {name: p.numel() for name, p in model.named_parameters() if p.requires_grad}
