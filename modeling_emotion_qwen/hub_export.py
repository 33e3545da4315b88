"""Writing a model and its processor as a flat folder that loads where this package is not installed."""

import json
import re
import shutil
import sys
from collections.abc import Container, Mapping
from importlib import metadata, resources
from pathlib import Path
from typing import Any

from transformers.dynamic_module_utils import get_relative_import_files

from emotion_qwen.processing.image_processing_emotion_qwen import EmotionQwenImageProcessor
from emotion_qwen.processing.processing_emotion_qwen import EmotionQwenProcessor
from emotion_qwen.processing.video_processing_emotion_qwen import EmotionQwenVideoProcessor

from .analysis_code import copy_analysis_code
from .auto_registration import MODEL_AUTO_CLASSES
from .configuration_emotion_qwen import EmotionQwenConfig
from .measurements import MEASUREMENTS_FILE, read_measurements
from .model_card import write_card
from .modeling_emotion_qwen import EmotionQwenForConditionalGeneration
from .token_fit import check_tokens
from .whole_folder import appearing_whole

CODE_ENTRY_POINTS = (
    EmotionQwenConfig,
    EmotionQwenForConditionalGeneration,
    EmotionQwenProcessor,
    EmotionQwenImageProcessor,
    EmotionQwenVideoProcessor,
)
WEIGHT_FILE = re.compile(r"model(-\d{5}-of-\d{5})?\.safetensors(\.index\.json)?")


def export_to_hub(
    model: EmotionQwenForConditionalGeneration,
    processor: EmotionQwenProcessor,
    path: str | Path,
    *,
    adapters: Mapping[str, str | Path] | str | Path | None = None,
    max_shard_size: int | str = "5GB",
    overwrite: bool = False,
) -> Path:
    """Writes a folder, ready for upload, from which the Auto classes load with `trust_remote_code=True`.

    The folder holds the code, the config, the weights, the tokenizer, the chat template, the processor's settings, the
    networks of Facial Emotion Capture, the licence texts, a card and, where these very weights were measured, their
    figures. It is flat but for adapters and needs neither this package nor a network. It appears whole or not at all:
    it is written beside its destination and then renamed.

    Args:
        model: The model that generates, with plain weights: merge an adapter first.
        processor: Its processor.
        path: The folder to write. It must not exist, or be empty.
        adapters: PEFT adapters to include, each in a folder of its own under `adapters/`: local folders or Hub ids by
            name, or one local folder that holds a folder for each.
        max_shard_size: Largest size of one weight file, in bytes or as `"5GB"`.
        overwrite: Replaces an earlier export at `path`. A folder that holds anything else is never touched.

    Returns:
        The absolute path of the folder.

    Raises:
        TypeError: `model` or `processor` is of another class, or `model` carries an adapter.
        ValueError: The processor's media tokens are not the model's, its tokenizer has more tokens than the model, or
            it lacks a chat template.
        FileExistsError: `path` holds something other than an export, or an export and `overwrite` is off.
        AdapterError: An adapter can't be read, or was made for another model.
    """
    _check_model(model)
    _check_processor(processor, model.config)
    target = Path(path).expanduser().resolve()
    _check_target(target, overwrite)
    with appearing_whole(target) as folder:
        # Renamed weights of another architecture would be renamed back in the file, and the reload would miss them.
        model.save_pretrained(folder, max_shard_size=max_shard_size, save_original_format=False)
        processor.save_pretrained(folder)
        _copy_code(folder)
        copy_analysis_code(folder)
        _write_auto_maps(folder)
        _copy_face_networks(folder)
        _write_licence(folder)
        carried = _carry_adapters(folder, model, adapters)
        _write_card(folder, model, carried)
        _check_replaceable(target, folder)
    return target


def _check_model(model: Any) -> None:
    is_wrapped = hasattr(model, "merge_and_unload")
    if not is_wrapped and not isinstance(model, EmotionQwenForConditionalGeneration):
        raise TypeError(f"Only EmotionQwenForConditionalGeneration can be exported, not {type(model).__name__}.")
    # PEFT puts the layers that an adapter changes inside its own, also where the model is used without its wrapper.
    if is_wrapped or any(".base_layer." in name for name, _ in model.named_parameters()):
        raise TypeError(
            "The model carries an adapter: export it without, after `unload()` of an analyzer's `adapters`, or what "
            "`merge_and_unload()` of a PeftModel returns."
        )


def _check_processor(processor: Any, config: EmotionQwenConfig) -> None:
    if not isinstance(processor, EmotionQwenProcessor):
        raise TypeError(f"The processor must be an EmotionQwenProcessor, not {type(processor).__name__}.")
    check_tokens(processor, config)
    if processor.chat_template is None:
        raise ValueError("The processor has no chat template, which every client of the folder needs.")


def _check_target(target: Path, overwrite: bool) -> None:
    if not target.exists() or _is_empty_folder(target):
        return
    if not target.is_dir():
        raise FileExistsError(f"{str(target)!r} is a file; name a folder to write.")
    if not _is_export(target):
        raise FileExistsError(f"{str(target)!r} is not empty and not an exported model; it is left alone.")
    if not overwrite:
        raise FileExistsError(f"{str(target)!r} holds an exported model already; `overwrite=True` replaces it.")


