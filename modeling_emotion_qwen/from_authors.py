"""Starting from the checkpoint that the paper's authors published. Written without that file, and never run on it.

What is known of it from public accounts: its parts are `vpm` (the vision tower, whose patches come in window order),
`llm`, `lm_head`, `generalcompressor`, `emotioncompressor` (each 4·d_v → d_t per 2x2 block) and `gatenet`, which turns
one vector of width d_v, the mean of all patches, into two weights. The names of the layers inside the compressors and
the gate are not known, so layers are identified by kind, shape and order. Where these are ambiguous, nothing is
guessed: an error lists the layers.

The tower, the language model and the experts are carried over exactly. Where each published expert has an input norm
of its own, the norm's scale moves into the expert's first layer, because the experts here share one norm.

The gate is not carried over exactly. The authors' gate weighs a whole clip by the mean of its patches; the gate here
weighs each token after attention within its frame. With `pools_before_gate` that attention is made uniform (queries of
zero), so that it averages the frame as theirs averages the clip, but it sees patches after the norm. Measure the gate
on faces and other pictures before relying on it.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import torch
from transformers import Qwen2_5_VLConfig

from .configuration_emotion_qwen import EmotionQwenConfig
from .from_qwen2_5_vl import COMPRESSOR
from .text_backbone import HEAD
from .weight_files import ConversionError, TensorSources, WeightFolder

Part = Literal["generalcompressor", "emotioncompressor", "gatenet"]

_EXPERTS: dict[str, Part] = {"general_expert": "generalcompressor", "emotion_expert": "emotioncompressor"}
_GATE: Part = "gatenet"
_TOWER_AND_LANGUAGE = (
    (re.compile(r"^vpm\."), "model.visual."),
    (re.compile(r"^llm\.(?:model\.)?"), "model.language_model."),
)
# Names that the layers of an attention commonly have.
_ATTENTION_NAMES = {
    "query": re.compile(r"q|wq|q_?proj|query"),
    "key": re.compile(r"k|wk|k_?proj|key"),
    "value": re.compile(r"v|wv|v_?proj|value"),
    "output": re.compile(r"o|wo|o_?proj|out|out_?proj|output|proj"),
}


@dataclass(frozen=True)
class Layer:
    """A layer of the published file.

    Attributes:
        name: Full name, without `.weight` or `.bias`.
        shape: Shape of its weight.
        has_bias: Whether it has a bias.
    """

    name: str
    shape: tuple[int, ...]
    has_bias: bool

    @property
    def last_name(self) -> str:
        """Its name inside the module that holds it."""
        return self.name.rpartition(".")[2]

    def __str__(self) -> str:
        return f"{self.name} {list(self.shape)}"


def read_authors_config(settings: dict[str, Any]) -> Qwen2_5_VLConfig:
    """Read the authors' config as that of the Qwen2.5-VL that it extends.

    Args:
        settings: Content of `config.json`.

    Raises:
        ConversionError: If it does not describe a vision tower.
    """
    if not isinstance(settings.get("vision_config"), dict):
        raise ConversionError("The config has no `vision_config`, which the authors' model should have.")
    own = {name: value for name, value in settings.items() if name not in ("auto_map", "architectures", "model_type")}
    return Qwen2_5_VLConfig.from_dict(own)


def gate_width(weights: WeightFolder, hidden_size: int) -> int:
    """Find the width of the gate's two blocks from the shapes of its layers.

    Args:
        weights: The published folder.
        hidden_size: Width d_v of the patch embeddings.

    Raises:
        ConversionError: If no linear layer narrows d_v, or several do to different widths.
    """
    layers = list_layers(weights, _GATE)
    widths = {layer.shape[0] for layer in layers if _is_linear(layer) and layer.shape[1] == hidden_size}
    narrow = [width for width in widths if width < hidden_size]
    if len(narrow) != 1:
        raise ConversionError(f"The layers of {_GATE} are not those of the paper's gate: {_names(layers)}.")
    return narrow[0]


def authors_sources(
    weights: WeightFolder,
    config: EmotionQwenConfig,
    first_gate_output: Literal["general", "emotion"] = "general",
    pools_before_gate: bool = True,
) -> TensorSources:
    """Name the published weights as Emotion-Qwen does.

    Args:
        weights: The published folder.
        config: The config of the model to be.
        first_gate_output: Which expert the first of the gate's two outputs weighs. The one public account of the file
            says the general one; Emotion-Qwen has the emotion expert first.
        pools_before_gate: Whether the published gate attends to the mean of all patches, as that account says.
            Attention over a single vector does not depend on its queries and keys, so these were never trained.

    Returns:
        The source of each weight.

    Raises:
        ConversionError: If the layers of a compressor or the gate can't be told apart.
    """
    vision = config.vision_config
    sources = {_current_name(name): weights.reader(name) for name in weights.names if _is_tower_or_language(name)}
    if config.tie_word_embeddings:
        sources.pop(HEAD, None)
    for ours, theirs in _EXPERTS.items():
        sources |= _expert_sources(weights, theirs, f"{COMPRESSOR}{ours}.", vision.hidden_size, vision.out_hidden_size)
    sources[f"{COMPRESSOR}norm.weight"] = lambda: torch.ones(vision.hidden_size)
    gate = _gate_sources(weights, vision.hidden_size, vision.gate_hidden_size, first_gate_output)
    if pools_before_gate:
        for name in ("attention.query.weight", "attention.query.bias"):
            gate[name] = _zeros_like(gate[name])
    return sources | {f"{COMPRESSOR}gating_network.{name}": source for name, source in gate.items()}


def experts_have_norms(weights: WeightFolder, hidden_size: int) -> bool:
    """Whether both published experts normalise their input; if not, the experts here compute something else."""
    return all(_input_norm(list_layers(weights, part), hidden_size) is not None for part in _EXPERTS.values())


def list_layers(weights: WeightFolder, part: Part) -> list[Layer]:
    """List the layers of a part by name, with the numbers in names sorted as numbers.

    Raises:
        ConversionError: If the file has no such part.
    """
    names = {name for name in weights.names if name.startswith(f"{part}.")}
    if not names:
        raise ConversionError(f"{str(weights.folder)!r} has no {part}: it is not laid out as the authors' checkpoint.")
    stems = {name.removesuffix(".weight") for name in names if name.endswith(".weight")}
    layers = [Layer(stem, weights.shape(f"{stem}.weight"), f"{stem}.bias" in names) for stem in stems]
    return sorted(layers, key=lambda layer: _natural_order(layer.name))


def _expert_sources(weights: WeightFolder, part: Part, ours: str, hidden_size: int, width: int) -> TensorSources:
    layers = list_layers(weights, part)
    block = 4 * hidden_size
    norm = _input_norm(layers, hidden_size)
    first = _only(layers, part, "first linear layer", lambda layer: layer.shape == (block, block))
    second = _only(layers, part, "second linear layer", lambda layer: layer.shape == (width, block))
    last = _only(layers, part, "LayerNorm", lambda layer: layer.shape == (width,) and layer.has_bias)
    _require_all(layers, part, [norm, first, second, last])
    sources = {
        **_layer_sources(weights, first, f"{ours}projection.linear_in"),
        **_layer_sources(weights, second, f"{ours}projection.linear_out"),
        **_layer_sources(weights, last, f"{ours}norm"),
    }
    if norm is not None:
        sources[f"{ours}projection.linear_in.weight"] = lambda: _scaled(weights, first, norm)
    return sources


def _scaled(weights: WeightFolder, linear: Layer, norm: Layer) -> torch.Tensor:
    """The weight of a block's linear layer, its columns times the scale of the norm before it, patch by patch."""
    weight, scale = weights.load(f"{linear.name}.weight"), weights.load(f"{norm.name}.weight")
    return (weight.float() * scale.float().repeat(weight.shape[1] // len(scale))).to(weight.dtype)


def _gate_sources(weights: WeightFolder, hidden_size: int, width: int, first_gate_output: str) -> TensorSources:
    layers = list_layers(weights, _GATE)
    linears = [
        _only(layers, _GATE, f"linear layer {list(shape)}", lambda layer, shape=shape: layer.shape == shape)
        for shape in ((width, hidden_size), (width, width), (2, width))
    ]
    norms = [layer for layer in layers if layer.shape == (width,) and layer.has_bias]
    if len(norms) != 2:
        raise ConversionError(f"The layers of {_GATE} are not those of the paper's gate: {_names(layers)}.")
    attention, used = _attention_sources(weights, layers, hidden_size)
    _require_all(layers, _GATE, [*linears, *norms, *used])
    sources = attention
    for index, (linear, norm) in enumerate(zip(linears[:2], norms, strict=True)):
        sources |= _layer_sources(weights, linear, f"blocks.{index}.0")
        sources |= _layer_sources(weights, norm, f"blocks.{index}.2")
    router = _layer_sources(weights, linears[2], "router")
    if first_gate_output == "general":
        router = {name: _flipped(source) for name, source in router.items()}
    return sources | router


def _attention_sources(
    weights: WeightFolder, layers: list[Layer], hidden_size: int
) -> tuple[TensorSources, list[Layer]]:
    """The gate's attention: four square layers, or torch's `MultiheadAttention` with three of them in one."""
    square = [layer for layer in layers if layer.shape == (hidden_size, hidden_size)]
    joint = [name for name in weights.names if name.startswith(f"{_GATE}.") and name.endswith("in_proj_weight")]
    if joint and len(square) == 1:
        sources = _layer_sources(weights, square[0], "attention.output")
        for index, name in enumerate(("query", "key", "value")):
            for kind in ("weight", "bias"):
                stored = f"{joint[0].removesuffix('weight')}{kind}"
                sources[f"attention.{name}.{kind}"] = _third(weights, stored, index)
        return sources, square
    sources, used = {}, []
    for name, pattern in _ATTENTION_NAMES.items():
        layer = _only(
            square, _GATE, f"{name} layer", lambda layer, pattern=pattern: pattern.fullmatch(layer.last_name)
        )
        sources |= _layer_sources(weights, layer, f"attention.{name}")
        used.append(layer)
    return sources, used


def _input_norm(layers: list[Layer], hidden_size: int) -> Layer | None:
    return next((layer for layer in layers if layer.shape == (hidden_size,) and not layer.has_bias), None)


def _only(layers: list[Layer], part: str, what: str, fits: Callable[[Layer], object]) -> Layer:
    found = [layer for layer in layers if fits(layer)]
    if len(found) != 1:
        raise ConversionError(f"{part} should have one {what} and has {len(found)}; its layers: {_names(layers)}.")
    return found[0]


def _require_all(layers: list[Layer], part: str, used: list[Layer | None]) -> None:
    left = [layer for layer in layers if layer not in used]
    if left:
        raise ConversionError(f"{part} has layers that ours has no place for: {_names(left)}.")


def _layer_sources(weights: WeightFolder, layer: Layer, ours: str) -> TensorSources:
    if not layer.has_bias:
        raise ConversionError(f"{layer} has no bias, which ours has.")
    return {f"{ours}.{kind}": weights.reader(f"{layer.name}.{kind}") for kind in ("weight", "bias")}


def _third(weights: WeightFolder, name: str, index: int) -> Callable[[], torch.Tensor]:
    return lambda: weights.load(name).chunk(3)[index]


def _flipped(source: Callable[[], torch.Tensor]) -> Callable[[], torch.Tensor]:
    return lambda: source().flip(0)


def _zeros_like(source: Callable[[], torch.Tensor]) -> Callable[[], torch.Tensor]:
    return lambda: torch.zeros_like(source())


def _is_linear(layer: Layer) -> bool:
    return len(layer.shape) == 2


def _is_tower_or_language(name: str) -> bool:
    return name == HEAD or any(pattern.search(name) for pattern, _ in _TOWER_AND_LANGUAGE)


def _current_name(name: str) -> str:
    for pattern, ours in _TOWER_AND_LANGUAGE:
        name = pattern.sub(ours, name)
    return name


def _natural_order(name: str) -> list[tuple[int, str]]:
    return [(int(word), "") if word.isdigit() else (-1, word) for word in name.split(".")]


def _names(layers: list[Layer]) -> str:
    return ", ".join(map(str, layers)) or "none"


__all__ = ["authors_sources", "experts_have_norms", "gate_width", "list_layers", "read_authors_config"]
