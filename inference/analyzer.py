"""From a clip or a still to the emotion, its evidence and a reasoned answer."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import torch

from emotion_qwen import EmotionQwenForConditionalGeneration
from emotion_qwen.processing import EmotionQwenProcessor, FaceCapture
from emotion_qwen.processing.face_capture import KeyFrame
from emotion_qwen.processing.media_kind import MediaKind

from .adapter_choice import choose_adapter
from .adapter_files import AUTO, BASE, adapter_name, list_adapters, own_adapters
from .adapters import AdapterSet
from .analysis import EmotionAnalysis, TimelinePoint
from .checkpoint import load_checkpoint, shipped_checkpoint
from .errors import AdapterError
from .label_sets import LabelSet, as_label_set
from .media import DecodedMedia, load_media
from .prompts import EMOTION_LABELS, label_name, label_question, reasoning_question
from .question_check import check_question
from .seen_media import SeenMedia

Stage = Literal["adapters", "decode", "faces", "prepare", "see", "read", "answer"]
"""What an analysis is doing: loading adapters, decoding, finding faces, preparing inputs, encoding pixels, scoring
labels, answering. What is loaded or decoded already is no stage."""


class EmotionAnalyzer:
    """Reads the emotion in clips and stills with an Emotion-Qwen model.

    Example:
        >>> analyzer = EmotionAnalyzer.from_pretrained()
        >>> analyzer.analyze("clip.mp4").label
        'happy'

    Args:
        model: The model, on its device.
        processor: The processor of its checkpoint.

    Attributes:
        adapters: The model's adapters; none at first.
        adapter: What answers by default: an adapter's name, `"auto"` or `"base"`.
    """

    def __init__(self, model: EmotionQwenForConditionalGeneration, processor: EmotionQwenProcessor) -> None:
        self.model = model
        self.processor = processor
        self.adapters = AdapterSet(model)
        self.adapter = AUTO

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

        Adapters in the checkpoint's folder `adapters` are known by their folders' names and loaded when first asked
        for.

        Args:
            path_or_id: Local folder or Hub id; Emotion-Qwen-Nano, which comes with the package, by default.
            adapter: What answers by default: the name of an adapter; `"base"` for the model alone; or the local folder
                or Hub id of one more PEFT adapter, which is then called by its folder's name. None for `"auto"`, the
                one that each question calls for, if any.
            device: Where it runs; by default the accelerator if there is one, else the CPU.
            dtype: Type of the weights; by default float32 on the CPU and the checkpoint's own elsewhere.
            attn_implementation: Attention of transformers' interface, such as `"sdpa"`.
            adapters: More PEFT adapters trained on that checkpoint: local folders or Hub ids by name, or one local
                folder that holds a folder for each. One with the name of one of the checkpoint's own replaces it.

        Returns:
            The analyzer.

        Raises:
            CheckpointError: If the checkpoint can't be used.
            AdapterError: If the adapter can't be used.
        """
        source = path_or_id if path_or_id is not None else shipped_checkpoint()
        model, processor = load_checkpoint(source, device, dtype, attn_implementation)
        analyzer = cls(model, processor)
        named = dict(list_adapters(adapters))
        own = own_adapters(source)
        if adapter is not None and adapter not in (AUTO, BASE, *named, *own):
            _require_place(adapter, (*own, *named))
            named[adapter_name(adapter)] = adapter
            adapter = adapter_name(adapter)
        for name, folder in (own | named).items():  # named ones replace the checkpoint's own
            analyzer.adapters.add(folder, name)
        for name in named:
            analyzer.adapters.load(name)
        if adapter is not None:
            analyzer._prefer(str(adapter))
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
        """Mask the key frames, as the model is shown them after the clip.

        Args:
            media: Decoded media.
            capture: Its faces.

        Returns:
            uint8 RGB (K, 3, H, W), in time order.
        """
        return self.processor.visual_processor(media.kind).face_capturer().mask(media.frames, capture)

    @torch.inference_mode()
    def analyze(
        self,
        media: Any,
        question: str | None = None,
        language: str = "en",
        *,
        facial_emotion_capture: bool = True,
        face_capture: FaceCapture | None = None,
        labels: LabelSet | str | Sequence[str] | None = None,
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
            question: What to ask; by default what the face shows, and which emotion it is.
            language: `"en"` or `"zh"`: the language of the questions and label names put to the model.
            facial_emotion_capture: Whether faces are captured and their key frames shown to the model.
            face_capture: Faces captured earlier from the same media, instead of capturing them again.
            labels: The labels to choose from: a label set, the name of a known one, or the labels themselves. By
                default those of the named adapter, or else the seven basic emotions.
            adapter: What answers: the name of an adapter; `"base"` for the model alone; `"auto"` for what
                `choose_adapter` gives for this kind of media, separately for the question for the label and for
                `question`. By default the analyzer's `adapter`.
            max_new_tokens: Longest answer, in tokens.
            on_text: Called with each piece of the answer as it is generated.
            on_stage: Called with each stage's name as it starts.
            on_reading: Called with the analysis before the answer, its text still empty.

        Returns:
            The analysis; the same for the same input on the same machine.

        Raises:
            MediaError: If the media can't be read.
            AdapterError: If there is no such adapter, or it does not fit the model.
            QuestionError: If `question`, or the question that lists the labels, is empty, no text, longer than the
                model reads, or contains a special token of the conversation.
            ValueError: If the language or the label set is unknown, or `face_capture` is of other media.
        """
        enter = on_stage or (lambda stage: None)
        label_set = self._label_set(labels, adapter)
        ask_label = label_question(language, label_set.labels, label_set.subject)
        question = question if question is not None else reasoning_question(language)
        longest = self.model.config.get_text_config().max_position_embeddings
        for asked in (ask_label, question):
            check_question(asked, self.processor.tokenizer, longest)
        if adapter not in (None, AUTO, BASE):
            self._load_adapter(adapter, enter)  # before a clip is decoded in vain
        if not isinstance(media, DecodedMedia):
            enter("decode")
        decoded = self.load(media)
        label_adapter, text_adapter = (
            self._adapter_for(asked, decoded.kind, adapter) for asked in (ask_label, question)
        )
        for chosen in (label_adapter, text_adapter):
            self._load_adapter(chosen, enter)
        capture = face_capture if facial_emotion_capture else None
        if facial_emotion_capture and capture is None:
            enter("faces")
            capture = self.capture_faces(decoded)
        enter("prepare")
        seen = SeenMedia(self.model, self.processor, decoded, capture)
        enter("see")
        seen.encode()
        enter("read")
        # Adapters change the language model alone, so what is seen is encoded once for both questions.
        with self.adapters.using(label_adapter):
            answers = [label_name(label, language) for label in label_set.labels]
            probabilities = seen.answer_probabilities(ask_label, answers)
        analysis = EmotionAnalysis(
            label=label_set.labels[int(probabilities.argmax())],
            probabilities=dict(zip(label_set.labels, probabilities.tolist(), strict=True)),
            text="",
            key_frames=_key_frames(capture, decoded),
            gate=seen.gate,
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
            text = seen.answer(question, max_new_tokens, on_text)
        return replace(analysis, text=text)

    def _prefer(self, adapter: str) -> None:
        """Answer with an adapter by default: one that is known by this name, "auto" or "base"."""
        self.adapter = adapter
        if adapter not in (AUTO, BASE):
            self.adapters.activate(adapter)

    def _label_set(self, labels: LabelSet | str | Sequence[str] | None, adapter: str | None) -> LabelSet:
        if labels is not None:
            return as_label_set(labels)
        purpose = self.adapters.purposes.get(self.adapter if adapter is None else adapter)
        return as_label_set(EMOTION_LABELS if purpose is None or purpose.labels is None else purpose.labels)

    def _adapter_for(self, question: str, media: MediaKind, adapter: str | None) -> str | None:
        adapter = self.adapter if adapter is None else adapter
        if adapter == AUTO:
            adapter = choose_adapter(question, self.adapters.purposes, media)
        return None if adapter == BASE else adapter

    def _load_adapter(self, name: str | None, enter: Callable[[Stage], None]) -> None:
        if name is None or self.adapters.is_loaded(name):
            return
        enter("adapters")
        self.adapters.load(name)


def _require_place(adapter: str | Path, known: Sequence[str]) -> None:
    """Refuse what is neither a local folder nor a Hub id, which has the owner's name before a slash."""
    if isinstance(adapter, str) and "/" not in adapter and not Path(adapter).is_dir():
        raise AdapterError(f"There is no adapter {adapter!r} here; known: {', '.join(known) or 'none'}.")


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
