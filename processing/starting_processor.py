"""The processor of a model that starts from another one's folder: that one's tokenizer and image statistics."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from transformers import AutoTokenizer, PreTrainedTokenizerBase

from .chat_template import load_chat_template
from .first_line import first_line
from .image_processing_emotion_qwen import EmotionQwenImageProcessor
from .processing_emotion_qwen import EmotionQwenProcessor
from .video_processing_emotion_qwen import EmotionQwenVideoProcessor

END_OF_TURN = "<|im_end|>"
PADDING = "<|endoftext|>"
VISION_TOKENS = {
    "image_token_id": "<|image_pad|>",
    "video_token_id": "<|video_pad|>",
    "vision_start_token_id": "<|vision_start|>",
    "vision_end_token_id": "<|vision_end|>",
}
"""The tokens of media, by the names of their ids in the model's config."""
FORMAT_TOKENS = (PADDING, "<|im_start|>", END_OF_TURN, *VISION_TOKENS.values())
"""All tokens that the chat template and the processor write."""

# Tokens of other families that mean the same: their embeddings are a good start.
_LIKENESSES = {
    PADDING: ("<|end_of_text|>",),
    "<|im_start|>": ("<|start_header_id|>", "<start_of_turn>"),
    END_OF_TURN: ("<|eot_id|>", "<end_of_turn>"),
}
_BOS_FIRST = "{{- bos_token -}}\n"


def load_tokenizer(folder: str | Path) -> PreTrainedTokenizerBase:
    """Load the tokenizer of a local folder; it pads on the left, whatever the folder says.

    An answer continues its prompt, so prompts of a batch have to end together. Qwen2.5-VL leaves that to its callers,
    and whoever forgets it gets answers to padding.

    Raises:
        ValueError: If there is none that transformers can load.
    """
    try:
        return AutoTokenizer.from_pretrained(
            folder, local_files_only=True, trust_remote_code=False, padding_side="left"
        )
    except Exception as error:  # a damaged file raises whatever its reader raises
        raise ValueError(f"The tokenizer of {str(folder)!r} can't be loaded: {first_line(error)}") from error


def extend_tokenizer(tokenizer: PreTrainedTokenizerBase) -> dict[int, int | None]:
    """Add, in place, the tokens of Emotion-Qwen's chat format that a tokenizer lacks; a turn ends in `<|im_end|>`.

    A tokenizer that puts its beginning-of-text token before everything stops doing so: the chat template writes that
    token (`build_processor`), and text that comes from the template must not get it twice.

    Args:
        tokenizer: Any fast tokenizer, such as Llama 3's.

    Returns:
        For each added token's id, the id of an old token with the same meaning, or None where there is none.
    """
    known = tokenizer.get_vocab()
    missing = [token for token in FORMAT_TOKENS if token not in known]
    likenesses = _LIKENESSES | {END_OF_TURN: (*_LIKENESSES[END_OF_TURN], tokenizer.eos_token)}
    tokenizer.add_special_tokens({"additional_special_tokens": missing}, replace_extra_special_tokens=False)
    tokenizer.eos_token, tokenizer.pad_token = END_OF_TURN, PADDING
    if tokenizer.bos_token is not None:
        tokenizer.add_bos_token = False
    old_ids = {token: [known[name] for name in likenesses.get(token, ()) if name in known] for token in missing}
    return {tokenizer.convert_tokens_to_ids(token): next(iter(ids), None) for token, ids in old_ids.items()}


def build_processor(
    folder: str | Path,
    tokenizer: PreTrainedTokenizerBase,
    *,
    patch_size: int,
    temporal_patch_size: int,
    merge_size: int,
) -> EmotionQwenProcessor:
    """Build Emotion-Qwen's processor for a model that starts from a Qwen2.5-VL folder.

    Images are normalised with the mean and standard deviation that its vision tower was trained with. Sizes and frame
    rates are the paper's (images up to 1280x784, clips up to 448x448 at 3 frames per second).

    Args:
        folder: The Qwen2.5-VL folder.
        tokenizer: The text backbone's tokenizer, with Emotion-Qwen's tokens.
        patch_size: Side of the tower's patches, in pixels.
        temporal_patch_size: Frames in a patch.
        merge_size: Patches along each side of a visual token.

    Raises:
        ValueError: If the folder lacks the settings of an image processor.
    """
    settings = _read_image_settings(Path(folder))
    shared = {name: settings[name] for name in ("image_mean", "image_std") if name in settings}
    shared |= {"patch_size": patch_size, "temporal_patch_size": temporal_patch_size, "merge_size": merge_size}
    template = load_chat_template()
    return EmotionQwenProcessor(
        image_processor=EmotionQwenImageProcessor(**shared),
        tokenizer=tokenizer,
        video_processor=EmotionQwenVideoProcessor(**shared),
        chat_template=template if tokenizer.bos_token is None else _BOS_FIRST + template,
    )


def _read_image_settings(folder: Path) -> Mapping[str, Any]:
    """Read the image processor's settings from where transformers before 5, or from where later releases put them."""
    for name in ("preprocessor_config.json", "processor_config.json"):
        if (folder / name).is_file():
            settings = json.loads((folder / name).read_text(encoding="utf-8"))
            return settings.get("image_processor", settings)
    raise ValueError(f"{str(folder)!r} lacks preprocessor_config.json.")
