"""Generation: caches, beams, padding, continuing, assisted, guided, from embeddings."""

import inspect
from dataclasses import fields

import pytest
import torch
from transformers import ContinuousBatchingConfig, DynamicCache, GenerationConfig, StaticCache
from transformers.models.qwen2_5_vl.modeling_qwen2_5_vl import Qwen2_5_VLModel

from emotion_qwen.outputs_emotion_qwen import CACHE, EmotionQwenModelOutputWithPast

from .tiny import BACKBONES, IMAGE, PAD, VIDEO, VOCABULARY, left_pad, mixed_prompts, prompt, tiny_model, words

NEW_TOKENS = 6
GREEDY = {"do_sample": False, "max_new_tokens": NEW_TOKENS, "eos_token_id": None}
PIXELS = ("pixel_values", "pixel_values_videos")
GRIDS = ("image_grid_thw", "video_grid_thw", "second_per_grid_ts")


@pytest.fixture(scope="module", params=BACKBONES)
def model(request):
    return tiny_model(request.param)


@pytest.fixture
def batch():
    return left_pad(mixed_prompts())


def followed_by(inputs: dict[str, torch.Tensor], new: torch.Tensor) -> dict[str, torch.Tensor]:
    """The inputs of a prompt and the text after it, `(batch, new)`."""
    whole = dict(inputs, input_ids=torch.cat([inputs["input_ids"], new], dim=1))
    for name, filler in (("attention_mask", 1), ("mm_token_type_ids", 0)):
        whole[name] = torch.nn.functional.pad(inputs[name], (0, new.shape[1]), value=filler)
    return whole


def test_cached_equals_uncached(model, batch):
    uncached = model.generate(**batch, **GREEDY, use_cache=False)
    assert torch.equal(model.generate(**batch, **GREEDY), uncached)


def test_every_step_is_the_forward_pass_of_what_it_follows(model):
    """Positions after media go on where a single forward pass over the whole text puts them."""
    inputs = mixed_prompts()[0]
    generated = model.generate(**inputs, **GREEDY, output_logits=True, return_dict_in_generate=True)
    length = inputs["input_ids"].shape[1]
    with torch.no_grad():
        expected = model(**followed_by(inputs, generated.sequences[:, length:])).logits[0, length - 1 : -1]
    torch.testing.assert_close(torch.cat(generated.logits), expected, rtol=1e-4, atol=1e-5)


def test_the_cache_is_called_what_transformers_calls_it():
    asked_for = [Qwen2_5_VLModel.forward, Qwen2_5_VLModel.compute_3d_position_ids]
    assert all(CACHE in inspect.signature(method).parameters for method in asked_for)
    assert CACHE in {field.name for field in fields(EmotionQwenModelOutputWithPast)}


@pytest.mark.filterwarnings("error:.*past_key_values:FutureWarning")
@pytest.mark.parametrize("name", sorted({"past_key_values", CACHE}))
@torch.no_grad()
def test_decoding_by_hand_is_the_forward_pass_of_the_whole(model, name):
    inputs = prompt(words(4), ("image", (1, 8, 8)), words(5, 2))
    new = torch.tensor([words(3, 9)])
    expected = model(**followed_by(inputs, new)).logits[:, -3:]
    inputs.pop("attention_mask")
    cache = model(**inputs, use_cache=True)[CACHE]
    logits = [model(input_ids=token, **{name: cache}).logits for token in new.split(1, dim=1)]
    torch.testing.assert_close(torch.cat(logits, dim=1), expected, rtol=1e-4, atol=1e-5)


@torch.no_grad()
def test_decoding_a_padded_batch_by_hand_is_the_forward_pass_of_the_whole(model, batch):
    new = torch.tensor([words(3, seed) for seed in range(4)])
    whole = followed_by(batch, new)
    expected = model(**whole).logits[:, -3:]
    cache, logits = model(**batch, use_cache=True)[CACHE], []
    for token in new.split(1, dim=1):
        mask = whole["attention_mask"][:, : cache.get_seq_length() + 1]
        logits.append(model(input_ids=token, attention_mask=mask, past_key_values=cache).logits)
    torch.testing.assert_close(torch.cat(logits, dim=1), expected, rtol=1e-4, atol=1e-5)


