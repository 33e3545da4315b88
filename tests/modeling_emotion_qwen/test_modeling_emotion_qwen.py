"""The forward pass: parity with Qwen2.5-VL, independence of items, gate output, attention paths."""

import pytest
import torch
from transformers import Qwen2_5_VLConfig, Qwen2_5_VLForConditionalGeneration

from emotion_qwen import EmotionQwenConfig, EmotionQwenForConditionalGeneration, mean_gate_weights

from .tiny import (
    BACKBONES,
    LLAMA_TEXT,
    QWEN_TEXT,
    TOKEN_IDS,
    VISION,
    left_pad,
    mixed_prompts,
    pixels,
    prompt,
    randomise,
    tiny_config,
    tiny_model,
    words,
)

PROJECTORS = ["hybrid", "mlp", "fusion"]
PARITY_PROMPTS = {
    "image": lambda: prompt(words(3), ("image", (1, 4, 6)), words(4, 1)),
    "video": lambda: prompt(("video", (3, 6, 4)), words(4)),
    "text": lambda: prompt(words(5)),
    "mixed batch": lambda: left_pad(mixed_prompts()),
}


@pytest.fixture(scope="module")
def qwen():
    config = Qwen2_5_VLConfig(text_config=dict(QWEN_TEXT), vision_config=dict(VISION), **TOKEN_IDS)
    model = Qwen2_5_VLForConditionalGeneration(config).eval()
    randomise(model)
    return model


@pytest.fixture(scope="module")
def with_qwens_merger(qwen):
    """Emotion-Qwen with Qwen2.5-VL's weights, and its merger where the compressor was."""
    model = tiny_model(projector_type="mlp")
    model.model.visual.compressor = qwen.model.visual.merger
    weights = {name.replace("visual.merger", "visual.compressor"): w for name, w in qwen.state_dict().items()}
    model.load_state_dict(weights, strict=True)
    return model


@pytest.mark.parametrize("kind", PARITY_PROMPTS)
@torch.no_grad()
def test_with_qwens_merger_it_is_qwen(qwen, with_qwens_merger, kind):
    inputs = PARITY_PROMPTS[kind]()
    tokens = inputs["attention_mask"].bool()
    expected, logits = (model(**inputs).logits[tokens] for model in (qwen, with_qwens_merger))
    torch.testing.assert_close(logits, expected, rtol=0, atol=1e-5)


@torch.no_grad()
def test_with_qwens_merger_it_generates_what_qwen_generates(qwen, with_qwens_merger):
    inputs = left_pad(mixed_prompts())
    expected, generated = (m.generate(**inputs, max_new_tokens=8, do_sample=False) for m in (qwen, with_qwens_merger))
    assert torch.equal(generated, expected)


GRIDS = [(1, 4, 6), (3, 4, 4), (1, 2, 2), (2, 8, 6), (1, 4, 6)]


def split_items(values: torch.Tensor, grids: torch.Tensor) -> list[torch.Tensor]:
    return list(values.split(grids.prod(-1).tolist()))


@pytest.mark.parametrize("projector", PROJECTORS)
@pytest.mark.parametrize("kind", ["image", "video"])
@torch.no_grad()
def test_an_item_is_the_same_alone_and_in_any_batch(projector, kind):
    model = tiny_model(projector_type=projector)
    get_features = getattr(model, f"get_{kind}_features")
    values, grids = pixels(*GRIDS)
    items = split_items(values, grids)
    together = get_features(values, grids, output_gate_weights=True)
    for order in ([0], [3], [4, 2], [3, 1, 4, 0, 2]):
        outputs = get_features(torch.cat([items[i] for i in order]), grids[order], output_gate_weights=True)
        for position, item in enumerate(order):
            torch.testing.assert_close(outputs.pooler_output[position], together.pooler_output[item])
            if together.gate_weights is not None:
                torch.testing.assert_close(outputs.gate_weights[position], together.gate_weights[item])


@torch.no_grad()
def test_frames_of_a_video_stay_apart():
    """Neither the tower nor the gate looks across frames, as Qwen2.5-VL does not."""
    model = tiny_model()
    values, grids = pixels((3, 4, 4))
    changed = values.clone()
    changed[16:32] += 1
    before, after = (model.get_video_features(v, grids).pooler_output[0] for v in (values, changed))
    unchanged = torch.tensor([True] * 4 + [False] * 4 + [True] * 4)
    assert torch.equal(before[unchanged], after[unchanged])
    assert (before[4:8] != after[4:8]).any(-1).all()


@pytest.mark.parametrize("backbone", BACKBONES)
@torch.no_grad()
def test_a_prompt_is_the_same_alone_and_in_a_left_padded_batch(backbone):
    model = tiny_model(backbone)
    prompts = mixed_prompts()
    generated = model.generate(**left_pad(prompts), max_new_tokens=1, return_dict_in_generate=True, output_logits=True)
    for row, inputs in enumerate(prompts):
        torch.testing.assert_close(generated.logits[0][row], model(**inputs).logits[0, -1], rtol=1e-4, atol=1e-5)


