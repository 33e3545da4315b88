"""Recipes: YAML files that hold every setting of a run, found by name and overridden from the command line."""

import argparse
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from importlib import resources
from pathlib import Path
from types import UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

import yaml
from trl import TrlParser

from emotion_qwen.inference.nearest_name import did_you_mean
from emotion_qwen.train.precision import AUTO, bf16_setting, multiplies_bf16

RECIPES = Path(str(resources.files("emotion_qwen.train"))) / "recipes"
"""The shipped recipes; those whose names begin with an underscore are bases of others."""
ACCELERATE = RECIPES / "accelerate"
"""Configs for `accelerate launch`."""

_SETTING = re.compile(r"(?P<option>[A-Za-z_]\w*(?:\.\w+)*)=(?P<value>.*)", re.DOTALL)
"""`key=value`, or `key.entry=value` for an entry of a mapping, whose name may have dots."""


def find_recipe(name: str) -> Path:
    """Finds a recipe by its path, or a shipped one by its name.

    Args:
        name: A path, or a name such as "stage1", "lora/dfew" or "nano/stage3".

    Raises:
        FileNotFoundError: If there is no such recipe; names the nearest shipped one.
    """
    for path in (Path(name), RECIPES / name, RECIPES / f"{name}.yaml"):
        if path.is_file():
            return path
    shipped = shipped_recipes()
    raise FileNotFoundError(
        f"There is no recipe {name!r}.{did_you_mean(name, shipped)} Shipped: {', '.join(shipped)}."
    )


def shipped_recipes() -> list[str]:
    """Names of the recipes that come with the package."""
    paths = (path for path in RECIPES.rglob("*.yaml") if not path.name.startswith("_") and path.parent != ACCELERATE)
    return sorted(path.relative_to(RECIPES).with_suffix("").as_posix() for path in paths)


def read_recipe(path: Path, heirs: tuple[Path, ...] = ()) -> dict[str, Any]:
    """Reads a recipe. With `base: other.yaml` it has the other's settings where it says nothing itself.

    Args:
        path: A YAML file; `base` in it is a path relative to it or the name of a shipped recipe, or a list of them,
            the last of which counts most.
        heirs: The recipes that it is a base of.

    Raises:
        ValueError: If the file is no YAML mapping, or a base of itself.
        FileNotFoundError: If a base is missing.
    """
    if path.resolve() in heirs:
        raise ValueError(f"{path} is a base of itself.")
    try:
        settings = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ValueError(f"{path} is not YAML: {' '.join(str(error).split())}") from error
    if not isinstance(settings, dict):
        raise ValueError(f"{path} must hold settings, `name: value` on each line.")
    bases = settings.pop("base", [])
    inherited: dict[str, Any] = {}
    for base in [bases] if isinstance(bases, str) else bases:
        beside = path.parent / base
        inherited |= read_recipe(beside if beside.is_file() else find_recipe(base), (*heirs, path.resolve()))
    return inherited | settings


