"""Loading a model and its processor, with one clear sentence where something doesn't fit."""

from importlib import resources
from pathlib import Path

import torch
from huggingface_hub.errors import StrictDataclassError
from jinja2 import TemplateError
from safetensors import SafetensorError

from emotion_qwen import EmotionQwenConfig, EmotionQwenForConditionalGeneration
from emotion_qwen.processing import EmotionQwenProcessor
from emotion_qwen.processing.first_line import short_reason
from emotion_qwen.token_fit import check_tokens

from .errors import CheckpointError
from .json_file import read_settings

_WEIGHTS = ("model.safetensors", "model.safetensors.index.json")
_PROCESSORS = ("processor_config.json", "preprocessor_config.json", "video_preprocessor_config.json")
_TOKENIZERS = ("tokenizer.json", "vocab.json", "tokenizer.model")
_LOAD_ERRORS = (
    OSError,
    ValueError,
    TypeError,
    KeyError,
    AttributeError,
    RuntimeError,
    ImportError,
    SafetensorError,
    StrictDataclassError,
)


def shipped_checkpoint() -> Path:
    """Return the folder of Emotion-Qwen-Nano, the checkpoint that comes with the package.

    Raises:
        CheckpointError: If this installation lacks it.
    """
    folder = Path(str(resources.files("emotion_qwen") / "nano"))
    if not folder.is_dir():
        raise CheckpointError("This installation comes without Emotion-Qwen-Nano; name a checkpoint to load.")
    return folder


def default_device() -> torch.device:
    """Return the accelerator if there is one, else the CPU."""
    return torch.accelerator.current_accelerator(check_available=True) or torch.device("cpu")


def require_checkpoint(path_or_id: str | Path) -> None:
    """Make sure that a folder holds a checkpoint, as far as can be told without loading it.

    Args:
        path_or_id: Local folder or Hub id; an id is not looked up.

    Raises:
        CheckpointError: If it can't be a checkpoint, naming what is missing or wrong.
    """
    if not str(path_or_id):
        raise CheckpointError("The name of the checkpoint is empty.")
    folder = Path(path_or_id)
    if folder.is_dir():
        _check_folder(folder)
    elif folder.is_absolute() or str(path_or_id).startswith("."):
        raise CheckpointError(f"There is no checkpoint folder {str(path_or_id)!r}.")


def load_checkpoint(
    path_or_id: str | Path,
    device: torch.device | str | None = None,
    dtype: torch.dtype | str | None = None,
    attn_implementation: str | None = None,
) -> tuple[EmotionQwenForConditionalGeneration, EmotionQwenProcessor]:
    """Load a model, ready for inference, and its processor.

    Args:
        path_or_id: Local folder or Hub id of an Emotion-Qwen checkpoint.
        device: Where it runs; by default the accelerator if there is one, else the CPU.
        dtype: Type of the weights; by default float32 on the CPU, where half precision is slow, and the
            checkpoint's own elsewhere.
        attn_implementation: Attention of transformers' interface, such as `"sdpa"` or `"flash_attention_2"`.

    Returns:
        The model in evaluation mode on the device, and the processor.

    Raises:
        CheckpointError: If the checkpoint can't be used, naming what is missing or wrong.
    """
    require_checkpoint(path_or_id)
    device = torch.device(device) if device is not None else default_device()
    dtype = dtype if dtype is not None else (torch.float32 if device.type == "cpu" else "auto")
    model = load_model(path_or_id, dtype, attn_implementation)
    processor = _load_processor(path_or_id)
    try:
        check_tokens(processor, model.config)
    except ValueError as error:
        raise CheckpointError(f"The parts of checkpoint {str(path_or_id)!r} don't fit together: {error}") from error
    return model.to(device).eval(), processor


