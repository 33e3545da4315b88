"""An exported folder, seen by someone who has nothing but transformers."""

import ast
import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import av
import peft
import pytest
import torch
from PIL import Image
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from transformers import AutoModel, AutoProcessor

from emotion_qwen import EmotionQwenForConditionalGeneration, export_to_hub
from emotion_qwen.inference import AdapterError, AdapterPurpose, EmotionAnalyzer
from emotion_qwen.inference.cli import main
from emotion_qwen.lora_targets import LANGUAGE_MODEL_LAYERS
from emotion_qwen.processing import EmotionQwenProcessor

from .tiny_checkpoint import tiny_model, tiny_processor, write_clip, write_portrait

CLIENT = Path(__file__).with_name("folder_client.py")
HAS_VIDEO_READER = any(importlib.util.find_spec(name) for name in ("decord", "torchcodec"))


@pytest.fixture(scope="module")
def processor() -> EmotionQwenProcessor:
    return tiny_processor()


@pytest.fixture(scope="module")
def model(processor) -> EmotionQwenForConditionalGeneration:
    return tiny_model(processor)


@pytest.fixture(scope="module")
def adapters(processor, tmp_path_factory) -> Path:
    """Two adapters, as a training run leaves them; the first says what it answers."""
    folder = tmp_path_factory.mktemp("runs")
    for seed, name in enumerate(("clips", "portraits")):
        torch.manual_seed(seed)
        config = peft.LoraConfig(target_modules=LANGUAGE_MODEL_LAYERS, r=2 + seed, init_lora_weights=False)
        peft.get_peft_model(tiny_model(processor), config).save_pretrained(folder / name)
    AdapterPurpose(("calm", "tense"), True, "video").save(folder / "clips")
    return folder


@pytest.fixture(scope="module")
def exported(model, processor, adapters, tmp_path_factory) -> Path:
    target = tmp_path_factory.mktemp("hub") / "Emotion-Qwen tiny.v0"
    return export_to_hub(model, processor, target, adapters=adapters)


