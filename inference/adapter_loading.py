"""Putting PEFT adapters onto a model, with one clear sentence where one does not fit."""

from pathlib import Path
from types import ModuleType

from safetensors import SafetensorError
from torch import nn

from emotion_qwen import EmotionQwenForConditionalGeneration
from emotion_qwen.processing.first_line import short_reason

from .adapter_files import check_base, locate_adapter
from .adapter_fit import check_fit
from .errors import AdapterError

_LOAD_ERRORS = (OSError, ValueError, TypeError, KeyError, AttributeError, RuntimeError, ImportError, SafetensorError)


def merge_adapter(
    model: EmotionQwenForConditionalGeneration, adapter: str | Path
) -> EmotionQwenForConditionalGeneration:
    """Add a PEFT adapter to a model's weights for good.

    Args:
        model: The model that the adapter was trained on.
        adapter: Local folder or Hub id of the adapter.

    Returns:
        The model with plain, changed weights.

    Raises:
        AdapterError: If PEFT is not installed, a file is missing, or the adapter was made for another model.
    """
    folder = locate_adapter(adapter)
    check_base(folder, type(model).__name__)
    return _wrapped(model, folder, "default", in_models_dtype=False).merge_and_unload()


def load_peft_model(model: EmotionQwenForConditionalGeneration, folder: Path, name: str) -> nn.Module:
    """Load a model's first adapter.

    Its weights take the model's data type. PEFT would leave them in float32, and then round once for a batch with one
    adapter and twice for one with several: a row would give different answers in the two.

    Args:
        model: The model; its layers are wrapped in place.
        folder: The adapter's local folder.
        name: What to call it.

    Returns:
        A `PeftModel` in evaluation mode, with the adapter active.

    Raises:
        AdapterError: If PEFT is not installed, or the adapter does not fit the model.
    """
    check_fit(folder, model)
    return _wrapped(model, folder, name, in_models_dtype=True)


def load_another(adapted: nn.Module, folder: Path, name: str) -> None:
    """Load one more adapter into a `PeftModel`.

    Args:
        adapted: The `PeftModel`.
        folder: The adapter's local folder.
        name: What to call it.

    Raises:
        AdapterError: If it does not fit the model.
    """
    check_fit(folder, adapted.get_base_model())
    try:
        _load_weights(adapted, folder, name, in_models_dtype=True)
    except AdapterError:
        if name in adapted.peft_config:
            adapted.delete_adapter(name)
        raise


def _wrapped(model: EmotionQwenForConditionalGeneration, folder: Path, name: str, in_models_dtype: bool) -> nn.Module:
    peft = _import_peft()
    try:
        config = peft.PeftConfig.from_pretrained(str(folder))
        if config.is_prompt_learning:
            raise AdapterError(f"Adapter {str(folder)!r} learns prompts; only adapters of layers, such as LoRA, fit.")
        config.inference_mode = True
        adapted = peft.PeftModel(model, config, adapter_name=name, autocast_adapter_dtype=not in_models_dtype)
    except AdapterError:
        raise
    except _LOAD_ERRORS as error:
        raise _misfit(folder, error) from error
    try:
        _load_weights(adapted, folder, name, in_models_dtype)
    except AdapterError:
        adapted.unload()  # the model is as it was
        raise
    return adapted.eval()


def _load_weights(adapted: nn.Module, folder: Path, name: str, in_models_dtype: bool) -> None:
    options = {"is_trainable": False, "torch_device": "cpu", "autocast_adapter_dtype": not in_models_dtype}
    try:
        loaded = adapted.load_adapter(str(folder), name, **options)
    except _LOAD_ERRORS as error:
        raise _misfit(folder, error) from error
    mismatched = [key for key in loaded.missing_keys if "lora_" in key] + list(loaded.unexpected_keys)
    if mismatched:
        raise AdapterError(
            f"Adapter {str(folder)!r} was made for another model "
            f"({adapted.peft_config[name].base_model_name_or_path}): "
            f"{len(mismatched)} of its weights do not match, such as {mismatched[0]}."
        )


def _import_peft() -> ModuleType:
    try:
        import peft
    except ImportError as error:
        raise AdapterError("Adapters need PEFT: pip install peft.") from error
    return peft


def _misfit(folder: Path, error: Exception) -> AdapterError:
    return AdapterError(f"Adapter {str(folder)!r} does not fit this model: {short_reason(error)}")