def _is_empty_folder(path: Path) -> bool:
    return path.is_dir() and not any(path.iterdir())


def _is_export(folder: Path) -> bool:
    try:
        auto_map = _read_json(folder / "config.json")["auto_map"]
        return auto_map["AutoConfig"] == _code_reference(EmotionQwenConfig)
    except (OSError, ValueError, KeyError, TypeError):  # the latter two where it is no config that this wrote
        return False


def _check_replaceable(target: Path, replacement: Path) -> None:
    """Raises FileExistsError where `target` holds a file that an export does not write, such as a user's notes."""
    if not target.exists():
        return
    written = {MEASUREMENTS_FILE, *(entry.name for entry in replacement.iterdir())}
    foreign = sorted(entry.name for entry in target.iterdir() if not _is_replaceable(entry, written))
    if foreign:
        raise FileExistsError(
            f"{str(target)!r} holds {', '.join(foreign)} besides an exported model; it is left alone."
        )


def _is_replaceable(entry: Path, written: Container[str]) -> bool:
    if not entry.is_dir():
        return entry.name in written or WEIGHT_FILE.fullmatch(entry.name) is not None
    from .inference.adapter_files import ADAPTERS_FOLDER
    from .inference.carried_adapters import holds_only_carried

    return entry.name == ADAPTERS_FOLDER and holds_only_carried(entry)


def _copy_code(folder: Path) -> None:
    """Copies the modules of the entry points and what they import from their own folders."""
    for entry_point in CODE_ENTRY_POINTS:
        source = Path(sys.modules[entry_point.__module__].__file__)
        for file in (source, *map(Path, get_relative_import_files(source))):
            shutil.copyfile(file, folder / file.name)


def _write_auto_maps(folder: Path) -> None:
    """Says in the JSON files which class of which module each Auto class takes.

    Written here instead of by `register_for_auto_class`, which marks a class for the rest of the process: every later
    `save_pretrained` would then write code into its folder as well.
    """
    models = {auto_class.__name__: EmotionQwenForConditionalGeneration for auto_class in MODEL_AUTO_CLASSES}
    config = _read_json(folder / "config.json")
    _add_auto_map(config, {"AutoConfig": EmotionQwenConfig} | models)
    _write_json(folder / "config.json", config)

    processors = {
        "AutoProcessor": EmotionQwenProcessor,
        "AutoImageProcessor": EmotionQwenImageProcessor,
        "AutoVideoProcessor": EmotionQwenVideoProcessor,
    }
    settings = _read_json(folder / "processor_config.json")
    for part in (settings, settings["image_processor"], settings["video_processor"]):
        _add_auto_map(part, processors)
    _write_json(folder / "processor_config.json", settings)


def _add_auto_map(settings: dict[str, Any], classes: dict[str, type]) -> None:
    settings.pop("auto_map", None)  # what was loaded from an export has one, and it goes last in the file every time
    settings["auto_map"] = {auto_class: _code_reference(entry_point) for auto_class, entry_point in classes.items()}


def _code_reference(entry_point: type) -> str:
    return f"{entry_point.__module__.rpartition('.')[2]}.{entry_point.__name__}"


def _copy_face_networks(folder: Path) -> None:
    """Copies the networks of Facial Emotion Capture, unless the processor brought its own, and their terms."""
    for entry in (resources.files(f"{__package__}.processing") / "weights").iterdir():
        is_wanted = entry.name.endswith(".safetensors") or entry.name.startswith(("LICENSE", "NOTICE"))
        if is_wanted and not (folder / entry.name).exists():
            (folder / entry.name).write_bytes(entry.read_bytes())


def _write_licence(folder: Path) -> None:
    """Writes the licence of the code: from the installed package, or from the checkout that it is installed from."""
    text = metadata.distribution("emotion-qwen").read_text("licenses/LICENSE")
    if text is None:
        text = (Path(__file__).resolve().parents[1] / "LICENSE").read_text(encoding="utf-8")
    (folder / "LICENSE").write_text(text, encoding="utf-8")


def _carry_adapters(folder: Path, model: EmotionQwenForConditionalGeneration, adapters: Any) -> dict[str, str]:
    """Writes adapters into the folder; returns what each of them answers, by name."""
    # Imported here: `inference` is built on this package.
    from .inference.adapter_files import ADAPTERS_FOLDER
    from .inference.carried_adapters import carry_adapters

    return {info.name: info.purpose.describe() for info in carry_adapters(model, adapters, folder / ADAPTERS_FOLDER)}


def _write_card(folder: Path, model: EmotionQwenForConditionalGeneration, adapters: Mapping[str, str]) -> None:
    """Writes the card, and the figures in it as a file beside it, where there are any of these weights."""
    measured = read_measurements(model)
    if measured is not None:
        _write_json(folder / MEASUREMENTS_FILE, measured)
    (folder / "README.md").write_text(write_card(model, measured, adapters), encoding="utf-8")


def _read_json(path: Path) -> dict[str, Any]:
    return json.loads(path.read_text(encoding="utf-8"))


def _write_json(path: Path, content: dict[str, Any]) -> None:
    path.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


__all__ = ["export_to_hub"]