@torch.no_grad()
def test_the_cache_is_kept_from_the_vision_tower(model):
    inputs, given = mixed_prompts()[0], {}
    hook = model.model.visual.register_forward_pre_hook(lambda _, __, named: given.update(named), with_kwargs=True)
    model(**inputs, **{CACHE: DynamicCache(config=model.config.get_text_config())})
    hook.remove()
    assert "grid_thw" in given and not given.keys() & {"past_key_values", "cache"}


def test_requests_that_share_batches_as_they_come_get_the_greedy_text(model):
    """Paged attention gives its own cache the name that all caches have since transformers 5.24."""
    requests = [words(5), words(7, 1)]
    expected = [model.generate(torch.tensor([request]), **GREEDY)[0, len(request) :].tolist() for request in requests]
    greedy = GenerationConfig(do_sample=False, max_new_tokens=NEW_TOKENS, eos_token_id=-1, pad_token_id=PAD)
    memory = ContinuousBatchingConfig(num_blocks=4, max_batch_tokens=32)
    answers = model.generate_batch(requests, generation_config=greedy, continuous_batching_config=memory)
    assert [answer.generated_tokens for answer in answers.values()] == expected


@pytest.mark.parametrize("num_beams", [1, 3])
def test_a_batch_generates_what_its_prompts_generate_alone(model, num_beams):
    prompts = mixed_prompts()
    together = model.generate(**left_pad(prompts), **GREEDY, num_beams=num_beams)[:, -NEW_TOKENS:]
    for row, inputs in enumerate(prompts):
        alone = model.generate(**inputs, **GREEDY, num_beams=num_beams)[:, -NEW_TOKENS:]
        assert torch.equal(together[row], alone[0])


@pytest.mark.parametrize("implementation", ["static", "dynamic"])
def test_every_cache_gives_the_same_text(model, batch, implementation):
    expected = model.generate(**batch, **GREEDY)
    options = {"cache_implementation": implementation, "disable_compile": True}
    assert torch.equal(model.generate(**batch, **GREEDY, **options), expected)


def test_a_given_static_cache_is_used(model, batch):
    expected = model.generate(**batch, **GREEDY)
    cache = StaticCache(config=model.config.get_text_config(), max_cache_len=expected.shape[1])
    assert torch.equal(model.generate(**batch, **GREEDY, past_key_values=cache, disable_compile=True), expected)
    assert cache.get_seq_length() == expected.shape[1] - 1


def test_several_answers_to_one_prompt(model):
    inputs = mixed_prompts()[3]
    answers = model.generate(**inputs, **GREEDY, num_beams=3, num_return_sequences=3)
    assert len({tuple(answer.tolist()) for answer in answers}) == 3
    best = model.generate(**inputs, **GREEDY, num_beams=3)
    assert torch.equal(answers[:1], best)


@pytest.mark.parametrize(
    "left_out",
    [PIXELS, (*PIXELS, *GRIDS), (*PIXELS, *GRIDS, "mm_token_type_ids")],
    ids=["no pixels", "no grids", "only text"],
)
def test_continuing_from_a_cache_equals_going_on(model, left_out):
    inputs = mixed_prompts()[0]
    options = GREEDY | {"output_logits": True, "return_dict_in_generate": True}
    expected = model.generate(**inputs, **options)
    first = model.generate(**inputs, **(options | {"max_new_tokens": 2}))
    whole = followed_by(inputs, first.sequences[:, -2:])
    rest = {name: tensor for name, tensor in whole.items() if name not in left_out}
    options["max_new_tokens"] = NEW_TOKENS - 2
    going_on = model.generate(**rest, **options, past_key_values=first.past_key_values)
    assert torch.equal(going_on.sequences, expected.sequences)
    torch.testing.assert_close(torch.cat(going_on.logits), torch.cat(expected.logits[2:]), rtol=1e-4, atol=1e-5)


