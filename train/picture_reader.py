"""A model with readouts that predict the truth of a picture from what the model holds; they are thrown away later."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from transformers.modeling_outputs import BaseModelOutputWithPooling

from emotion_qwen import EmotionQwenForConditionalGeneration
from emotion_qwen.processing import EmotionQwenProcessor
from emotion_qwen.train.spoken_tokens import tokenize_spoken
from emotion_qwen.train.synthetic.sentences import chat

Turns = list[tuple[str, str]]


class Readings(NamedTuple):
    """What the two readouts of a subject predict, and what the model itself answers.

    Attributes:
        tokens: From the visual tokens: `(batch, outputs)`.
        answer: From where the first answer begins: `(batch, outputs)`.
        spoken_loss: Mean loss of the answers' tokens; 0 without questions.
        spoken_rightly: Which pictures every token of every answer is right of, bool `(batch,)`.
    """

    tokens: Tensor
    answer: Tensor
    spoken_loss: Tensor
    spoken_rightly: Tensor


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
        bf16: Whether to compute in bfloat16; what is read comes out in float32.
    """

    def __init__(
        self,
        model: EmotionQwenForConditionalGeneration,
        processor: EmotionQwenProcessor,
        side: int,
        width: int,
        outputs: Mapping[str, int],
        bf16: bool = False,
    ) -> None:
        super().__init__()
        self.model = model
        self.processor = processor
        self.bf16 = bf16
        token_side = side // (processor.image_processor.patch_size * processor.image_processor.merge_size)
        hidden = model.config.text_config.hidden_size
        seen = token_side**2 * hidden
        self.token_readouts = nn.ModuleDict({name: _readout(seen, width, count) for name, count in outputs.items()})
        self.answer_readouts = nn.ModuleDict({name: _readout(hidden, width, count) for name, count in outputs.items()})

    def forward(self, pixels: Tensor, subject: str, turns: list[Turns]) -> Readings:
        """Reads pictures of one subject.

        Args:
            pixels: uint8 (batch, 3, side, side).
            subject: Chooses the readouts.
            turns: Questions and answers about each picture; none for all of them, or some for each.
        """
        inputs, spoken = self._inputs(pixels, turns)
        patches, grids = inputs.pop("pixel_values"), inputs["image_grid_thw"]
        begins = torch.where(spoken.any(1), spoken.int().argmax(1), inputs["attention_mask"].sum(1)) - 1
        with self._computing():
            seen = self.model.model.get_image_features(patches, grids, return_dict=True)
            held = self.model.model(**inputs, mm_encoder_outputs={"image": seen}, use_cache=False).last_hidden_state
            return Readings(
                self._read_tokens(seen, subject),
                self.answer_readouts[subject](held[torch.arange(len(held), device=held.device), begins]).float(),
                *self._speak(held, inputs["input_ids"], spoken),
            )

    def look(self, pixels: Tensor, subject: str) -> Tensor:
        """Reads the visual tokens alone, without the language model and its share of the time.

        Args:
            pixels: uint8 (batch, 3, side, side).
            subject: Chooses the readout.

        Returns:
            What the readout predicts: `(batch, outputs)`.
        """
        inputs = self.processor.image_processor(list(pixels), facial_emotion_capture=False, return_tensors="pt")
        inputs = inputs.to(self.model.device)
        patches, grids = inputs["pixel_values"], inputs["image_grid_thw"]
        with self._computing():
            return self._read_tokens(self.model.model.get_image_features(patches, grids, return_dict=True), subject)

    def _computing(self) -> torch.autocast:
        return torch.autocast(self.model.device.type, torch.bfloat16, enabled=self.bf16)

    def _read_tokens(self, seen: BaseModelOutputWithPooling, subject: str) -> Tensor:
        return self.token_readouts[subject](torch.stack(seen.pooler_output).flatten(1)).float()

    def _inputs(self, pixels: Tensor, turns: list[Turns]) -> tuple[dict[str, Tensor], Tensor]:
        """The model's inputs, and which tokens the assistant speaks, bool `(batch, length)`."""
        batch, spoken = tokenize_spoken(
            self.processor,
            [_conversation(picture, asked) for picture, asked in zip(pixels, turns, strict=True)],
            add_generation_prompt=not turns[0],
            images_kwargs={"facial_emotion_capture": False},
        )
        return dict(batch.to(self.model.device)), spoken.to(self.model.device)

    def _speak(self, held: Tensor, ids: Tensor, spoken: Tensor) -> tuple[Tensor, Tensor]:
        """Loss and rightness of the spoken tokens, each predicted from the one before it."""
        if not spoken.any():
            return held.new_zeros(()), spoken.any(1)
        after = spoken[:, 1:]
        logits = self.model.lm_head(held[:, :-1][after]).float()
        wrong = torch.zeros_like(after)
        wrong[after] = logits.argmax(-1) != ids[:, 1:][after]
        return F.cross_entropy(logits, ids[:, 1:][after]), ~wrong.any(1)


def _conversation(picture: Tensor, turns: Turns) -> list[dict[str, Any]]:
    """Chat messages about a picture; without questions, the picture alone."""
    record = {"kind": "image", "media": picture}
    return chat(record, *turns) if turns else chat(record, ("", ""))[:1]


def _readout(inputs: int, width: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(nn.Linear(inputs, width), nn.GELU(), nn.Linear(width, outputs))