@torch.no_grad()
def test_gate_is_an_output_that_can_be_asked_for():
    model = tiny_model()
    inputs = mixed_prompts()[0]
    outputs = model(**inputs, output_gate_weights=True)
    assert [tuple(gate.shape) for gate in outputs.gate_weights] == [(6, 2), (12, 2)]
    assert mean_gate_weights(outputs.gate_weights).shape == (2, 2)
    image = model.get_image_features(inputs["pixel_values"], inputs["image_grid_thw"], output_gate_weights=True)
    torch.testing.assert_close(outputs.gate_weights[0], image.gate_weights[0])
    base = model.model(**inputs, output_gate_weights=True)
    torch.testing.assert_close(outputs.gate_weights, base.gate_weights)
    assert model(**inputs).gate_weights is None
    assert model(**mixed_prompts()[1], output_gate_weights=True).gate_weights is None
    assert tiny_model(projector_type="mlp")(**inputs, output_gate_weights=True).gate_weights is None
    assert tiny_model(projector_type="fusion")(**inputs, output_gate_weights=True).gate_weights[1].shape == (12, 2)


@torch.no_grad()
def test_what_the_tower_made_of_images_and_of_videos_is_returned():
    model = tiny_model()
    inputs = left_pad(mixed_prompts())
    images = model.get_image_features(inputs["pixel_values"], inputs["image_grid_thw"])
    videos = model.get_video_features(inputs["pixel_values_videos"], inputs["video_grid_thw"])
    for outputs in (model(**inputs), model.model(**inputs)):
        for returned, expected in ((outputs.image_outputs, images), (outputs.video_outputs, videos)):
            torch.testing.assert_close(returned.pooler_output, expected.pooler_output)
            torch.testing.assert_close(returned.last_hidden_state, expected.last_hidden_state)
    given = model(**prompt(("image", (1, 4, 6))), output_hidden_states=True)
    assert len(given.image_outputs.hidden_states) == VISION["depth"] + 1 and given.video_outputs is None


@torch.no_grad()
def test_outputs_are_plain_tuples_on_request():
    inputs = mixed_prompts()[0]
    model = tiny_model()
    expected = model(**inputs, use_cache=False)
    logits, images, videos = model(**inputs, use_cache=False, return_dict=False)
    assert torch.equal(logits, expected.logits)
    assert type(images) is type(videos) is tuple
    assert torch.equal(videos[1][0], expected.video_outputs.pooler_output[0])


@torch.no_grad()
def test_features_computed_before_stand_in_for_pixels():
    model = tiny_model()
    inputs = mixed_prompts()[0]
    expected = model(**inputs, output_gate_weights=True)
    image = model.get_image_features(
        inputs.pop("pixel_values"), inputs["image_grid_thw"], return_dict=True, output_gate_weights=True
    )
    video = model.get_video_features(
        inputs.pop("pixel_values_videos"), inputs["video_grid_thw"], return_dict=True, output_gate_weights=True
    )
    outputs = model(**inputs, mm_encoder_outputs={"image": image, "video": video}, output_gate_weights=True)
    torch.testing.assert_close(outputs.logits, expected.logits)
    torch.testing.assert_close(outputs.gate_weights, expected.gate_weights)
    assert outputs.image_outputs is image and outputs.video_outputs is video


def test_pixels_and_features_together_are_refused():
    inputs = mixed_prompts()[0]
    with pytest.raises(ValueError, match="not both"):
        tiny_model()(**inputs, mm_encoder_outputs={})


def test_missing_pixels_are_noticed():
    inputs = prompt(words(2), ("image", (1, 4, 4)), words(2))
    inputs["pixel_values"], inputs["image_grid_thw"] = pixels((1, 2, 2))
    with pytest.raises(ValueError, match="do not match"):
        tiny_model()(**inputs)


