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


def batch(*prompts: list, image_grids=(), video_grids=(), seed: int = 0) -> dict[str, torch.Tensor]:
    """Left-padded model inputs.

    Args:
        prompts: Each a list of token ids, `"image"` and `"video"`; media take the grids in order.
        image_grids: Grids of all images of the batch.
        video_grids: Grids of all videos of the batch.
        seed: For the pixels.
    """
    grids = {"image": iter(image_grids), "video": iter(video_grids)}
    token_of = {"image": IMAGE, "video": VIDEO}
    rows = []
    for prompt in prompts:
        row = []
        for part in prompt:
            if not isinstance(part, str):
                row.append(part)
                continue
            time, height, width = next(grids[part])
            row += [VISION_START, *[token_of[part]] * (time * height * width // 4), VISION_END]
        rows.append(row)
    length = max(map(len, rows))
    input_ids = torch.tensor([[PAD] * (length - len(row)) + row for row in rows])
    mask = torch.tensor([[0] * (length - len(row)) + [1] * len(row) for row in rows])
    inputs = {"input_ids": input_ids, "attention_mask": mask}
    inputs["mm_token_type_ids"] = (input_ids == IMAGE).int() + 2 * (input_ids == VIDEO).int()
    if image_grids:
        inputs["pixel_values"], inputs["image_grid_thw"] = pixels(*image_grids, seed=seed)
    if video_grids:
        inputs["pixel_values_videos"], inputs["video_grid_thw"] = pixels(*video_grids, seed=seed + 1)
        inputs["second_per_grid_ts"] = torch.tensor([0.5] * len(video_grids))
    return inputs


def mixed_batch() -> dict[str, torch.Tensor]:
    """Three prompts of different length: image and video, text only, and two images of different sizes."""
    return batch(
        [*words(4), "image", *words(3, 1), "video", *words(5, 2)],
        words(6, 3),
        ["image", "image", *words(4, 4)],
        image_grids=[(1, 4, 6), (1, 8, 4), (1, 2, 2)],
        video_grids=[(3, 4, 4)],
    )