def test_a_cached_conversation_goes_on_with_only_its_new_tokens(model):
    inputs = prompt(("image", (1, 8, 4)), words(3), seed=3)
    expected = model.generate(**inputs, **GREEDY)
    first = model.generate(**inputs, **(GREEDY | {"max_new_tokens": 2}), return_dict_in_generate=True)
    new = first.sequences[:, -1:]
    going_on = model.generate(
        input_ids=new,
        attention_mask=torch.ones_like(first.sequences),
        mm_token_type_ids=torch.zeros_like(new),
        **(GREEDY | {"max_new_tokens": NEW_TOKENS - 2}),
        past_key_values=first.past_key_values,
    )
    assert torch.equal(going_on[:, 1:], expected[:, 2 - NEW_TOKENS :])


@pytest.fixture
def two_turns(model):
    """A conversation, the first turn of it in a cache, after which something else was asked."""
    first = prompt(("image", (1, 8, 4)), words(3), seed=3)
    rows = {"attention_mask": 1, "mm_token_type_ids": 0}

    def answered():
        answer = model.generate(**first, **(GREEDY | {"max_new_tokens": 2}), return_dict_in_generate=True)
        model.generate(**mixed_prompts()[3], **GREEDY)
        return answer

    def whole(second):
        """Inputs of both turns, pixels only of the second."""
        inputs = dict(second, input_ids=torch.cat([answered().sequences, second["input_ids"]], dim=1))
        for name, filler in rows.items():
            asked = torch.nn.functional.pad(first[name], (0, 2), value=filler)
            inputs[name] = torch.cat([asked, second[name]], dim=1)
        grids = [turn["image_grid_thw"] for turn in (first, second) if "image_grid_thw" in turn]
        return inputs | {"image_grid_thw": torch.cat(grids)}

    return first, answered, whole


def test_a_cached_conversation_goes_on_after_another(model, two_turns):
    first, answered, whole = two_turns
    inputs = whole(prompt(words(5, 1)))
    expected = model.generate(**inputs, **GREEDY, pixel_values=first["pixel_values"])
    assert torch.equal(model.generate(**inputs, **GREEDY, past_key_values=answered().past_key_values), expected)


def test_a_cached_conversation_goes_on_with_a_video(model, two_turns):
    first, answered, whole = two_turns
    inputs = whole(prompt(words(2, 1), ("video", (3, 4, 8)), words(3, 2), seed=4))
    expected = model.generate(**inputs, **GREEDY, pixel_values=first["pixel_values"])
    assert torch.equal(model.generate(**inputs, **GREEDY, past_key_values=answered().past_key_values), expected)


def test_a_cached_conversation_goes_on_with_the_features_of_an_image(model, two_turns):
    first, answered, whole = two_turns
    second = prompt(words(2, 1), ("image", (1, 4, 8)), words(3, 2), seed=4)
    inputs = whole(second)
    pixels = torch.cat([first["pixel_values"], inputs.pop("pixel_values")])
    expected = model.generate(**inputs, **GREEDY, pixel_values=pixels)
    features = model.get_image_features(second["pixel_values"], second["image_grid_thw"], return_dict=True)
    going_on = model.generate(
        **inputs, **GREEDY, past_key_values=answered().past_key_values, mm_encoder_outputs={"image": features}
    )
    assert torch.equal(going_on, expected)


@pytest.mark.parametrize("model", ["qwen"], indirect=True)
def test_grids_that_the_positions_need_are_asked_for(model, two_turns):
    _, answered, whole = two_turns
    second = prompt(words(2, 1), ("image", (1, 4, 8)), words(3, 2), seed=4)
    inputs = whole(second) | {"image_grid_thw": second["image_grid_thw"]}
    with pytest.raises(ValueError, match="the grids of all that the prompt holds"):
        model.generate(**inputs, **GREEDY, past_key_values=answered().past_key_values)


def test_prompt_lookup_gives_the_greedy_text(model):
    inputs = prompt(("image", (1, 4, 4)), words(4), words(4), words(2))
    expected = model.generate(**inputs, **GREEDY)
    assert torch.equal(model.generate(**inputs, **GREEDY, prompt_lookup_num_tokens=2), expected)