@pytest.fixture(scope="module")
def media(model, processor, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("media")
    write_portrait(folder / "portrait.png")
    clip = write_clip(folder / "clip.mp4")
    (folder / "frames").mkdir()
    with av.open(str(clip)) as container:
        for index, frame in enumerate(container.decode(video=0)):
            if index % 4 == 0:
                frame.to_image().save(folder / "frames" / f"{index:03}.png")
    text = "<|vision_start|><|image_pad|><|vision_end|>How does she look?"
    inputs = processor(text=[text], images=[Image.open(folder / "portrait.png")], return_tensors="pt")
    with torch.no_grad():
        logits = model(**inputs).logits
    torch.save({"inputs": dict(inputs), "logits": logits}, folder / "inputs.pt")
    return folder


@pytest.fixture(scope="module")
def results(exported, media, tmp_path_factory) -> dict[str, dict]:
    """What a fresh process without the package and without a network makes of the folder."""
    workplace = tmp_path_factory.mktemp("stranger")
    environment = os.environ | {"HF_HUB_OFFLINE": "1", "HF_HOME": str(workplace / "hf"), "OMP_NUM_THREADS": "1"}
    environment |= {"HF_MODULES_CACHE": str(workplace / "modules")}
    output = workplace / "results.json"
    finished = subprocess.run(
        [sys.executable, str(CLIENT), str(exported), str(media), str(output)],
        cwd=workplace,
        env=environment,
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert finished.returncode == 0, finished.stderr
    return json.loads(output.read_text(encoding="utf-8"))


def value(results: dict[str, dict], check: str):
    assert "error" not in results[check], results[check]["error"]
    return results[check]["value"]


def test_every_auto_class_of_the_design_page_loads(results):
    model = "EmotionQwenForConditionalGeneration"
    assert value(results, "auto_classes") == {
        "AutoConfig": "EmotionQwenConfig",
        "AutoModel": model,
        "AutoModelForImageTextToText": model,
        "AutoModelForMultimodalLM": model,
        "AutoProcessor": "EmotionQwenProcessor",
        "AutoImageProcessor": "EmotionQwenImageProcessor",
        "AutoVideoProcessor": "EmotionQwenVideoProcessor",
        "AutoTokenizer": "TokenizersBackend",
    }


def test_no_weight_is_missing_or_left_over(results):
    assert value(results, "loading_info") == {"missing_keys": [], "unexpected_keys": [], "mismatched_keys": []}


def test_logits_are_those_of_the_package(results):
    assert value(results, "logits_differ_by") < 1e-5


def test_auto_model_answers_on_a_clip_with_capture_on_and_off(results):
    answers = value(results, "answer_on_clip")
    (rows_on, *_), new_tokens = answers["with_capture"]
    (rows_off, *_), _ = answers["without_capture"]
    assert rows_on > rows_off  # the masked key frames of the face, appended
    assert new_tokens == 5


def test_folder_works_as_a_repository_of_the_hub(results):
    grid, new_tokens = value(results, "answer_on_clip")["with_capture"]
    assert value(results, "answer_from_hub_cache") == {"grid": grid, "tokens": new_tokens}


@pytest.mark.parametrize("check", ["authors_client_image", "authors_client_video_frames"])
def test_the_authors_client_runs_unchanged(results, check):
    assert value(results, check)


@pytest.mark.skipif(not HAS_VIDEO_READER, reason="qwen_vl_utils reads video files with decord or torchcodec")
def test_the_authors_client_runs_unchanged_on_a_video_file(results):
    assert value(results, "authors_client_video_file")


def test_pipelines_answer(results):
    assert value(results, "answers_of_pipelines") == {"image-text-to-text": 5, "any-to-any": 5}


def test_the_folder_analyses_a_clip(results):
    analysis = value(results, "analysis_of_clip")
    assert sum(analysis["probabilities"].values()) == pytest.approx(1, abs=1e-4)
    assert analysis["gate"] and analysis["timeline"]


def test_adapters_of_the_folder_are_chosen_by_name_and_by_question(results):
    said = value(results, "adapters_of_the_folder")
    assert said["names"] == ["clips", "portraits"]
    assert said["chosen"] == {"clips": "clips", "auto": "clips", "base": None}
    assert said["labels"]["clips"] != said["labels"]["base"]
    assert said["by_peft"] and said["from_the_hub"] == said["names"]


def test_examples_of_the_card_run_as_they_stand(results):
    answer, analysis, _adapter = value(results, "examples_of_the_card")
    assert answer.strip() and analysis.strip()


def test_what_was_loaded_can_be_saved_loaded_again_and_still_finds_faces(results):
    assert value(results, "saved_again") == value(results, "answer_on_clip")["with_capture"][0]


def test_nothing_came_from_the_package(results):
    assert value(results, "modules_of_the_package") == []


def test_folder_is_flat_and_complete(exported):
    names = {entry.name for entry in exported.iterdir()}
    assert [entry.name for entry in exported.iterdir() if entry.is_dir()] == ["adapters"]
    carried = {"adapter_config.json", "adapter_model.safetensors", "emotion_qwen_adapter.json"}
    assert all({file.name for file in folder.iterdir()} == carried for folder in (exported / "adapters").iterdir())
    assert names >= {
        *(
            "config.json",
            "generation_config.json",
            "model.safetensors",
            "processor_config.json",
            "chat_template.jinja",
        ),
        *("tokenizer.json", "tokenizer_config.json", "face_networks.safetensors", "LICENSE", "NOTICE", "README.md"),
        *("modeling_emotion_qwen.py", "hybrid_compressor.py", "facial_emotion_capture.py", "video_decoding.py"),
    }
    assert not names & {"__init__.py", "hub_export.py", "auto_registration.py", "convert_face_networks.py"}


def test_auto_config_comes_first_in_the_map(exported):
    config = json.loads((exported / "config.json").read_text(encoding="utf-8"))
    assert list(config["auto_map"])[:2] == ["AutoConfig", "AutoModel"]
    assert config["auto_map"]["AutoModel"] == "modeling_emotion_qwen.EmotionQwenForConditionalGeneration"


def test_json_holds_no_path_of_this_machine(exported):
    for file in (*exported.rglob("*.json"), exported / "README.md"):
        text = file.read_text(encoding="utf-8")
        assert str(exported.parent) not in text and str(Path(__file__).parents[2]) not in text, file.name


def test_card_states_the_size_and_the_projector(exported, model):
    card = (exported / "README.md").read_text(encoding="utf-8")
    assert f"{model.num_parameters():,}" in card and "$" not in card
    assert 'projector_type="hybrid"' in card and "Article 5(1)(f)" in card


def test_exported_code_keeps_the_rules_of_a_flat_folder(exported):
    for file in exported.glob("*.py"):
        source = file.read_text(encoding="utf-8")
        imports = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Import | ast.ImportFrom)]
        for node in imports:
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else [alias.name for alias in node.names]
            assert not any(name.partition(".")[0] == "emotion_qwen" for name in names), file.name
            if isinstance(node, ast.ImportFrom) and node.level:
                assert node.level == 1 and node.module and "." not in node.module, f"{file.name}:{node.lineno}"
                assert (exported / f"{node.module}.py").is_file(), f"{file.name}: {node.module}"
        # What the loader's own scan finds must be statements: a line of a docstring would send it looking for a file.
        scanned = set(re.findall(r"^\s*from\s+\.(\S+)\s+import", source, flags=re.MULTILINE))
        stated = {node.module for node in imports if isinstance(node, ast.ImportFrom) and node.level}
        assert scanned == stated, file.name


