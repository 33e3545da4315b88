"""From a clip or a still to the emotion, its evidence and a reasoned answer."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import torch
from transformers import TextStreamer

from emotion_qwen.processing import EmotionQwenProcessor, FaceCapture, FacialEmotionCapture
from emotion_qwen.processing.face_capture import KeyFrame

from .adapter_choice import choose_adapter
from .adapter_files import ADAPTERS_FOLDER, AUTO, BASE, find_adapters, list_adapters
from .adapters import AdapterSet
from .analysis import EmotionAnalysis, Gate, TimelinePoint
from .checkpoint import load_checkpoint, shipped_checkpoint
from .label_likelihood import label_probabilities
from .media import DecodedMedia, load_media
from .prompts import EMOTION_LABELS, label_name, label_question, reasoning_question

Stage = Literal["decode", "faces", "prepare", "see", "read", "answer"]
"""What an analysis is doing: decoding, finding faces, preparing inputs, encoding pixels, scoring labels, answering."""

_FEATURE_INPUTS = {"image": ("pixel_values", "image_grid_thw"), "video": ("pixel_values_videos", "video_grid_thw")}


class EmotionAnalyzer:
    """Reads the emotion in clips and stills with an Emotion-Qwen model.

    Example:
        >>> analyzer = EmotionAnalyzer.from_pretrained()
        >>> analyzer.analyze("clip.mp4").label
        'happy'

    Args:
        model: An `EmotionQwenForConditionalGeneration`, on its device.
        processor: The processor of its checkpoint.

    Attributes:
        adapters: The model's adapters; none at first.
        adapter: What answers where a call does not say: an adapter's name, `"auto"` or `"base"`.
    """

    def __init__(self, model, processor: EmotionQwenProcessor):
        self.model = model
        self.processor = processor
        self.adapters = AdapterSet(model)
        self.adapter = BASE

    @classmethod
    def from_pretrained(
        cls,
        path_or_id: str | Path | None = None,
        adapter: str | Path | None = None,
        device: torch.device | str | None = None,
        dtype: torch.dtype | str | None = None,
        attn_implementation: str | None = None,
        adapters: Mapping[str, str | Path] | str | Path | None = None,
    ) -> "EmotionAnalyzer":
        """Load a checkpoint and its adapters.

        Adapters in the checkpoint folder's `adapters/` are known by their folders' names and loaded when first asked
        for.

        Args:
            path_or_id: Local folder or Hub id; Emotion-Qwen-Nano, which comes with the package, by default.
            adapter: What answers where a call does not say: the name of an adapter, `"auto"` for the one that each
                question calls for, or the local folder or Hub id of one more PEFT adapter. By default the model alone.
            device: Where it runs; the accelerator where there is one by default.
            dtype: Type of the weights; by default float32 on the CPU and the checkpoint's own elsewhere.
            attn_implementation: Attention of transformers' interface, such as `"sdpa"`.
            adapters: More PEFT adapters trained on that checkpoint: local folders or Hub ids by name, or one local
                folder that holds a folder for each.

        Returns:
            The analyzer.

        Raises:
            CheckpointError: If the checkpoint can't be used.
            AdapterError: If the adapter can't be used.
        """
        source = path_or_id if path_or_id is not None else shipped_checkpoint()
        model, processor = load_checkpoint(source, device, dtype, attn_implementation)
        analyzer = cls(model, processor)
        for name, folder in find_adapters(Path(source) / ADAPTERS_FOLDER).items():
            analyzer.adapters.add(folder, name)
        for name, folder in list_adapters(adapters).items():
            analyzer.adapters.load(analyzer.adapters.add(folder, name))
        if adapter is not None:
            analyzer._prefer(adapter)
        return analyzer

    def load(self, media: Any) -> DecodedMedia:
        """Decode a clip or a still, as `analyze` does first.

        Args:
            media: Whatever `analyze` takes.

        Returns:
            Decoded RGB frames with their times.

        Raises:
            MediaError: If it can't be read.
        """
        return media if isinstance(media, DecodedMedia) else load_media(media, self.processor)

    def capture_faces(self, media: DecodedMedia) -> FaceCapture:
        """Find the faces of decoded media, as `analyze` does second.

        Args:
            media: Decoded media.

        Returns:
            Faces per frame and the key frames.
        """
        if media.kind == "image":
            return self.processor.image_processor.capture_faces(media.frames[0])
        return self.processor.video_processor.capture_faces(media.frames, media.metadata)

    def masked_key_frames(self, media: DecodedMedia, capture: FaceCapture) -> torch.Tensor:
        """The masked key frames that the model is shown after the clip.

        Args:
            media: Decoded media.
            capture: Its faces.

        Returns:
            uint8 RGB (K, 3, H, W), in time order.
        """
        settings = self._visual_processor(media.kind).fec_config
        return FacialEmotionCapture(**settings).mask(media.frames, capture)

    @torch.inference_mode()
    def analyze(
        self,
        media: Any,
        question: str | None = None,
        language: str = "en",
        *,
        facial_emotion_capture: bool = True,
        face_capture: FaceCapture | None = None,
        labels: Sequence[str] = EMOTION_LABELS,
        adapter: str | None = None,
        max_new_tokens: int = 256,
        on_text: Callable[[str], None] | None = None,
        on_stage: Callable[[Stage], None] | None = None,
        on_reading: Callable[[EmotionAnalysis], None] | None = None,
    ) -> EmotionAnalysis:
        """Read the emotion of a clip or a still.

        Args:
            media: Path or URL of a video, GIF or picture; a PIL image; a picture or a clip as uint8 arrays; or
                media decoded by `load`.
            question: What to ask; the question for a reasoned emotion by default.
            language: `"en"` or `"zh"`: the language of the questions and label names put to the model.
            facial_emotion_capture: Whether faces are captured and their key frames shown to the model.
            face_capture: Faces captured earlier from the same media, instead of capturing them again.
            labels: The label set.
            adapter: What answers: the name of an adapter; `"base"` for the model alone; `"auto"` for what each of the
                two questions calls for by `choose_adapter`, the one for the label and `question`. By default what the
                analyzer prefers.
            max_new_tokens: Longest answer, in tokens.
            on_text: Called with each piece of the answer as it is generated.
            on_stage: Called with each stage's name as it starts.
            on_reading: Called with the analysis before the answer, its text still empty.

        Returns:
            The analysis; the same for the same input on the same machine.

        Raises:
            MediaError: If the media can't be read.
            AdapterError: If there is no such adapter, or it does not fit the model.
            ValueError: If the language is unknown, or the question is empty, longer than the model reads or holds a
                placeholder of the processor.
        """
        enter = on_stage or (lambda stage: None)
        ask_label = label_question(language, labels)
        question = question if question is not None else reasoning_question(language)
        self._check_question(question)
        label_adapter, text_adapter = (self._adapter_for(asked, adapter) for asked in (ask_label, question))
        enter("decode")
        decoded = self.load(media)
        capture = face_capture if facial_emotion_capture else None
        if facial_emotion_capture and capture is None:
            enter("faces")
            capture = self.capture_faces(decoded)
        enter("prepare")
        inputs = self._prepare(decoded, ask_label, capture)
        enter("see")
        features = self._encode(decoded.kind, inputs)
        enter("read")
        answers = [self._answer_tokens(label_name(label, language)) for label in labels]
        # Adapters change the language model alone, so what is seen is encoded once for both questions.
        with self.adapters.using(label_adapter):
            probabilities = label_probabilities(
                self.model, self._prompt(ask_label, decoded.kind, inputs, features), answers
            )
        analysis = EmotionAnalysis(
            label=labels[int(probabilities.argmax())],
            probabilities=dict(zip(labels, probabilities.tolist(), strict=True)),
            text="",
            key_frames=_key_frames(capture, decoded),
            gate=_gate(features),
            timeline=_timeline(capture, decoded),
            language=language,
            question=question,
            frame_size=decoded.size,
            adapter=text_adapter,
        )
        if on_reading is not None:
            on_reading(analysis)
        enter("answer")
        with self.adapters.using(text_adapter):
            text = self._generate(self._prompt(question, decoded.kind, inputs, features), max_new_tokens, on_text)
        return replace(analysis, text=text)

    def _prefer(self, adapter: str | Path) -> None:
        """Answer with an adapter by default: a known name, "auto", "base", or one more adapter's folder or Hub id."""
        if adapter in (AUTO, BASE):
            self.adapter = str(adapter)
            return
        self.adapter = str(adapter) if adapter in self.adapters.names else self.adapters.add(adapter)
        self.adapters.activate(self.adapter)

    def _adapter_for(self, question: str, adapter: str | None) -> str | None:
        adapter = self.adapter if adapter is None else adapter
        if adapter == AUTO:
            adapter = choose_adapter(question, self.adapters.purposes)
        if adapter is None or adapter == BASE:
            return None
        self.adapters.load(adapter)
        return adapter

    def _visual_processor(self, kind: str):
        return self.processor.image_processor if kind == "image" else self.processor.video_processor

    def _check_question(self, question: str) -> None:
        if not question.strip():
            raise ValueError("The question is empty.")
        tokenizer = self.processor.tokenizer
        # `all_special_tokens` lacks those that have no role of their own, the one that starts a turn among them.
        for token in (str(added) for added in tokenizer.added_tokens_decoder.values() if added.special):
            if token in question:
                raise ValueError(f"A question can't hold {token}, which marks up the conversation.")
        length = len(tokenizer(question, add_special_tokens=False)["input_ids"])
        longest = self.model.config.get_text_config().max_position_embeddings
        if length > longest:
            raise ValueError(f"The question is {length} tokens long; this model reads at most {longest}.")

    def _prepare(self, media: DecodedMedia, question: str, capture: FaceCapture | None) -> dict[str, torch.Tensor]:
        options = {"facial_emotion_capture": capture is not None, "face_captures": [capture]}
        if media.kind == "image":
            arguments = {"images": [media.frames[0]], "images_kwargs": options}
        else:
            # Decoding has sampled already.
            options |= {"video_metadata": [media.metadata], "do_sample_frames": False}
            arguments = {"videos": [media.frames], "videos_kwargs": options}
        text = self._chat(question, media.kind)
        return dict(self.processor(text=[text], return_tensors="pt", **arguments).to(self.model.device))

    def _chat(self, question: str, kind: str) -> str:
        content = [{"type": kind}, {"type": "text", "text": question}]
        messages = [{"role": "user", "content": content}]
        return self.processor.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)

    def _encode(self, kind: str, inputs: dict[str, torch.Tensor]):
        pixels, grid = (inputs[name] for name in _FEATURE_INPUTS[kind])
        encode = self.model.get_image_features if kind == "image" else self.model.get_video_features
        return encode(pixels, grid, output_gate_weights=True, return_dict=True)

    def _prompt(self, question: str, kind: str, inputs: dict[str, torch.Tensor], features) -> dict[str, Any]:
        """Model inputs for one more question about the same pixels, which are encoded once."""
        placeholder = self.processor.image_token if kind == "image" else self.processor.video_token
        num_tokens = sum(len(item) for item in features.pooler_output)
        text = self._chat(question, kind).replace(placeholder, placeholder * num_tokens, 1)
        tokens = self.processor.tokenizer(text, add_special_tokens=False, return_tensors="pt").to(self.model.device)
        is_placeholder = tokens["input_ids"] == self.processor.tokenizer.convert_tokens_to_ids(placeholder)
        grids = {name: inputs[name] for name in (_FEATURE_INPUTS[kind][1], "second_per_grid_ts") if name in inputs}
        return {
            "input_ids": tokens["input_ids"],
            "attention_mask": tokens["attention_mask"],
            "mm_token_type_ids": is_placeholder.int() * (1 if kind == "image" else 2),
            "mm_encoder_outputs": {kind: features},
            **grids,
        }

    def _answer_tokens(self, answer: str) -> list[int]:
        tokenizer = self.processor.tokenizer
        return [*tokenizer(answer, add_special_tokens=False)["input_ids"], tokenizer.eos_token_id]

    def _generate(self, prompt: dict[str, Any], max_new_tokens: int, on_text: Callable[[str], None] | None) -> str:
        tokenizer, settings = self.processor.tokenizer, self.model.generation_config
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


class _CallbackStreamer(TextStreamer):
    """Hands on the answer's text, whole words at a time, as generation goes."""

    def __init__(self, tokenizer, on_text: Callable[[str], None]):
        super().__init__(tokenizer, skip_prompt=True, skip_special_tokens=True)
        self.on_text = on_text

    def on_finalized_text(self, text: str, stream_end: bool = False) -> None:
        if text:
            self.on_text(text)


def _key_frames(capture: FaceCapture | None, media: DecodedMedia) -> tuple[KeyFrame, ...]:
    if capture is None:
        return ()
    return tuple(replace(key_frame, time=media.timestamps[key_frame.frame]) for key_frame in capture.key_frames)


def _timeline(capture: FaceCapture | None, media: DecodedMedia) -> tuple[TimelinePoint, ...]:
    if capture is None:
        return ()
    return tuple(
        TimelinePoint(time, dict(zip(capture.labels, scores, strict=True)))
        for time, scores in zip(media.timestamps, capture.timeline(), strict=True)
    )


def _gate(features) -> Gate | None:
    weights = getattr(features, "gate_weights", None)
    if weights is None:
        return None
    emotion, general = torch.cat(list(weights)).float().mean(dim=0).tolist()
    return Gate(emotion, general)
