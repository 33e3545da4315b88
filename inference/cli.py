"""The `emotion-qwen` command. Each subcommand has a file of its own, which loads models only when it runs."""

import argparse
import os
import sys
from collections.abc import Sequence
from importlib.metadata import version

from .adapters_command import add_adapters
from .analyze_command import add_analyze
from .exit_codes import exit_code
from .export_command import add_export
from .faces_command import add_faces
from .init_command import add_init
from .training_commands import add_data, add_train


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command.

    Args:
        arguments: Command-line arguments; those of the process by default.

    Returns:
        The exit code; see `exit_code`.
    """
    return run(parse(arguments))


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Parse arguments, without loading what the command will need.

    Args:
        arguments: As `main` takes them.

    Returns:
        The options; their `run` is the function of the command.

    Raises:
        SystemExit: After printing help, the version, or what is wrong with the arguments.
    """
    return _parser().parse_args(arguments)


def run(options: argparse.Namespace) -> int:
    """Run the command that the options name.

    Args:
        options: What `parse` returned.

    Returns:
        The exit code; see `exit_code`.
    """
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # closed by whoever started this process
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115 - as long as the process
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(errors="replace")  # a terminal that can't encode Chinese still gets the rest
    return exit_code(lambda: options.run(options))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="emotion-qwen", description="Read the emotion in a video, and say why.")
    parser.add_argument("--version", action="version", version=f"%(prog)s {version('emotion-qwen')}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    add_analyze(commands.add_parser("analyze", help="read the emotion in a clip or a picture"))
    add_faces(commands.add_parser("faces", help="capture the faces of many clips, once and for all"))
    add_export(commands.add_parser("export", help="write a checkpoint as a folder for the Hub"))
    add_init(commands.add_parser("init", help="make a checkpoint to train from, of Qwen2.5-VL"))
    add_adapters(commands.add_parser("adapters", help="list, merge, export and push adapters"))
    add_train(commands.add_parser("train", help="train from a recipe"))
    add_data(commands.add_parser("data", help="check the data of a recipe"))
    return parser


if __name__ == "__main__":
    sys.exit(main())