def test_no_file_of_one_folder_would_overwrite_one_of_the_other():
    model, processing = (
        Path(sys.modules[name].__file__).parent for name in ("emotion_qwen", "emotion_qwen.processing")
    )
    shared = {file.name for file in model.glob("*.py")} & {file.name for file in processing.glob("*.py")}
    assert shared == {"__init__.py"}


def test_weights_are_sharded_on_request(model, processor, tmp_path):
    folder = export_to_hub(model, processor, tmp_path / "sharded", max_shard_size="200KB")
    assert len(list(folder.glob("model-*.safetensors"))) > 1
    _, info = EmotionQwenForConditionalGeneration.from_pretrained(folder, output_loading_info=True)
    assert not info["missing_keys"] and not info["unexpected_keys"]


def test_half_precision_stays(processor, tmp_path):
    folder = export_to_hub(tiny_model(processor).to(torch.bfloat16), processor, tmp_path / "half")
    with safe_open(folder / "model.safetensors", "pt") as weights:
        assert weights.get_tensor("lm_head.weight").dtype == torch.bfloat16
    assert json.loads((folder / "config.json").read_text())["dtype"] == "bfloat16"


def test_installed_package_wins_over_the_folder(exported):
    assert type(AutoModel.from_pretrained(exported, trust_remote_code=True)) is EmotionQwenForConditionalGeneration
    loaded = AutoProcessor.from_pretrained(exported, trust_remote_code=True)
    assert type(loaded) is EmotionQwenProcessor
    assert type(loaded.video_processor).__module__ == "emotion_qwen.processing.video_processing_emotion_qwen"


def test_exporting_leaves_no_mark_on_later_saves(exported, model, processor, tmp_path):
    model.save_pretrained(tmp_path)
    processor.save_pretrained(tmp_path)
    assert not list(tmp_path.glob("*.py"))
    assert "auto_map" not in json.loads((tmp_path / "config.json").read_text(encoding="utf-8"))
    assert "auto_map" not in (tmp_path / "processor_config.json").read_text(encoding="utf-8")


def test_what_was_loaded_from_an_export_exports_again(exported, tmp_path):
    model = AutoModel.from_pretrained(exported)
    processor = AutoProcessor.from_pretrained(exported)
    folder = export_to_hub(model, processor, tmp_path / "again", adapters=exported / "adapters")
    assert {entry.name for entry in folder.iterdir()} == {entry.name for entry in exported.iterdir()}
    for name in ("processor_config.json", "model.safetensors", "chat_template.jinja", "face_networks.safetensors"):
        assert (folder / name).read_bytes() == (exported / name).read_bytes()
    auto_maps = [
        json.loads((each / "config.json").read_text(encoding="utf-8"))["auto_map"] for each in (folder, exported)
    ]
    assert list(auto_maps[0].items()) == list(auto_maps[1].items())


