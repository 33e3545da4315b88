"""Training: which weights learn in which stage, batches without pictures, gradient checkpointing."""

import pytest
import torch
from transformers import Trainer, TrainingArguments

from emotion_qwen import EmotionQwenForConditionalGeneration

from .tiny import BACKBONES, left_pad, mixed_prompts, prompt, tiny_model, words

COMPRESSOR = "model.visual.compressor."
# The table of the stages in the design: what stays frozen.
FROZEN = {
    "stage 1": ("model.language_model", "lm_head", COMPRESSOR + "emotion_expert"),
    "stage 2": ("model.language_model", "lm_head", COMPRESSOR + "general_expert"),
    "stage 3": (),
}


def step(model: EmotionQwenForConditionalGeneration, inputs: dict[str, torch.Tensor]) -> torch.Tensor:
    """One forward and backward pass; returns the loss."""
    model.train()
    model.zero_grad()
    labels = inputs["input_ids"].masked_fill(inputs["attention_mask"] == 0, -100)
    loss = model(**inputs, labels=labels).loss
    loss.backward()
    return loss.detach()


def gradients(model: torch.nn.Module) -> dict[str, torch.Tensor]:
    return {name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None}


@pytest.mark.parametrize("stage", FROZEN)
@pytest.mark.parametrize("backbone", BACKBONES)
def test_gradients_reach_what_a_stage_trains_and_nothing_else(backbone, stage):
    model = tiny_model(backbone)
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(not name.startswith(FROZEN[stage]))
    step(model, left_pad(mixed_prompts()))
    for name, parameter in model.named_parameters():
        if not parameter.requires_grad:
            assert parameter.grad is None, name
        elif name.endswith(("key.bias", "k_proj.bias")):  # softmax cancels it
            assert parameter.grad is not None, name
        else:
            assert parameter.grad.any(), name


@pytest.mark.parametrize("stage", FROZEN)
def test_a_batch_without_pictures_has_zero_gradients_for_the_tower(stage):
    model = tiny_model()
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(not name.startswith(FROZEN[stage]))
    step(model, prompt(words(6)))
    for name, parameter in model.named_parameters():
        if not parameter.requires_grad:
            continue
        assert parameter.grad is not None, name
        if name.startswith("model.visual"):
            assert not parameter.grad.any(), name


def test_the_empty_look_changes_no_loss():
    model = tiny_model()
    inputs = prompt(words(6))
    with torch.no_grad():
        expected = model(**inputs, labels=inputs["input_ids"]).loss
    torch.testing.assert_close(step(model, inputs), expected)


@pytest.mark.parametrize("training", [True, False])
def test_there_is_no_empty_look_without_gradients(monkeypatch, training):
    model = tiny_model().train(training)
    monkeypatch.setattr(model.model.visual, "forward", lambda *_, **__: pytest.fail("the tower ran on a text"))
    with torch.no_grad():
        model(**prompt(words(6)))


def test_the_base_model_alone_makes_the_empty_look():
    """Trainers that patch the outer forward call the base model directly."""
    model = tiny_model().train()
    inputs = prompt(words(6))
    model.base_model(**inputs).last_hidden_state.sum().backward()
    assert all(parameter.grad is not None for parameter in model.model.visual.parameters())


@pytest.mark.parametrize("use_reentrant", [True, False])
@pytest.mark.parametrize("projector", ["hybrid", "mlp", "fusion"])
def test_gradient_checkpointing_changes_no_gradient(projector, use_reentrant):
    model = tiny_model(projector_type=projector)
    inputs = left_pad(mixed_prompts())
    expected_loss = step(model, inputs)
    expected = gradients(model)
    model.gradient_checkpointing_enable({"use_reentrant": use_reentrant})
    assert model.model.visual.compressor.gradient_checkpointing
    torch.testing.assert_close(step(model, inputs), expected_loss)
    torch.testing.assert_close(gradients(model), expected)


@pytest.mark.parametrize("checkpointing", [False, True])
@pytest.mark.parametrize("projector", ["hybrid", "mlp", "fusion"])
def test_gradients_come_in_the_same_order_whatever_a_batch_holds(projector, checkpointing):
    """ZeRO-2 adds up the gradients of processes in the order in which they come, not by their names."""
    model = tiny_model(projector_type=projector)
    if checkpointing:
        model.gradient_checkpointing_enable({"use_reentrant": False})
    image, video = ("image", (1, 4, 4)), ("video", (2, 4, 6))
    batches = [(words(6),), (image, words(6)), (words(2), video, words(3)), (video, words(2), image, words(3))]
    order: list[str] = []
    for name, parameter in model.named_parameters():
        parameter.register_post_accumulate_grad_hook(lambda _, name=name: order.append(name))
    orders = []
    for parts in batches:
        step(model, prompt(*parts))
        orders.append(order.copy())
        order.clear()
    assert all(other == orders[0] for other in orders)
    assert set(orders[0]) == {name for name, _ in model.named_parameters()}


def test_training_after_generating_is_training():
    """The positions that generation leaves behind do not reach the next batch."""
    model, fresh = tiny_model(), tiny_model()
    model.generate(**left_pad(mixed_prompts()), max_new_tokens=2, do_sample=False)
    embeddings = model.get_input_embeddings()(torch.tensor([words(6), words(6, 1)]))
    for inputs in (mixed_prompts()[0], prompt(words(6))):
        torch.testing.assert_close(step(model, inputs), step(fresh, inputs))
    model.generate(**left_pad(mixed_prompts()), max_new_tokens=2, do_sample=False)
    with torch.no_grad():
        outputs = [m.eval()(inputs_embeds=embeddings).logits for m in (model, fresh)]
    torch.testing.assert_close(outputs[0], outputs[1])


def test_a_few_steps_lower_the_loss():
    model = tiny_model()
    inputs = left_pad(mixed_prompts())
    optimizer = torch.optim.AdamW(model.parameters(), lr=5e-3)
    first = step(model, inputs)
    for _ in range(8):
        optimizer.step()
        last = step(model, inputs)
    assert last < 0.8 * first


@pytest.mark.parametrize("backbone", BACKBONES)
def test_a_trainer_predicts_logits_and_nothing_else(backbone, tmp_path):
    """Also where the model returns a cache, and the features of its images and videos."""
    model = tiny_model(backbone)
    model.config.text_config.use_cache = True
    inputs = mixed_prompts()[0] | {"labels": mixed_prompts()[0]["input_ids"]}
    settings = {"use_cpu": True, "report_to": [], "remove_unused_columns": False, "disable_tqdm": True}
    arguments = TrainingArguments(tmp_path, per_device_eval_batch_size=1, **settings)
    predicted = Trainer(model, arguments, data_collator=lambda batch: batch[0]).predict([inputs, inputs])
    with torch.no_grad():
        logits = model(**inputs).logits
    torch.testing.assert_close(torch.from_numpy(predicted.predictions), torch.cat([logits, logits]))