class RecipeParser(TrlParser):
    """TRL's parser with recipes by name, `key=value`, and the nearest known name where one is unknown.

    A mapping is given as JSON, as a whole, or one of its entries is set: `learning_rates.model.visual.blocks=1e-4`.
    `bf16` may be "auto": where the device that trains multiplies it in hardware.

    Args:
        dataclass_types: The dataclasses that the settings fill.
    """

    def __init__(self, dataclass_types: Iterable[type]) -> None:
        super().__init__(dataclass_types, allow_abbrev=False)
        hints = [item for kind in self.dataclass_types for item in get_type_hints(kind).items()]
        self.mappings = {name for name, hint in hints if _may_be_mapping(hint)}
        """Settings with entries."""
        for action in self._actions:
            if action.type is Any or _may_be_mapping(action.type):
                action.type = _from_json
            if action.dest == "bf16":
                action.type = bf16_setting

    def parse_recipe(self, arguments: Sequence[str]) -> tuple[Any, ...]:
        """Reads `[--config] RECIPE [key=value | --key value ...]`; `key=value` may also come before the recipe.

        Args:
            arguments: The command line without the program's name.

        Returns:
            One filled dataclass per type.

        Raises:
            FileNotFoundError: If there is no such recipe.
            ValueError: If a setting is unknown or has a wrong value.
        """
        words = list(arguments)
        if words[:1] == ["--config"]:
            words.pop(0)
        place = next((place for place, word in enumerate(words) if len(_as_option(word)) == 1), len(words))
        words = words[place:] + words[:place]
        if place == len(words) or words[0].startswith("-"):
            raise ValueError(f"Which recipe? A path, or one of {', '.join(shipped_recipes())}.")
        settings = read_recipe(find_recipe(words.pop(0)))
        self._require_known(settings)
        overrides, entries = _split_entries(part for word in words for part in _as_option(word))
        given = [_name_of(word) for word in overrides if word.startswith("--")]
        self._require_known(given)
        for name, entry, value in entries:
            if name in given:
                raise ValueError(f"Either {name} is given as a whole or its entry {entry!r} is set, not both.")
            settings[name] = self._entries_of(name, settings) | {entry: _json_or_text(value)}
        self.set_defaults_with_config(**settings)
        return self.parse_args_into_dataclasses(args=overrides)

    def parse_known_args(
        self, args: Sequence[str] | None = None, namespace: argparse.Namespace | None = None
    ) -> tuple[argparse.Namespace, list[str]]:
        """As argparse does it; then what is left to the device is decided."""
        settings, left = super().parse_known_args(args, namespace)
        if getattr(settings, "bf16", None) == AUTO:
            settings.bf16 = multiplies_bf16(getattr(settings, "use_cpu", False))
        return settings, left

    def error(self, message: str) -> None:
        """Raises what argparse would print and exit on."""
        raise ValueError(message[0].upper() + message[1:] + ".")

    def _require_known(self, names: Iterable[str]) -> None:
        known = {option.lstrip("-") for action in self._actions for option in action.option_strings}
        known |= {action.dest for action in self._actions if action.dest != argparse.SUPPRESS}
        for name in names:
            if name not in known:
                raise ValueError(f"Unknown setting {name!r}.{did_you_mean(name, known)}")

    def _entries_of(self, name: str, settings: dict[str, Any]) -> dict[str, Any]:
        self._require_known([name])
        entries = settings.get(name) or {}
        if name not in self.mappings or not isinstance(entries, dict):
            raise ValueError(f"The setting {name!r} has no entries.")
        return entries


def _as_option(word: str) -> tuple[str, ...]:
    """Turns `key=value` into an option; other words stay as they are."""
    setting = _SETTING.fullmatch(word)
    return (f"--{setting['option']}", setting["value"]) if setting else (word,)


def _name_of(option: str) -> str:
    return option.removeprefix("--").partition("=")[0]


def _split_entries(words: Iterable[str]) -> tuple[list[str], list[tuple[str, str, str]]]:
    """Takes out what sets an entry of a mapping: `--name.entry value` or `--name.entry=value`.

    Returns:
        The other words, and of each entry the setting's name, its own and its value.

    Raises:
        ValueError: If an entry has no value.
    """
    others, entries = [], []
    left: Iterator[str] = iter(words)
    for word in left:
        name, dot, entry = _name_of(word).partition(".")
        if not dot or not word.startswith("--"):
            others.append(word)
            continue
        value = word.partition("=")[2] if "=" in word else next(left, None)
        if value is None:
            raise ValueError(f"{name}.{entry} needs a value.")
        entries.append((name.replace("-", "_"), entry, value))
    return others, entries


def _may_be_mapping(hint: Any) -> bool:
    kinds = get_args(hint) if get_origin(hint) in (Union, UnionType) else (hint,)
    return any((get_origin(kind) or kind) is dict for kind in kinds)


def _from_json(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is not JSON: {error}") from error


def _json_or_text(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text
