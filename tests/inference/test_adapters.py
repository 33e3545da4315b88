"""Many adapters on one model: chosen by call, by row and by question, and refused where they don't fit."""

import json
import shutil
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import peft
import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import GenerationConfig

from emotion_qwen import export_to_hub
from emotion_qwen.inference import AdapterError, AdapterSet, EmotionAnalyzer
from emotion_qwen.inference.adapter_files import find_adapters
from emotion_qwen.inference.adapter_loading import merge_adapter
from emotion_qwen.inference.adapter_purpose import AdapterPurpose
from emotion_qwen.inference.checkpoint import load_checkpoint
from emotion_qwen.inference.label_sets import LABEL_SETS
from emotion_qwen.inference.prompts import EMOTION_LABELS
from emotion_qwen.lora_targets import LANGUAGE_MODEL_LAYERS
from emotion_qwen.train.recipe import find_recipe, read_recipe

from .tiny_adapters import write_adapter


@pytest.fixture(scope="module")
def shelf(checkpoint: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three adapters of different rank, in a folder each.

    Multiples of four, as in recipes: how a product with a thinner matrix rounds depends, on some CPUs, on its rows.
    """
    folder = tmp_path_factory.mktemp("shelf")
    for seed, (name, rank) in enumerate({"dfew": 4, "mer2024": 8, "ver": 12}.items()):
        write_adapter(checkpoint, folder / name, seed, r=rank)
    return folder


@pytest.fixture
def adapter(shelf: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(shelf / "dfew", tmp_path / "adapter"))


@pytest.fixture
def model(checkpoint: Path):
    return load_checkpoint(checkpoint, device="cpu")[0]


@pytest.fixture(scope="module")
def many(checkpoint: Path, shelf: Path) -> EmotionAnalyzer:
    adapters = {name: shelf / name for name in ("dfew", "mer2024", "ver")}
    return EmotionAnalyzer.from_pretrained(checkpoint, device="cpu", adapters=adapters)


def activate(model, adapter: str | Path) -> None:
    adapters = AdapterSet(model)
    adapters.activate(adapters.add(adapter))


def read(analyzer: EmotionAnalyzer, portrait: Path, **options):
    return analyzer.analyze(portrait, facial_emotion_capture=False, max_new_tokens=4, **options)


def batch(rows: int) -> dict[str, torch.Tensor]:
    tokens = torch.randint(7, 99, (rows, 9), generator=torch.Generator().manual_seed(0))
    return {"input_ids": tokens, "attention_mask": torch.ones_like(tokens)}


def test_an_adapter_chosen_by_call_says_what_it_says_alone(many, checkpoint, shelf, portrait):
    for name in ("mer2024", "dfew", "ver", "dfew"):
        alone = EmotionAnalyzer.from_pretrained(checkpoint, shelf / name, device="cpu")
        ours, theirs = read(many, portrait, adapter=name), read(alone, portrait)
        assert ours == theirs and ours.adapter == name


def test_without_an_adapter_the_model_answers_as_if_there_were_none(many, analyzer, portrait):
    plain = read(analyzer, portrait)
    read(many, portrait, adapter="dfew")
    assert read(many, portrait, adapter="base") == plain
    assert read(many, portrait, adapter="dfew") != plain


def test_a_general_question_gets_the_model_itself_and_an_emotional_one_its_adapter(many, analyzer, portrait):
    general, emotional = "What colour is the wall?", "Which emotion does the face show, and why?"
    assert (
        read(many, portrait, question=general, adapter="auto").text == read(analyzer, portrait, question=general).text
    )
    assert read(many, portrait, question=emotional, adapter="auto").adapter == "ver"
    assert read(many, portrait, question=emotional) == read(many, portrait, question=emotional, adapter="auto")
    chosen, dfew = (read(many, portrait, adapter=name, labels=EMOTION_LABELS) for name in ("auto", "dfew"))
    assert chosen.probabilities == dfew.probabilities  # the question for one of seven labels is DFEW's


def test_an_adapter_is_asked_for_its_own_labels(many, portrait):
    own, stated = read(many, portrait, adapter="mer2024"), read(many, portrait, adapter="mer2024", labels="mer2024")
    assert own == stated and tuple(own.probabilities) == LABEL_SETS["mer2024"].labels
    assert tuple(read(many, portrait, adapter="ver").probabilities) == EMOTION_LABELS


@pytest.mark.parametrize(
    ("adapter", "begun"), [("ver", ["adapters", "decode", "prepare"]), ("auto", ["decode", "adapters", "prepare"])]
)
def test_loading_an_adapter_is_a_stage_once(checkpoint, shelf, portrait, tmp_path, adapter, begun):
    folder = Path(shutil.copytree(checkpoint, tmp_path / "checkpoint"))
    shutil.copytree(shelf / "ver", folder / "adapters" / "ver")
    analyzer = EmotionAnalyzer.from_pretrained(folder, device="cpu")
    for expected in (begun, ["decode", "prepare"]):
        stages = []
        read(analyzer, portrait, adapter=adapter, on_stage=stages.append)
        assert stages[: len(expected)] == expected


def test_an_analyzer_may_prefer_an_adapter(checkpoint, shelf, many, portrait):
    adapters = {"dfew": shelf / "dfew", "ver": shelf / "ver"}
    analyzer = EmotionAnalyzer.from_pretrained(checkpoint, "dfew", device="cpu", adapters=adapters)
    assert read(analyzer, portrait) == read(many, portrait, adapter="dfew")
    assert read(analyzer, portrait, adapter="base") == read(many, portrait, adapter="base")


def test_adapters_that_come_with_a_checkpoint_are_known_by_name(checkpoint, shelf, many, portrait, tmp_path):
    folder = Path(shutil.copytree(checkpoint, tmp_path / "checkpoint"))
    shutil.copytree(shelf, folder / "adapters")
    analyzer = EmotionAnalyzer.from_pretrained(folder, device="cpu")
    assert analyzer.adapters.names == ("dfew", "mer2024", "ver")
    assert read(analyzer, portrait, adapter="ver").text == read(many, portrait, adapter="ver").text


def test_rows_of_one_batch_get_their_own_adapters_exactly(many):
    rows = ["dfew", None, "ver", "mer2024", "base", "dfew"]
    inputs = batch(len(rows))
    options = {"max_new_tokens": 6, "do_sample": False, "pad_token_id": 0}
    together = many.adapters.generate(rows, **inputs, **options)
    logits = many.adapters.forward(rows, **inputs).logits
    said = set()
    for row, name in enumerate(rows):
        with many.adapters.using(name):
            assert torch.equal(many.model.generate(**inputs, **options)[row], together[row])
            assert torch.equal(many.model(**inputs).logits[row], logits[row])
        said.add(tuple(together[row, 9:].tolist()))
    assert len(said) > 2 and many.adapters.active is None


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_rows_get_their_own_adapters_exactly_in_half_precision_too(checkpoint, shelf, dtype):
    halves, plain = (
        EmotionAnalyzer.from_pretrained(checkpoint, device="cpu", dtype=dtype, adapters=adapters)
        for adapters in (shelf, None)
    )
    rows, inputs = ["dfew", None, "ver"], batch(3)
    together = halves.adapters.forward(rows, **inputs).logits
    for row, name in enumerate(rows):
        with halves.adapters.using(name):
            assert torch.equal(halves.model(**inputs).logits[row], together[row])
    assert torch.equal(plain.model(**inputs).logits, halves.model(**inputs).logits)
    assert not torch.equal(together[0], plain.model(**inputs).logits[0])


def test_rows_with_pictures_get_their_own_adapters_too(many, portrait):
    content = [{"type": "image", "image": str(portrait)}, {"type": "text", "text": "How does she look?"}]
    conversation = [{"role": "user", "content": content}]
    options = {"tokenize": True, "return_dict": True, "return_tensors": "pt", "add_generation_prompt": True}
    inputs = many.processor.apply_chat_template([conversation] * 3, **options)
    rows = ["ver", None, "mer2024"]
    together = many.adapters.forward(rows, **inputs).logits
    for row, name in enumerate(rows):
        with many.adapters.using(name):
            assert torch.equal(many.model(**inputs).logits[row], together[row])


@pytest.fixture(scope="module")
def mixed(many, portrait, clip) -> dict[str, torch.Tensor]:
    """A batch of a picture, text alone, a clip, both, text and a picture, padded on the left."""
    image, video = {"type": "image", "image": str(portrait)}, {"type": "video", "video": str(clip)}
    rows = [[image], [], [video], [video, image], [], [image]]
    asked = {"type": "text", "text": "How does she look?"}
    return many.processor.apply_chat_template(
        [[{"role": "user", "content": [*media, asked]}] for media in rows],
        tokenize=True,
        return_dict=True,
        return_tensors="pt",
        add_generation_prompt=True,
        processor_kwargs={
            "padding": True,
            "padding_side": "left",
            "images_kwargs": {"facial_emotion_capture": False},
            "videos_kwargs": {"facial_emotion_capture": False},
        },
    )


MIXED = ("dfew", None, "ver", "mer2024", "dfew", "base")
GENERATION = {
    "greedy": {"max_new_tokens": 4},
    "beams": {"max_new_tokens": 4, "num_beams": 2, "num_return_sequences": 2},
    "beams in a config": {"generation_config": GenerationConfig(num_beams=2, max_new_tokens=4, pad_token_id=0)},
    "static cache": {"max_new_tokens": 4, "cache_implementation": "static"},
    "no cache": {"max_new_tokens": 4, "use_cache": False},
}


@pytest.mark.parametrize("name", GENERATION)
def test_rows_of_all_kinds_say_with_every_setting_what_they_say_alone(many, mixed, name):
    invisible = [many.model.config.image_token_id, many.model.config.video_token_id]  # would lack a picture
    settings = {"do_sample": False, "pad_token_id": 0, "suppress_tokens": invisible}
    options = settings if "config" not in name else {}
    together = many.adapters.generate(MIXED, **mixed, **options, **GENERATION[name])
    answers = len(together) // len(MIXED)
    for row, adapter in enumerate(MIXED):
        with many.adapters.using(adapter):
            alone = many.model.generate(**mixed, **options, **GENERATION[name])
        rows = slice(row * answers, (row + 1) * answers)
        length = min(alone.shape[1], together.shape[1])
        assert torch.equal(alone[rows, :length], together[rows, :length])
        assert not alone[rows, length:].any() and not together[rows, length:].any()  # padding
    many.model(**batch(1))


def test_several_samples_of_a_row_have_its_adapter(many, model, shelf):
    options = {"do_sample": True, "num_return_sequences": 3, "max_new_tokens": 4, "pad_token_id": 0}
    torch.manual_seed(0)
    drawn = many.adapters.generate(["dfew", "dfew"], **batch(2), **options)
    activate(model, shelf / "dfew")
    torch.manual_seed(0)
    assert torch.equal(model.generate(**batch(2), **options), drawn)


def test_a_batch_without_adapters_is_the_models(many, analyzer):
    inputs = batch(2)
    assert torch.equal(many.adapters.forward([None, "base"], **inputs).logits, analyzer.model(**inputs).logits)


def test_each_row_needs_a_name(many):
    with pytest.raises(ValueError, match="2 rows and 1 names"):
        many.adapters.forward(["dfew"], **batch(2))
    with pytest.raises(ValueError, match="0 rows and 1 names"):
        many.adapters.generate(["dfew"])


def test_a_batch_that_fails_leaves_nothing_behind(many, analyzer):
    inputs = batch(2)
    with pytest.raises(IndexError):
        many.adapters.forward(["dfew", "ver"], **inputs | {"input_ids": torch.full((2, 9), 10_000)})
    assert torch.equal(many.model(**inputs).logits, analyzer.model(**inputs).logits)
    with many.adapters.using("dfew"):
        many.model(**batch(1))


def test_threads_do_not_get_each_others_adapters(many):
    inputs = batch(1)
    chosen = ["dfew", None, "ver", "mer2024"]

    def answer(name: str | None) -> torch.Tensor:
        with many.adapters.using(name):
            return many.model.generate(**inputs, max_new_tokens=4, do_sample=False, pad_token_id=0)

    alone = [answer(name) for name in chosen]
    with ThreadPoolExecutor(4) as threads:
        together = list(threads.map(answer, chosen * 3))
    assert all(torch.equal(ours, theirs) for ours, theirs in zip(together, alone * 3, strict=True))


def test_an_adapter_first_asked_for_in_inference_mode_is_of_use_outside(model, shelf):
    adapters = AdapterSet(model)
    adapters.add(shelf / "dfew"), adapters.add(shelf / "ver")
    with torch.inference_mode():
        inside = adapters.forward(["dfew", "ver"], **batch(2)).logits
    assert torch.equal(adapters.forward(["dfew", "ver"], **batch(2)).logits, inside)


def test_an_error_inside_leaves_the_choice_as_it_was(many):
    with pytest.raises(KeyError), many.adapters.using("dfew"):
        raise KeyError
    assert many.adapters.active is None


def test_peft_alone_loads_what_we_load(checkpoint, shelf, many):
    model, _ = load_checkpoint(checkpoint, device="cpu")
    adapted = peft.PeftModel.from_pretrained(model, shelf / "ver").eval()
    inputs = batch(2)
    with many.adapters.using("ver"):
        assert torch.equal(adapted(**inputs).logits, many.model(**inputs).logits)


def test_the_targets_are_the_language_models_layers_and_no_other(model):
    config = peft.LoraConfig(r=2, target_modules=LANGUAGE_MODEL_LAYERS)
    adapted = peft.get_peft_model(model, config)
    wrapped = {name for name, module in adapted.named_modules() if isinstance(module, peft.tuners.lora.LoraLayer)}
    assert len(wrapped) == 2 * 7 and all("language_model.layers." in name for name in wrapped)


@pytest.mark.parametrize(
    "recipe", ["lora/dfew", "lora/emoset", "lora/mer2024", "lora/ver", "lora_single", "nano/lora", "nano/lora_clips"]
)
def test_every_recipe_of_an_adapter_has_these_targets(recipe):
    assert read_recipe(find_recipe(recipe))["lora_target_modules"] == [LANGUAGE_MODEL_LAYERS]


def test_a_merged_adapter_says_what_the_adapter_says(many, checkpoint, shelf, portrait):
    model, processor = load_checkpoint(checkpoint, device="cpu")
    merged = read(EmotionAnalyzer(merge_adapter(model, shelf / "dfew"), processor), portrait, labels="dfew")
    assert merged.probabilities == pytest.approx(read(many, portrait, adapter="dfew").probabilities, abs=1e-4)


def change_width(folder: Path) -> None:
    path = folder / "adapter_model.safetensors"
    save_file({name: torch.zeros(3, 5) for name in load_file(path)}, path)


def change_layers(folder: Path) -> None:
    path = folder / "adapter_model.safetensors"
    save_file({name.replace("layers.1", "layers.7"): weight for name, weight in load_file(path).items()}, path)


def change_config(folder: Path, **values) -> None:
    path = folder / "adapter_config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | values))


def change_targets(folder: Path) -> None:
    change_config(folder, target_modules=["c_attn"])


def change_class(folder: Path) -> None:
    change_config(folder, auto_mapping={"base_model_class": "Qwen2_5_VLForConditionalGeneration"})


def change_base(folder: Path) -> None:
    (folder / "config.json").write_text('{"model_type": "llama"}')
    change_config(folder, base_model_name_or_path=str(folder))


def damage(folder: Path) -> None:
    (folder / "adapter_model.safetensors").write_bytes(b"no weights at all")


SPOILS = [change_width, change_layers, change_targets, change_class, change_base, damage]


@pytest.mark.parametrize("spoil", SPOILS)
def test_an_adapter_of_another_model_is_refused_and_the_model_stays_as_it_was(model, analyzer, adapter, spoil):
    spoil(adapter)
    with pytest.raises(AdapterError) as caught:
        activate(model, adapter)
    assert "\n" not in str(caught.value) and "adapter" in str(caught.value).lower()
    assert torch.equal(model(**batch(1)).logits, analyzer.model(**batch(1)).logits)


@pytest.mark.parametrize("spoil", SPOILS)
def test_a_second_adapter_that_does_not_fit_leaves_the_first_one_working(model, shelf, adapter, spoil):
    adapters = AdapterSet(model)
    adapters.activate(adapters.add(shelf / "ver"))
    before = model(**batch(1)).logits
    spoil(adapter)
    adapters.add(adapter)
    with pytest.raises(AdapterError):
        adapters.activate("adapter")
    assert adapters.active == "ver" and torch.equal(model(**batch(1)).logits, before)


def test_adapters_without_peft_say_what_to_install(model, shelf, monkeypatch):
    monkeypatch.setitem(sys.modules, "peft", None)
    with pytest.raises(AdapterError, match="pip install peft"):
        activate(model, shelf / "dfew")


def test_a_model_with_adapters_is_exported_once_it_has_its_own_layers_back(checkpoint, shelf, analyzer, tmp_path):
    own = EmotionAnalyzer.from_pretrained(checkpoint, "ver", device="cpu", adapters=shelf)
    adapted = own.model(**batch(1)).logits
    with pytest.raises(TypeError, match=r"carries an adapter.*`unload\(\)`"):
        export_to_hub(own.model, own.processor, tmp_path / "out")
    own.adapters.unload()
    assert own.adapters.active is None
    assert {name for name, _ in own.model.named_parameters()} == {n for n, _ in analyzer.model.named_parameters()}
    export_to_hub(own.model, own.processor, tmp_path / "out", adapters=shelf)
    exported = EmotionAnalyzer.from_pretrained(tmp_path / "out", device="cpu")
    assert torch.equal(exported.model(**batch(1)).logits, analyzer.model(**batch(1)).logits)
    for each in (own, exported):
        with each.adapters.using("ver"):
            assert torch.equal(each.model(**batch(1)).logits, adapted)


MORE_THAN_LAYERS = {
    "what is seen": {"target_modules": ["qkv", "q_proj"]},
    "the head": {"target_modules": ["lm_head", "q_proj"]},
    "the embedding": {"target_modules": ["embed_tokens", "q_proj"]},
    "biases": {"bias": "lora_only"},
    "a whole module": {"modules_to_save": ["lm_head"]},
    "norms": {"modules_to_save": ["input_layernorm"]},
    "single tokens": {"trainable_token_indices": [1, 2]},
    "sizes of columns": {"use_dora": True},
}


@pytest.mark.parametrize("changed", MORE_THAN_LAYERS)
def test_an_adapter_that_could_not_be_turned_off_or_told_by_row_is_for_merging(
    changed, checkpoint, model, analyzer, shelf, tmp_path
):
    folder = write_adapter(checkpoint, tmp_path / "more", spoil_everything=True, **MORE_THAN_LAYERS[changed])
    adapters = AdapterSet(model)
    adapters.add(folder), adapters.add(shelf / "ver")
    for _ in range(2):  # as the first adapter, and beside another
        with pytest.raises(AdapterError, match="merge it instead"):
            adapters.activate("more")
        assert torch.equal(model(**batch(1)).logits, analyzer.model(**batch(1)).logits)
        adapters.load("ver")
    alone = load_checkpoint(checkpoint, device="cpu")[0]
    adapted = peft.PeftModel.from_pretrained(load_checkpoint(checkpoint, device="cpu")[0], folder).eval()
    merged = merge_adapter(alone, folder)
    assert not any("lora" in name for name, _ in merged.named_parameters())
    torch.testing.assert_close(merged(**batch(1)).logits, adapted(**batch(1)).logits, rtol=0, atol=1e-3)
    assert not torch.equal(merged(**batch(1)).logits, analyzer.model(**batch(1)).logits)


def test_other_kinds_of_adapters_are_for_merging_too(checkpoint, model, analyzer, tmp_path):
    loaded, _ = load_checkpoint(checkpoint, device="cpu")
    scales = peft.IA3Config(target_modules=["k_proj", "down_proj"], feedforward_modules=["down_proj"])
    peft.get_peft_model(loaded, scales).save_pretrained(tmp_path / "scales")
    with pytest.raises(AdapterError, match="Only LoRA .* of the kind IA3"):
        activate(model, tmp_path / "scales")
    assert torch.equal(model(**batch(1)).logits, analyzer.model(**batch(1)).logits)
    assert not any("ia3" in name for name, _ in merge_adapter(model, tmp_path / "scales").named_parameters())


@pytest.mark.parametrize("name", ["adapter_config.json", "adapter_model.safetensors"])
def test_an_adapter_without_a_file_names_it(model, adapter, name):
    (adapter / name).unlink()
    with pytest.raises(AdapterError, match=name):
        activate(model, adapter)


@pytest.mark.parametrize("name", ["adapter_config.json", "adapter_model.safetensors"])
def test_a_checkpoint_whose_adapter_lacks_a_file_names_it(checkpoint, shelf, tmp_path, name):
    folder = Path(shutil.copytree(checkpoint, tmp_path / "checkpoint"))
    shutil.copytree(shelf, folder / "adapters")
    (folder / "adapters" / "ver" / name).unlink()
    with pytest.raises(AdapterError, match=f"ver' lacks {name}"):
        EmotionAnalyzer.from_pretrained(folder, device="cpu")


@pytest.mark.parametrize("path", ["/no/such/adapter", "nobody/nothing-of-that-name"])
def test_an_adapter_that_is_nowhere(model, path):
    with pytest.raises(AdapterError, match="no adapter"):
        activate(model, path)


def test_an_unknown_name_lists_the_known_ones(many, portrait):
    with pytest.raises(AdapterError, match="no adapter 'joy'.*dfew, mer2024, ver"):
        read(many, portrait, adapter="joy")


def test_folders_are_found_by_names_they_can_be_called_by(shelf, tmp_path, monkeypatch):
    for name in ("dfew-v1.0", ".ver.1234.partial", "ver", "ver/checkpoint-20"):
        shutil.copytree(shelf / "ver", tmp_path / "runs" / name, dirs_exist_ok=True)
    (tmp_path / "runs" / "latest").symlink_to(tmp_path / "runs" / "ver")
    (tmp_path / "runs" / "notes").mkdir()
    assert list(find_adapters(tmp_path / "runs")) == ["dfew-v1_0", "latest", "ver"]
    monkeypatch.chdir(tmp_path / "runs" / "ver" / "checkpoint-20")
    assert list(find_adapters("..")) == ["ver"] and list(find_adapters(".")) == ["checkpoint-20"]
    assert find_adapters(tmp_path / "nowhere") == {}


def test_an_unknown_name_at_the_start_lists_the_known_ones_too(checkpoint, shelf):
    with pytest.raises(AdapterError, match="no adapter 'joy' here; known: dfew, mer2024, ver"):
        EmotionAnalyzer.from_pretrained(checkpoint, "joy", device="cpu", adapters=shelf)


@pytest.mark.parametrize("name", ["base", "auto", "lora_", "a.b", ""])
def test_names_that_mean_something_else_are_refused(model, adapter, name):
    with pytest.raises(AdapterError, match="no name for an adapter"):
        AdapterSet(model).add(adapter, name)


def test_one_name_means_one_adapter(model, shelf):
    adapters = AdapterSet(model)
    adapters.add(shelf / "dfew", "mine")
    adapters.add(shelf / "dfew", "mine")
    with pytest.raises(AdapterError, match="two adapters named 'mine'"):
        adapters.add(shelf / "ver", "mine")


def test_a_purpose_file_says_what_an_adapter_answers(model, adapter):
    AdapterPurpose(("calm", "tense")).save(adapter)
    adapters = AdapterSet(model)
    adapters.add(adapter, "own")
    assert adapters.purposes["own"] == AdapterPurpose(("calm", "tense"))


@pytest.mark.parametrize(
    "stated", ["{", "[]", '{"labels": "happy"}', '{"labels": ["a"]}', '{"media": "sound"}', '{"open_questions": 3}']
)
def test_a_purpose_file_that_is_damaged_is_named(model, adapter, stated):
    (adapter / "emotion_qwen_adapter.json").write_text(stated)
    with pytest.raises(AdapterError, match="emotion_qwen_adapter.json"):
        AdapterSet(model).add(adapter)
