"""Starting Emotion-Qwen from Qwen2.5-VL: its vision tower and language model, with a new compressor between them.

Only the merger has no place in Emotion-Qwen. A warm start takes the parts of it that fit: `ln_q` becomes the
compressor's input norm, and the two linear layers become those of the general expert. The expert's LayerNorm, which
the merger lacks, sets the mean and the length of each visual token, so the general expert gives the *direction* of the
merger's token (once its mean is taken out), not its length. Until the gate is trained, it mixes that token with one of
an emotion expert that knows nothing yet. With or without a warm start, the model sees again only after stage 1.
"""

import copy
import re
from pathlib import Path

import torch
from torch import nn
from transformers import PreTrainedConfig, Qwen2_5_VLConfig
from transformers.models.qwen2_5_vl.configuration_qwen2_5_vl import Qwen2_5_VLVisionConfig

from .configuration_emotion_qwen import EmotionQwenConfig, ProjectorType
from .modeling_emotion_qwen import EmotionQwenForConditionalGeneration
from .text_backbone import HEAD
from .vision_emotion_qwen import EmotionQwenVisionModel
from .weight_files import DEFAULT_SHARD_SIZE, ConversionError, TensorSources, WeightFolder, write_weights

COMPRESSOR = "model.visual.compressor."
MERGER = "model.visual.merger."
_MEDIA_TOKEN_IDS = ("image_token_id", "video_token_id", "vision_start_token_id", "vision_end_token_id")
# Qwen2.5-VL's published files name weights as releases before 4.52 did; newer files name them as Emotion-Qwen does.
_LEGACY_NAMES = (
    (re.compile(r"^visual\."), "model.visual."),
    (re.compile(r"^model\.(?!language_model\.|visual\.)"), "model.language_model."),
)
_WARM_PROJECTION = {"hybrid": "general_expert.projection", "mlp": "projection", "fusion": "first_projection"}
"""Which projection of each kind of compressor the merger's linear layers become."""


def read_qwen_config(folder: str | Path) -> Qwen2_5_VLConfig:
    """Read the config of a Qwen2.5-VL folder, of any release.

    Raises:
        ConversionError: If the folder's config is missing, unreadable or of another model.
    """
    try:
        settings, _ = Qwen2_5_VLConfig.get_config_dict(folder, local_files_only=True)
        model_type = settings.get("model_type")
    except (OSError, ValueError, TypeError, AttributeError) as error:  # the latter two where it is no JSON object
        raise ConversionError(f"{str(folder)!r} has no readable config.json.") from error
    if model_type != Qwen2_5_VLConfig.model_type:
        raise ConversionError(f"{str(folder)!r} is a {model_type!r} model, not Qwen2.5-VL.")
    return Qwen2_5_VLConfig.from_dict(settings)


def build_config(
    qwen: Qwen2_5_VLConfig,
    projector_type: ProjectorType = "hybrid",
    text_config: PreTrainedConfig | None = None,
    **media_token_ids: int,
) -> EmotionQwenConfig:
    """Make the config of an Emotion-Qwen that starts from Qwen2.5-VL.

    Args:
        qwen: Its config.
        projector_type: The kind of compressor.
        text_config: Another text backbone; Qwen2.5-VL's own by default.
        **media_token_ids: `image_token_id`, `video_token_id`, `vision_start_token_id` and `vision_end_token_id`, where
            they differ from Qwen2.5-VL's.
    """
    own = text_config if text_config is not None else qwen.text_config
    ties = getattr(qwen if text_config is None else text_config, "tie_word_embeddings", False)
    vision = {name: getattr(qwen.vision_config, name) for name in Qwen2_5_VLVisionConfig.__annotations__}
    vision |= {"out_hidden_size": own.hidden_size, "projector_type": projector_type}
    return EmotionQwenConfig(
        text_config=copy.deepcopy(own),
        vision_config=vision,
        tie_word_embeddings=bool(ties),
        **{name: media_token_ids.get(name, getattr(qwen, name)) for name in _MEDIA_TOKEN_IDS},
    )