def test_merged_adapter_exports_and_an_unmerged_one_does_not(processor, tmp_path):
    adapted = peft.get_peft_model(tiny_model(processor), peft.LoraConfig(target_modules=r".*layers.*q_proj"))
    torch.nn.init.normal_(
        adapted.base_model.model.model.language_model.layers[0].self_attn.q_proj.lora_B["default"].weight
    )
    with pytest.raises(TypeError, match="merge_and_unload"):
        export_to_hub(adapted, processor, tmp_path / "adapted")
    assert not list(tmp_path.iterdir())
    merged = adapted.merge_and_unload()
    folder = export_to_hub(merged, processor, tmp_path / "merged")
    reloaded, info = EmotionQwenForConditionalGeneration.from_pretrained(folder, output_loading_info=True)
    assert not info["missing_keys"] and not info["unexpected_keys"]
    name = "model.language_model.layers.0.self_attn.q_proj.weight"
    assert torch.equal(reloaded.state_dict()[name], merged.state_dict()[name])
    assert not torch.equal(reloaded.state_dict()[name], tiny_model(processor).state_dict()[name])


def test_adapters_of_an_export_travel_on_with_it(exported, tmp_path, capsys):
    out = tmp_path / "copy"
    assert main(["export", str(out), "--model", str(exported)]) == 0
    for file in (exported / "adapters").rglob("*.*"):
        assert (out / file.relative_to(exported)).read_bytes() == file.read_bytes()
    assert "`clips` answers with one of calm, tense and open questions" in (out / "README.md").read_text()
    assert main(["adapters", "list", "--model", str(out)]) == 0
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()[1:]] == ["clips", "portraits"]


def test_a_checkpoint_with_an_adapter_merged_in_carries_none(exported, tmp_path):
    out = tmp_path / "merged"
    assert main(["export", str(out), "--model", str(exported), "--adapter", "clips"]) == 0
    assert not (out / "adapters").exists() and "## Adapters" not in (out / "README.md").read_text()


def test_an_export_is_replaced_with_its_adapters_but_not_with_ones_own(exported, model, processor, adapters, tmp_path):
    folder = Path(shutil.copytree(exported, tmp_path / "export"))
    export_to_hub(model, processor, folder, adapters={"clips": adapters / "portraits"}, overwrite=True)
    assert [entry.name for entry in (folder / "adapters").iterdir()] == ["clips"]
    shutil.copytree(adapters / "clips", folder / "adapters" / "mine")
    with pytest.raises(FileExistsError, match="adapters besides"):
        export_to_hub(model, processor, folder, overwrite=True)
    shutil.rmtree(folder / "adapters" / "mine")
    export_to_hub(model, processor, folder, overwrite=True)
    assert not (folder / "adapters").exists()


@pytest.mark.parametrize("spoil", ["width", "layers", "name", "folder", "more"])
def test_an_adapter_that_does_not_fit_is_not_carried(spoil, model, processor, adapters, tmp_path):
    folder = Path(shutil.copytree(adapters / "clips", tmp_path / "a" / "clips"))
    weights = load_file(folder / "adapter_model.safetensors")
    if spoil == "width":
        weights = {key: torch.zeros(3, 5) for key in weights}
    elif spoil == "layers":
        weights = {key.replace("layers.1", "layers.7"): weight for key, weight in weights.items()}
    elif spoil == "more":
        weights["base_model.model.lm_head.weight"] = torch.zeros(3, 5)
    save_file(weights, folder / "adapter_model.safetensors")
    named = {"base" if spoil == "name" else "clips": tmp_path / "none" if spoil == "folder" else folder}
    with pytest.raises(AdapterError) as error:
        export_to_hub(model, processor, tmp_path / "export", adapters=named)
    assert "\n" not in str(error.value) and not (tmp_path / "export").exists()


