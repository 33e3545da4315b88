"""What a run trains: declared by the names of modules, checked against the model, and shown before the run starts."""

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import TypeVar

from torch import nn
from torch.nn.parameter import Parameter

Default = TypeVar("Default", float, None)

LORA_MARK = ".lora_"
"""Part of the names that PEFT gives to LoRA's matrices."""
_PEFT_PREFIX = "base_model.model."


def set_trainable(model: nn.Module, modules: Sequence[str]) -> None:
    """Trains the parameters of the named modules and freezes all others.

    A frozen parameter has no gradient at all: one that trains but is never used would still decay under ZeRO.

    Args:
        model: The model.
        modules: Names of modules or parameters, such as "model.visual.compressor.emotion_expert"; with "" all of the
            model is trained.

    Raises:
        ValueError: If a name is that of no parameter's module.
    """
    require_modules(model, modules, "trains")
    parameters = dict(model.named_parameters(remove_duplicate=False))
    # A parameter that two modules share is trained where either is.
    trained = {id(parameter) for name, parameter in parameters.items() if _is_inside_any(name, modules)}
    for parameter in parameters.values():
        parameter.requires_grad_(id(parameter) in trained)


def require_modules(model: nn.Module, modules: Iterable[str], done: str) -> None:
    """Stops a run whose recipe names modules that the model does not have.

    Args:
        model: The model.
        modules: Names of modules or parameters.
        done: What the recipe does with them, for the message.

    Raises:
        ValueError: If a name is that of no parameter's module.
    """
    names = [name for name, _ in model.named_parameters(remove_duplicate=False)]
    for module in modules:
        if not any(_is_inside(name, module) for name in names):
            raise ValueError(f"The recipe {done} {module!r}, but the model has no parameter there.")


def require_trained(model: nn.Module, modules: Sequence[str], adapts: bool) -> None:
    """Stops a run that would train nothing or the wrong thing.

    Args:
        model: The model as the trainer holds it.
        modules: What the recipe trains.
        adapts: Whether the recipe trains an adapter.

    Raises:
        ValueError: If nothing is trained, if an adapter's run names modules or would train the model itself, or if a
            run without an adapter would train something that the recipe does not name.
    """
    if adapts and modules:
        raise ValueError(f"With `use_peft` the adapter alone is trained: leave `trainable` out, with {modules[0]!r}.")
    trained = [name for name, parameter in model.named_parameters() if parameter.requires_grad]
    if not trained:
        raise ValueError("This recipe trains nothing: name modules under `trainable`, or set `use_peft: true`.")
    if adapts:
        wrong = [name for name in trained if LORA_MARK not in name]
    else:
        everything = model.named_parameters(remove_duplicate=False)
        named = {id(parameter) for name, parameter in everything if _is_inside_any(name, modules)}
        wrong = [name for name in trained if id(model.get_parameter(name)) not in named]
    if wrong:
        raise ValueError(f"{wrong[0]!r} would be trained, and {len(wrong) - 1} more that the recipe does not name.")


def learning_rate_of(name: str, rates: Mapping[str, float], default: Default) -> float | Default:
    """The learning rate of a parameter: that of the longest module name in `rates` that it lies in.

    Args:
        name: Name of the parameter.
        rates: Learning rate by name of module.
        default: For all others.
    """
    inside = [module for module in rates if _is_inside(name.removeprefix(_PEFT_PREFIX), module)]
    return rates[max(inside, key=len)] if inside else default


def matrices_by_rate(
    parameters: Iterable[tuple[str, Parameter]], rates: Mapping[str, float]
) -> dict[float, list[Parameter]]:
    """What Muon trains, by learning rate.

    Args:
        parameters: With their names.
        rates: Learning rate by name of module, for all matrices in it that are trained.
    """
    matrices: dict[float, list[Parameter]] = {}
    for name, parameter in parameters:
        rate = learning_rate_of(name, rates, None)
        if rate is not None and parameter.ndim == 2 and parameter.requires_grad:
            matrices.setdefault(rate, []).append(parameter)
    return matrices


def trainable_table(
    model: nn.Module,
    rates: Mapping[str, float],
    default: float,
    muon_rates: Mapping[str, float] = MappingProxyType({}),
) -> str:
    """A table of what is trained: module, parameters, how many of them are trained, and how fast.

    Args:
        model: The model as the trainer holds it.
        rates: Learning rate by name of module.
        default: For all others.
        muon_rates: Learning rate by name of module whose matrices Muon trains.
    """
    rows = [("module", "parameters", "trained", "learning rate")]
    for part, parameters in _parts(model).items():
        trained = [(name, parameter) for name, parameter in parameters if parameter.requires_grad]
        speeds = sorted({learning_rate_of(name, rates, default) for name, _ in trained})
        by_muon = matrices_by_rate(parameters, muon_rates)
        shown = [f"{rate:g}" for rate in speeds] + [f"{rate:g} (Muon)" for rate in by_muon]
        speed = ", ".join(shown) or "–"
        rows.append((part, _count(parameters), _count(trained), speed))
    everything = list(model.named_parameters())
    rows.append(("all", _count(everything), _count([(n, p) for n, p in everything if p.requires_grad]), ""))
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    return "\n".join(
        f"{row[0]:<{widths[0]}}  {row[1]:>{widths[1]}}  {row[2]:>{widths[2]}}  {row[3]:>{widths[3]}}" for row in rows
    )


def _parts(model: nn.Module) -> dict[str, list[tuple[str, Parameter]]]:
    """The parameters by the part of the model that a reader of the paper knows; adapters are a part of their own."""
    parts: dict[str, list[tuple[str, Parameter]]] = {}
    for name, parameter in model.named_parameters():
        parts.setdefault(_part_of(name), []).append((name, parameter))
    return parts


def _part_of(name: str) -> str:
    if LORA_MARK in name:
        return "adapter"
    words = name.removeprefix(_PEFT_PREFIX).split(".")
    if words[:3] == ["model", "visual", "compressor"]:
        return ".".join(words[:4])
    return ".".join(words[:2]) if words[0] == "model" else words[0]


def _count(parameters: Sequence[tuple[str, Parameter]]) -> str:
    """A number of parameters; ZeRO-3 leaves an empty piece here and keeps the number beside it."""
    return f"{sum(getattr(parameter, 'ds_numel', parameter.numel()) for _, parameter in parameters):,}"


def _is_inside(name: str, module: str) -> bool:
    return module == "" or name == module or name.startswith(f"{module}.")


def _is_inside_any(name: str, modules: Sequence[str]) -> bool:
    return any(_is_inside(name, module) for module in modules)