def qwen_sources(weights: WeightFolder) -> TensorSources:
    """Name Qwen2.5-VL's weights as Emotion-Qwen does, whichever way the files name them.

    Args:
        weights: The folder of Qwen2.5-VL.

    Returns:
        The source of each weight, the merger's (`model.visual.merger.…`) included.
    """
    return {_current_name(name): weights.reader(name) for name in weights.names}


def compressor_sources(config: EmotionQwenConfig, seed: int) -> TensorSources:
    """Draw a new compressor, as the model itself would.

    Args:
        config: The model's config.
        seed: Seed of the random weights.
    """
    vision = copy.deepcopy(config.vision_config)
    vision.depth = 0  # the tower comes from Qwen2.5-VL
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        compressor = EmotionQwenVisionModel(vision).compressor
    return {COMPRESSOR + name: (lambda weight=weight: weight) for name, weight in compressor.state_dict().items()}


def warm_start_sources(sources: TensorSources, projector_type: ProjectorType, keeps_backbone: bool) -> TensorSources:
    """Take the merger's weights for the compressor.

    Args:
        sources: Weights named by `qwen_sources`.
        projector_type: The kind of compressor.
        keeps_backbone: Whether the text backbone is Qwen2.5-VL's own. For another one the merger's last layer, which
            maps into the embedding space of Qwen2.5, is left out.

    Returns:
        The source of each weight of the compressor that the merger has.

    Raises:
        ConversionError: If the source lacks the merger.
    """
    projection = f"{COMPRESSOR}{_WARM_PROJECTION[projector_type]}"
    names = {
        f"{COMPRESSOR}norm.weight": "ln_q.weight",
        f"{projection}.linear_in.weight": "mlp.0.weight",
        f"{projection}.linear_in.bias": "mlp.0.bias",
    }
    if keeps_backbone:
        names |= {f"{projection}.linear_out.weight": "mlp.2.weight", f"{projection}.linear_out.bias": "mlp.2.bias"}
    lacking = [name for name in names.values() if MERGER + name not in sources]
    if lacking:
        raise ConversionError(f"A warm start needs the merger, and the source lacks merger.{lacking[0]}.")
    return {ours: sources[MERGER + theirs] for ours, theirs in names.items()}


def write_model(
    config: EmotionQwenConfig,
    sources: TensorSources,
    folder: Path,
    dtype: torch.dtype,
    max_shard_size: int | str = DEFAULT_SHARD_SIZE,
) -> None:
    """Write config and weights, once it is clear that every weight of the model has a source and none is left over.

    Args:
        config: The model's config.
        sources: The source of each weight.
        folder: An existing folder.
        dtype: Type of the written weights.
        max_shard_size: Largest size of one weight file.

    Raises:
        ConversionError: If names or shapes do not fit.
    """
    config.dtype = dtype
    config.architectures = [EmotionQwenForConditionalGeneration.__name__]
    write_weights(weight_shapes(config), sources, folder, dtype, max_shard_size)
    config.save_pretrained(folder)


def weight_shapes(config: EmotionQwenConfig) -> dict[str, torch.Size]:
    """Return names and shapes of the weights in a checkpoint of this config, without allocating them."""
    with torch.device("meta"):
        model: nn.Module = EmotionQwenForConditionalGeneration(config)
    shapes = {name: weight.shape for name, weight in model.state_dict().items()}
    if config.tie_word_embeddings:
        del shapes[HEAD]
    return shapes


def _current_name(name: str) -> str:
    for legacy, current in _LEGACY_NAMES:
        name = legacy.sub(current, name)
    return name


__all__ = [
    "build_config",
    "compressor_sources",
    "qwen_sources",
    "read_qwen_config",
    "warm_start_sources",
    "weight_shapes",
    "write_model",
]
