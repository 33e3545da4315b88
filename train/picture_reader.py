"""A model with readouts that predict the truth of a picture from what the model holds; they are thrown away later."""

from collections.abc import Mapping
from typing import NamedTuple

import torch
from torch import Tensor, nn

from emotion_qwen import EmotionQwenForConditionalGeneration
from emotion_qwen.processing import EmotionQwenProcessor


class Readings(NamedTuple):
    """What the two readouts of a subject predict: `(batch, outputs)` each."""

    tokens: Tensor
    answer: Tensor


class PictureReader(nn.Module):
    """The model with two readouts for each subject.

    One reads the visual tokens, each in its place; the other reads what the language model holds where its answer
    would begin.

    Args:
        model: The whole model.
        processor: Its processor.
        side: Side of the square pictures, pixels.
        width: Hidden width of the readouts.
        outputs: Numbers to predict, by subject.
    """

    def __init__(
        self,
        model: EmotionQwenForConditionalGeneration,
        processor: EmotionQwenProcessor,
        side: int,
        width: int,
        outputs: Mapping[str, int],
    ) -> None:
        super().__init__()
        self.model = model
        self.processor = processor
        turn = [{"role": "user", "content": [{"type": "image"}]}]
        self.prompt = processor.apply_chat_template(turn, add_generation_prompt=True)
        token_side = side // (processor.image_processor.patch_size * processor.image_processor.merge_size)
        hidden = model.config.text_config.hidden_size
        seen = token_side**2 * hidden
        self.token_readouts = nn.ModuleDict({name: _readout(seen, width, count) for name, count in outputs.items()})
        self.answer_readouts = nn.ModuleDict({name: _readout(hidden, width, count) for name, count in outputs.items()})

    def forward(self, pixels: Tensor, subject: str) -> Readings:
        """Reads pictures, uint8 (batch, 3, side, side), of one subject."""
        inputs = self.processor(
            images=list(pixels),
            text=[self.prompt] * len(pixels),
            images_kwargs={"facial_emotion_capture": False},
            return_tensors="pt",
        )
        patches, grids = inputs.pop("pixel_values"), inputs["image_grid_thw"]
        seen = self.model.model.get_image_features(patches, grids, return_dict=True)
        held = self.model.model(**inputs, mm_encoder_outputs={"image": seen}, use_cache=False).last_hidden_state
        tokens = torch.stack(seen.pooler_output).flatten(1)
        return Readings(self.token_readouts[subject](tokens), self.answer_readouts[subject](held[:, -1]))


def _readout(inputs: int, width: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(nn.Linear(inputs, width), nn.GELU(), nn.Linear(width, outputs))