def load_model(
    path_or_id: str | Path,
    dtype: torch.dtype | str | None,
    attn_implementation: str | None = None,
    revision: str | None = None,
) -> EmotionQwenForConditionalGeneration:
    """Load a model of which no weight is missing.

    Args:
        path_or_id: Local folder or Hub id of an Emotion-Qwen checkpoint.
        dtype: Type of the weights; None for the checkpoint's own.
        attn_implementation: See `load_checkpoint`.
        revision: Of a checkpoint on the Hub.

    Raises:
        CheckpointError: If it can't be loaded, or its weights do not fit its config, naming what is missing or wrong.
    """
    pinned = {"revision": revision} if revision else {}
    try:
        config = EmotionQwenConfig.from_pretrained(path_or_id, **pinned)
        model, loaded = EmotionQwenForConditionalGeneration.from_pretrained(
            path_or_id,
            config=config,
            dtype=dtype,
            output_loading_info=True,
            ignore_mismatched_sizes=True,  # the error that it would be refers to a report that is not shown
            **({"attn_implementation": attn_implementation} if attn_implementation else {}),
            **pinned,
        )
    except _LOAD_ERRORS as error:
        raise CheckpointError(_cannot_load("The model", path_or_id, error)) from error
    unfit = sorted(loaded["mismatched_keys"])
    if unfit:
        name, stored, wanted = unfit[0]
        raise CheckpointError(
            f"The weights of checkpoint {str(path_or_id)!r} don't fit its config.json: {name} is {tuple(stored)}, by "
            f"the config {tuple(wanted)}."
        )
    lacking = sorted(loaded["missing_keys"])
    if lacking:
        raise CheckpointError(f"Checkpoint {str(path_or_id)!r} lacks {len(lacking)} weights, such as {lacking[0]}.")
    return model


def _load_processor(path_or_id: str | Path) -> EmotionQwenProcessor:
    try:
        processor = EmotionQwenProcessor.from_pretrained(path_or_id)
    except _LOAD_ERRORS as error:
        raise CheckpointError(_cannot_load("The processor", path_or_id, error)) from error
    for role in ("eos_token", "pad_token"):
        if getattr(processor.tokenizer, f"{role}_id") is None:
            raise CheckpointError(
                f"The tokenizer of checkpoint {str(path_or_id)!r} has no {role}, which tokenizer_config.json names."
            )
    if processor.chat_template is None:
        raise CheckpointError(f"Checkpoint {str(path_or_id)!r} lacks its chat template, chat_template.jinja.")
    try:
        processor.apply_chat_template([{"role": "user", "content": [{"type": "text", "text": "?"}]}], tokenize=False)
    except TemplateError as error:
        raise CheckpointError(
            f"The chat template of checkpoint {str(path_or_id)!r}, chat_template.jinja, is damaged: "
            f"{short_reason(error)}."
        ) from error
    return processor


def _check_folder(folder: Path) -> None:
    _require_one(folder, ("config.json",))
    model_type = read_settings(folder / "config.json", CheckpointError).get("model_type")
    if model_type != EmotionQwenConfig.model_type:
        raise CheckpointError(f"Checkpoint {str(folder)!r} is a {model_type!r} model, not Emotion-Qwen.")
    _require_one(folder, _WEIGHTS)
    _require_one(folder, _PROCESSORS)
    _require_one(folder, _TOKENIZERS)
    index = folder / _WEIGHTS[1]
    for shard in _list_shards(index) if index.exists() else ():
        _require_one(folder, (shard,))


def _require_one(folder: Path, names: tuple[str, ...]) -> None:
    if not any((folder / name).is_file() for name in names):
        raise CheckpointError(f"Checkpoint {str(folder)!r} lacks {' or '.join(names)}.")


def _list_shards(index: Path) -> list[str]:
    file_of_weight = read_settings(index, CheckpointError).get("weight_map")
    if not isinstance(file_of_weight, dict):
        raise CheckpointError(f"{str(index)!r} is not an index of weights.")
    return sorted(set(map(str, file_of_weight.values())))


def _cannot_load(what: str, path_or_id: str | Path, error: Exception) -> str:
    # What is wrong with a setting comes after a first line that only says that something is.
    reason = error.__cause__ if isinstance(error, StrictDataclassError) and error.__cause__ else error
    return f"{what} of checkpoint {str(path_or_id)!r} can't be loaded: {short_reason(reason)}"