@pytest.mark.parametrize("backbone", BACKBONES)
@torch.no_grad()
def test_eager_equals_sdpa(backbone):
    inputs = left_pad(mixed_prompts())
    tokens = inputs["attention_mask"].bool()
    model = tiny_model(backbone)
    logits = []
    for attention in ("eager", "sdpa"):
        model.set_attn_implementation(attention)
        assert model.model.visual.config._attn_implementation == attention
        logits.append(model(**inputs).logits[tokens])
    torch.testing.assert_close(logits[0], logits[1], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@torch.no_grad()
def test_half_precision_stays_near_full(dtype):
    inputs = mixed_prompts()[0]
    model = tiny_model()
    expected = model(**inputs, output_gate_weights=True)
    half = model.to(dtype)(**inputs, output_gate_weights=True)
    assert half.logits.dtype == dtype
    assert half.gate_weights[0].dtype == torch.float32
    torch.testing.assert_close(half.gate_weights[1], expected.gate_weights[1], rtol=0, atol=0.05)
    similarity = torch.cosine_similarity(half.logits.float(), expected.logits, dim=-1)
    assert similarity.min() > 0.99


@torch.no_grad()
def test_a_past_video_leaves_no_offset_behind():
    """The cached decoding of a text is the same before and after a video was seen."""
    model = tiny_model()
    text = torch.tensor([words(6)])

    def decode_by_hand() -> torch.Tensor:
        cache = model(text[:, :4], use_cache=True).past_key_values
        return model(text[:, 4:], past_key_values=cache).logits

    before = decode_by_hand()
    model(**prompt(("video", (3, 8, 8)), words(2)))
    torch.testing.assert_close(decode_by_hand(), before)


@torch.no_grad()
def test_precomputed_layout_of_the_vision_tower_is_used():
    model = tiny_model()
    values, grids = pixels((1, 4, 6), (1, 4, 4))
    expected = model.get_image_features(values, grids).pooler_output
    cu_seqlens = torch.tensor([0, 24, 40], dtype=torch.int32)
    given = model.get_image_features(values, grids, image_cu_seqlens=cu_seqlens).pooler_output
    torch.testing.assert_close(given, expected)
    merged = torch.tensor([0, 40], dtype=torch.int32)
    other = model.get_image_features(values, grids, image_cu_seqlens=merged).pooler_output
    assert not torch.allclose(other[0], expected[0])


@torch.no_grad()
def test_hidden_states_and_attentions_of_the_tower_can_be_asked_for():
    model = tiny_model()
    model.set_attn_implementation("eager")
    outputs = model.get_image_features(*pixels((1, 4, 4)), output_hidden_states=True, output_attentions=True)
    assert len(outputs.hidden_states) == VISION["depth"] + 1
    assert len(outputs.attentions) > 0


@pytest.mark.parametrize("spatial_merge_size", [1, 2, 4])
@torch.no_grad()
def test_other_block_sizes_work(spatial_merge_size):
    vision = VISION | {"spatial_merge_size": spatial_merge_size}
    model = EmotionQwenForConditionalGeneration(
        EmotionQwenConfig(text_config=dict(LLAMA_TEXT), vision_config=vision, **TOKEN_IDS)
    )
    tokens = model.get_image_features(*pixels((1, 8, 4))).pooler_output[0]
    assert tokens.shape == (32 // spatial_merge_size**2, 48)


def test_positions_are_asked_for_as_qwens_are(qwen, with_qwens_merger):
    inputs = left_pad(mixed_prompts())
    media = [inputs[name] for name in ("image_grid_thw", "video_grid_thw", "second_per_grid_ts")]
    arguments = inputs["input_ids"], inputs["mm_token_type_ids"], *media, inputs["attention_mask"]
    expected, given = (model.model.get_rope_index(*arguments) for model in (qwen, with_qwens_merger))
    assert all(map(torch.equal, given, expected))


@pytest.mark.parametrize("backbone", BACKBONES)
@torch.no_grad()
def test_transformers_prepares_inputs_for_an_export(backbone):
    """It finds by their names the arguments from which positions are computed."""
    exporters = pytest.importorskip("transformers.exporters.utils")
    model, inputs = tiny_model(backbone).model, left_pad(mixed_prompts())
    tokens = inputs["attention_mask"].bool()
    expected = model(**inputs).last_hidden_state[tokens]
    prepared = dict(inputs)
    exporters.precompute_export_inputs(model, prepared)
    assert "position_ids" in prepared
    torch.testing.assert_close(model(**prepared).last_hidden_state[tokens], expected, rtol=1e-4, atol=1e-5)


def test_llama_takes_plain_positions():
    model = tiny_model("llama")
    inputs = left_pad(mixed_prompts())
    media = {name: inputs[name] for name in ("image_grid_thw", "video_grid_thw", "second_per_grid_ts")}
    positions, deltas = model.model.get_rope_index(
        inputs["input_ids"], inputs["mm_token_type_ids"], attention_mask=inputs["attention_mask"], **media
    )
    assert positions.shape == inputs["input_ids"].shape
    assert positions[1].tolist() == [0] * (positions.shape[1] - 6) + [0, 1, 2, 3, 4, 5]
    assert not deltas.any()


def test_compressor_is_never_split_over_devices():
    names = set(EmotionQwenForConditionalGeneration(tiny_config("llama"))._no_split_modules)
    assert {"HybridCompressor", "Qwen2_5_VLVisionBlock", "LlamaDecoderLayer"} <= names


@pytest.mark.slow
@torch.no_grad()
def test_compiled_forward_equals_eager_forward():
    model = tiny_model()
    inputs = mixed_prompts()[0]
    expected = model(**inputs, output_gate_weights=True)
    compiled = torch.compile(model, backend="aot_eager")(**inputs, output_gate_weights=True)
    torch.testing.assert_close(compiled.logits, expected.logits, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(compiled.gate_weights, expected.gate_weights)
