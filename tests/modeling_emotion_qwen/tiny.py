"""Tiny random models and inputs for the tests of the model."""

import torch

from emotion_qwen import EmotionQwenConfig, EmotionQwenForConditionalGeneration

VOCABULARY = 99
PAD, IMAGE, VIDEO, VISION_START, VISION_END = 0, 3, 4, 5, 6
FIRST_WORD = 7  # ids below it are special
PATCH_VALUES = 3 * 2 * 4 * 4

VISION = {
    "depth": 3,
    "hidden_size": 32,
    "intermediate_size": 40,
    "num_heads": 4,
    "patch_size": 4,
    "window_size": 16,
    "fullatt_block_indexes": [1],
    "out_hidden_size": 48,
}
TEXT = {
    "vocab_size": VOCABULARY,
    "hidden_size": 48,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 512,
    "bos_token_id": 1,
    "eos_token_id": 2,
    "pad_token_id": PAD,
}
QWEN_TEXT = TEXT | {
    "model_type": "qwen2_5_vl_text",
    "rope_parameters": {"rope_type": "default", "rope_theta": 1e4, "mrope_section": [2, 2, 2]},
}
LLAMA_TEXT = TEXT | {"model_type": "llama"}
TOKEN_IDS = {
    "image_token_id": IMAGE,
    "video_token_id": VIDEO,
    "vision_start_token_id": VISION_START,
    "vision_end_token_id": VISION_END,
}
BACKBONES = {"qwen": QWEN_TEXT, "llama": LLAMA_TEXT}


def tiny_config(backbone: str = "qwen", **settings) -> EmotionQwenConfig:
    """A config of about 100,000 parameters."""
    return EmotionQwenConfig(
        text_config=dict(BACKBONES[backbone]), vision_config=dict(VISION), **TOKEN_IDS, **settings
    )


def randomise(model: torch.nn.Module, seed: int = 0) -> None:
    """Gives every parameter, norms and biases included, random values large enough to matter."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in sorted(model.named_parameters()):
            noise = torch.randn(parameter.shape, generator=generator)
            is_norm_scale = parameter.ndim == 1 and name.endswith("weight")
            parameter.copy_(1 + 0.1 * noise if is_norm_scale else 0.15 * noise)


def tiny_model(backbone: str = "qwen", **settings) -> EmotionQwenForConditionalGeneration:
    """A random model in evaluation mode; the same settings give the same weights."""
    model = EmotionQwenForConditionalGeneration(tiny_config(backbone, **settings)).eval()
    randomise(model)
    return model


def pixels(*grids: tuple[int, int, int], seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    """Random flattened patches of items with these grids, and the grids as a tensor."""
    generator = torch.Generator().manual_seed(seed)
    grid_thw = torch.tensor(grids)
    return torch.randn(int(grid_thw.prod(-1).sum()), PATCH_VALUES, generator=generator), grid_thw


def words(count: int, seed: int = 0) -> list[int]:
    """Random tokens of text."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(FIRST_WORD, VOCABULARY, (count,), generator=generator).tolist()


def prompt(*parts: list[int] | tuple[str, tuple[int, int, int]], seed: int = 0) -> dict[str, torch.Tensor]:
    """Model inputs of one prompt.

    Args:
        parts: Lists of token ids, and media as `("image", grid)` or `("video", grid)`.
        seed: For the pixels.
    """
    row, grids = [], {"image": [], "video": []}
    for part in parts:
        if isinstance(part, list):
            row += part
            continue
        kind, grid = part
        grids[kind].append(grid)
        row += [VISION_START, *[IMAGE if kind == "image" else VIDEO] * (grid[0] * grid[1] * grid[2] // 4), VISION_END]
    input_ids = torch.tensor([row])
    inputs = {"input_ids": input_ids, "attention_mask": torch.ones_like(input_ids)}
    inputs["mm_token_type_ids"] = (input_ids == IMAGE).int() + 2 * (input_ids == VIDEO).int()
    if grids["image"]:
        inputs["pixel_values"], inputs["image_grid_thw"] = pixels(*grids["image"], seed=seed)
    if grids["video"]:
        inputs["pixel_values_videos"], inputs["video_grid_thw"] = pixels(*grids["video"], seed=seed + 1000)
        inputs["second_per_grid_ts"] = torch.full((len(grids["video"]),), 0.5)
    return inputs


def left_pad(prompts: list[dict[str, torch.Tensor]]) -> dict[str, torch.Tensor]:
    """Joins prompts to a batch: tokens padded on the left, media one after another."""
    length = max(inputs["input_ids"].shape[1] for inputs in prompts)
    batch = {}
    for name in dict.fromkeys(name for inputs in prompts for name in inputs):
        tensors = [inputs[name] for inputs in prompts if name in inputs]
        if name in ("input_ids", "attention_mask", "mm_token_type_ids"):
            filler = PAD if name == "input_ids" else 0
            tensors = [torch.nn.functional.pad(t, (length - t.shape[1], 0), value=filler) for t in tensors]
        batch[name] = torch.cat(tensors)
    return batch


def mixed_prompts() -> list[dict[str, torch.Tensor]]:
    """Prompts of different length: image and video, text only, two images of different sizes, two videos."""
    return [
        prompt(words(4), ("image", (1, 4, 6)), words(3, 1), ("video", (3, 4, 4)), words(5, 2), seed=0),
        prompt(words(6, 3)),
        prompt(("image", (1, 8, 4)), ("image", (1, 2, 2)), words(4, 4), seed=1),
        prompt(("video", (2, 6, 4)), words(2, 5), ("video", (1, 4, 4)), words(3, 6), seed=2),
    ]