def test_an_assistant_gives_the_greedy_text(model):
    inputs = prompt(words(4), ("video", (2, 4, 4)), words(4))
    expected = model.generate(**inputs, **GREEDY)
    assistant = tiny_model("llama" if model.config.uses_mrope is False else "qwen", projector_type="mlp")
    assert torch.equal(model.generate(**inputs, **GREEDY, assistant_model=assistant), expected)


def test_generating_from_embeddings_equals_generating_from_tokens(model):
    inputs = prompt(words(7))
    embeddings = model.get_input_embeddings()(inputs["input_ids"])
    expected = model.generate(**inputs, **GREEDY)[:, -NEW_TOKENS:]
    generated = model.generate(inputs_embeds=embeddings, attention_mask=inputs["attention_mask"], **GREEDY)
    assert torch.equal(generated[:, -NEW_TOKENS:], expected)


def test_sampling_repeats_with_its_seed(model, batch):
    options = {"do_sample": True, "max_new_tokens": NEW_TOKENS, "top_p": 0.9, "temperature": 1.5}
    texts = []
    for seed in (0, 0, 1):
        torch.manual_seed(seed)
        texts.append(model.generate(**batch, **options).tolist())
    assert texts[0] == texts[1] != texts[2]
    assert all(token < VOCABULARY for row in texts[2] for token in row)


def test_features_put_among_the_embeddings_generate_what_pixels_do(model, batch):
    expected = model.generate(**batch, **GREEDY)[:, -NEW_TOKENS:]
    input_ids = batch["input_ids"]
    embeddings = model.get_input_embeddings()(input_ids)
    for token, pixels, grid, encode in (
        (IMAGE, "pixel_values", "image_grid_thw", model.get_image_features),
        (VIDEO, "pixel_values_videos", "video_grid_thw", model.get_video_features),
    ):
        features = torch.cat(encode(batch[pixels], batch[grid], return_dict=True).pooler_output)
        embeddings = embeddings.masked_scatter((input_ids == token)[..., None], features)
    rest = {name: value for name, value in batch.items() if not name.startswith("pixel_values")}
    generated = model.generate(**rest, **GREEDY, inputs_embeds=embeddings)
    assert torch.equal(generated[:, -NEW_TOKENS:], expected)


def test_every_step_gives_logits_hidden_states_and_attentions(model, batch):
    length, layers = batch["input_ids"].shape[1], 2
    model.set_attn_implementation("eager")
    try:
        steps = model.generate(
            **batch,
            **GREEDY,
            output_logits=True,
            output_hidden_states=True,
            output_attentions=True,
            return_dict_in_generate=True,
        )
    finally:
        model.set_attn_implementation("sdpa")
    assert torch.equal(steps.sequences, model.generate(**batch, **GREEDY))
    assert [step.shape for step in steps.logits] == [(4, VOCABULARY)] * NEW_TOKENS
    for step, (states, attentions) in enumerate(zip(steps.hidden_states, steps.attentions, strict=True)):
        asked, seen = (length, length) if step == 0 else (1, length + step)
        assert [state.shape for state in states] == [(4, asked, 48)] * (layers + 1)
        assert [weights.shape for weights in attentions] == [(4, 4, asked, seen)] * layers


def test_guidance_weighs_the_prompt_against_none(model):
    """The unconditional branch runs a sequence of its own beside the prompt's: neither may shift the other."""
    inputs = mixed_prompts()[0]
    expected = model.generate(**inputs, **GREEDY)
    assert torch.equal(model.generate(**inputs, **GREEDY, guidance_scale=1.0 + 1e-6), expected)


def test_an_answer_does_not_depend_on_what_was_generated_before(model, batch):
    inputs = mixed_prompts()[0]
    expected = model.generate(**inputs, **GREEDY)
    model.generate(**batch, **GREEDY, num_beams=2)
    assert torch.equal(model.generate(**inputs, **GREEDY), expected)