def test_the_folders_adapters_answer_as_those_that_were_trained(exported, adapters, media):
    own = EmotionAnalyzer.from_pretrained(exported, "portraits", device="cpu")
    trained = EmotionAnalyzer.from_pretrained(exported, adapters / "portraits", device="cpu")
    ours, theirs = (each.analyze(media / "portrait.png", max_new_tokens=4) for each in (own, trained))
    assert ours == theirs and ours.adapter == "portraits"


def test_adapter_added_by_transformers_is_refused(processor, tmp_path):
    model = tiny_model(processor)
    model.add_adapter(peft.LoraConfig(target_modules=r".*layers.*q_proj"))
    with pytest.raises(TypeError, match="adapter"):
        export_to_hub(model, processor, tmp_path / "adapted")


def test_other_models_and_processors_are_refused(model, processor, tmp_path):
    with pytest.raises(TypeError, match="EmotionQwenModel"):
        export_to_hub(model.model, processor, tmp_path / "base")
    with pytest.raises(TypeError, match="EmotionQwenProcessor"):
        export_to_hub(model, processor.tokenizer, tmp_path / "tokenizer")


def test_processor_of_another_model_is_refused(processor, tmp_path):
    model = tiny_model(processor)
    model.config.video_token_id = 7
    with pytest.raises(ValueError, match="video_token_id is 7"):
        export_to_hub(model, processor, tmp_path / "mixed")
    larger = tiny_processor()
    larger.tokenizer.add_tokens(["<a>", "<b>"])
    with pytest.raises(ValueError, match="tokens"):
        export_to_hub(tiny_model(processor), larger, tmp_path / "larger")
    silent = tiny_processor()
    silent.chat_template = None
    with pytest.raises(ValueError, match="chat template"):
        export_to_hub(tiny_model(processor), silent, tmp_path / "silent")
    assert not list(tmp_path.iterdir())


def test_export_fills_an_empty_folder(model, processor, tmp_path):
    (tmp_path / "empty").mkdir()
    assert (export_to_hub(model, processor, tmp_path / "empty") / "config.json").is_file()
    assert [entry.name for entry in tmp_path.iterdir()] == ["empty"]


@pytest.mark.parametrize("config", ["{}", "[1]", "null", '{"auto_map": null}'])
def test_foreign_folder_and_file_are_left_alone(model, processor, tmp_path, config):
    foreign = tmp_path / "thesis"
    foreign.mkdir()
    (foreign / "config.json").write_text(config)
    (tmp_path / "file").write_text("mine")
    for overwrite in (False, True):
        with pytest.raises(FileExistsError, match="not an exported model"):
            export_to_hub(model, processor, foreign, overwrite=overwrite)
        with pytest.raises(FileExistsError, match="is a file"):
            export_to_hub(model, processor, tmp_path / "file", overwrite=overwrite)
    assert [entry.name for entry in foreign.iterdir()] == ["config.json"]
    assert (tmp_path / "file").read_text() == "mine"


def test_earlier_export_is_replaced_only_on_request_and_only_alone(model, processor, tmp_path):
    folder = export_to_hub(model, processor, tmp_path / "export", max_shard_size="200KB")
    with pytest.raises(FileExistsError, match="overwrite=True"):
        export_to_hub(model, processor, folder)
    export_to_hub(model, processor, folder, overwrite=True)
    assert (folder / "model.safetensors").is_file() and not list(folder.glob("model-*"))

    (folder / "results.csv").write_text("mine")
    with pytest.raises(FileExistsError, match=r"results\.csv"):
        export_to_hub(model, processor, folder, overwrite=True)
    assert (folder / "results.csv").read_text() == "mine" and (folder / "model.safetensors").is_file()
    assert [entry.name for entry in tmp_path.iterdir()] == ["export"]


def test_failing_export_leaves_nothing_behind(model, processor, tmp_path, monkeypatch):
    def full_disk(*_args, **_kwargs):
        raise OSError("No space left on device")

    monkeypatch.setattr(type(processor), "save_pretrained", full_disk)
    with pytest.raises(OSError, match="No space left"):
        export_to_hub(model, processor, tmp_path / "export")
    assert not list(tmp_path.iterdir())
