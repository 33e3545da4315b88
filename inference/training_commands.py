"""`emotion-qwen train` and `emotion-qwen data check`; the work is in `emotion_qwen.train`, loaded when asked for."""

import argparse
import importlib
from types import ModuleType

from .argument_types import positive
from .quiet_libraries import silence_libraries

_TRAINING_MODULE = "emotion_qwen.train.sft"
_DATA_CHECK_MODULE = "emotion_qwen.train.data.check_command"


def add_train(parser: argparse.ArgumentParser) -> None:
    """Describe the command.

    Args:
        parser: Its own parser.
    """
    parser.add_argument(
        "recipe",
        metavar="RECIPE",
        help="YAML recipe: a path, or the name of a shipped one, such as stage1 or lora/dfew",
    )
    parser.add_argument(
        "settings", nargs=argparse.REMAINDER, help="key=value, or --key value: what overrides the recipe"
    )
    parser.set_defaults(run=_train)


def add_data(parser: argparse.ArgumentParser) -> None:
    """Describe the command.

    Args:
        parser: Its own parser.
    """
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    check = commands.add_parser("check", help="count samples, modalities, tokens and labels, and name what is broken")
    check.add_argument("data", metavar="CONFIG_OR_PATH", help="a recipe, or a file or folder of data")
    check.add_argument("--reader", help="how to read the path (default: by what lies there)")
    check.add_argument("--model", help="checkpoint whose processor counts the tokens (default: the recipe's, or Nano)")
    check.add_argument(
        "--samples", type=positive, default=32, help="samples of each source to decode and tokenize (default: 32)"
    )
    check.add_argument("--no-fec", action="store_true", help="count without Facial Emotion Capture")
    check.add_argument("--json", action="store_true", help="print everything as JSON, and nothing else")
    check.set_defaults(run=_check_data)


def _train(options: argparse.Namespace) -> int:
    _training_module(_TRAINING_MODULE).main([options.recipe, *options.settings])
    return 0


def _check_data(options: argparse.Namespace) -> int:
    silence_libraries()
    return _training_module(_DATA_CHECK_MODULE).run(options)


def _training_module(name: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise ImportError(f"Training needs more packages (pip install 'emotion-qwen[train]'): {error}.") from error
