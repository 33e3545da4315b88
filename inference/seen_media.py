"""A clip or a still that a model has encoded once, and the questions put to it."""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from transformers import PreTrainedTokenizerBase, TextStreamer

from emotion_qwen import EmotionQwenForConditionalGeneration
from emotion_qwen.processing import EmotionQwenProcessor, FaceCapture

from .analysis import Gate
from .label_likelihood import label_probabilities
from .media import DecodedMedia

_FEATURE_INPUTS = {"image": ("pixel_values", "image_grid_thw"), "video": ("pixel_values_videos", "video_grid_thw")}


class SeenMedia:
    """Media prepared for a model; call `encode` before the first question.

    Args:
        model: The model, on its device.
        processor: The processor of its checkpoint.
        media: Decoded media.
        capture: Their faces, whose key frames are shown to the model; None if Facial Emotion Capture is off.
    """

    def __init__(
        self,
        model: EmotionQwenForConditionalGeneration,
        processor: EmotionQwenProcessor,
        media: DecodedMedia,
        capture: FaceCapture | None,
    ) -> None:
        self.model = model
        self.processor = processor
        self.kind = media.kind
        self.inputs = self._prepare(media, capture)
        self.features = None

    def encode(self) -> None:
        """Run the vision tower and the compressor over the pixels."""
        pixels, grid = (self.inputs[name] for name in _FEATURE_INPUTS[self.kind])
        encode = self.model.get_image_features if self.kind == "image" else self.model.get_video_features
        self.features = encode(pixels, grid, output_gate_weights=True, return_dict=True)

    @property
    def gate(self) -> Gate | None:
        """Mean weights of the two experts; None for a compressor without a gate."""
        weights = getattr(self.features, "gate_weights", None)
        if weights is None:
            return None
        emotion, general = torch.cat(list(weights)).float().mean(dim=0).tolist()
        return Gate(emotion, general)

    def answer_probabilities(self, question: str, answers: Sequence[str]) -> torch.Tensor:
        """Weigh fixed answers to a question by the model's own likelihoods.

        Args:
            question: The question.
            answers: What may be said, each in full.

        Returns:
            float32 (number of answers,), summing to 1.
        """
        tokenizer = self.processor.tokenizer
        tokens = [
            [*tokenizer(answer, add_special_tokens=False)["input_ids"], tokenizer.eos_token_id] for answer in answers
        ]
        return label_probabilities(self.model, self._prompt(question), tokens)

    def answer(self, question: str, max_new_tokens: int, on_text: Callable[[str], None] | None = None) -> str:
        """Let the model answer, greedily.

        Args:
            question: The question.
            max_new_tokens: Longest answer, in tokens.
            on_text: Called with each piece of the answer as it is generated.

        Returns:
            The answer, without special tokens.
        """
        tokenizer, settings = self.processor.tokenizer, self.model.generation_config
        prompt = self._prompt(question)
        generated = self.model.generate(
            **prompt,
            max_new_tokens=max_new_tokens,
            do_sample=False,
            temperature=None,
            top_p=None,
            top_k=None,
            eos_token_id=settings.eos_token_id if settings.eos_token_id is not None else tokenizer.eos_token_id,
            pad_token_id=tokenizer.pad_token_id,
            streamer=_CallbackStreamer(tokenizer, on_text) if on_text else None,
        )
        answer = generated[0, prompt["input_ids"].shape[1] :]
        return tokenizer.decode(answer, skip_special_tokens=True).strip()

    def _prepare(self, media: DecodedMedia, capture: FaceCapture | None) -> dict[str, torch.Tensor]:
        options = {"facial_emotion_capture": capture is not None, "face_captures": [capture]}
        if media.kind == "image":
            arguments = {"images": [media.frames[0]], "images_kwargs": options}
        else:
            # Decoding has sampled already.
            options |= {"video_metadata": [media.metadata], "do_sample_frames": False}
            arguments = {"videos": [media.frames], "videos_kwargs": options}
        inputs = self.processor(text=[self._chat("")], return_tensors="pt", **arguments)
        return dict(inputs.to(self.model.device))

    def _chat(self, question: str) -> str:
        content = [{"type": self.kind}, {"type": "text", "text": question}]
        messages = [{"role": "user", "content": content}]
        return self.processor.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)

    def _prompt(self, question: str) -> dict[str, Any]:
        """Model inputs for a question about the media, with their features in place of the pixels."""
        processor, kind = self.processor, self.kind
        placeholder = processor.image_token if kind == "image" else processor.video_token
        num_tokens = sum(len(item) for item in self.features.pooler_output)
        text = self._chat(question).replace(placeholder, placeholder * num_tokens, 1)
        tokens = processor.tokenizer(text, add_special_tokens=False, return_tensors="pt").to(self.model.device)
        is_placeholder = tokens["input_ids"] == processor.tokenizer.convert_tokens_to_ids(placeholder)
        grids = {
            name: self.inputs[name] for name in (_FEATURE_INPUTS[kind][1], "second_per_grid_ts") if name in self.inputs
        }
        return {
            "input_ids": tokens["input_ids"],
            "attention_mask": tokens["attention_mask"],
            "mm_token_type_ids": is_placeholder.int() * (1 if kind == "image" else 2),
            "mm_encoder_outputs": {kind: self.features},
            **grids,
        }


class _CallbackStreamer(TextStreamer):
    """Passes on the answer's text, whole words at a time, while it is generated."""

    def __init__(self, tokenizer: PreTrainedTokenizerBase, on_text: Callable[[str], None]) -> None:
        super().__init__(tokenizer, skip_prompt=True, skip_special_tokens=True)
        self.on_text = on_text

    def on_finalized_text(self, text: str, stream_end: bool = False) -> None:
        if text:
            self.on_text(text)
