"""The `emotion-qwen` command. Each of its commands has a file of its own, which is light: models load when it runs."""

import argparse
import os
import signal
import sys
from collections.abc import Sequence

from .adapters_command import add_adapters
from .analyze_command import add_analyze
from .export_command import add_export
from .faces_command import add_faces
from .init_command import add_init
from .training_commands import add_data, add_train

_DEFECT, _BAD_INPUT, _INTERRUPTED = 1, 2, 128 + signal.SIGINT


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command.

    Args:
        arguments: Command-line arguments; those of the process by default.

    Returns:
        The exit code: 0; 2 for bad input and 1 for a defect of the program, each with one sentence on the error
        stream; 130 when interrupted.
    """
    options = _parser().parse_args(arguments)
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(errors="replace")  # a terminal without Chinese still gets the rest
    try:
        return options.run(options)
    except KeyboardInterrupt:
        print("\nInterrupted.", file=sys.stderr)
        return _INTERRUPTED
    except BrokenPipeError:
        # Whoever read the output has had enough; keep the interpreter from complaining when it closes the stream.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except (ValueError, TypeError, OSError, ImportError, MemoryError, RuntimeError) as error:
        # The project's own errors are among these, and say what to do in one sentence.
        print(f"emotion-qwen: {_one_line(error)}", file=sys.stderr)
        return _BAD_INPUT
    except Exception as error:
        print(f"emotion-qwen: this should not happen, please report it: {error!r}", file=sys.stderr)
        return _DEFECT


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="emotion-qwen", description="Read the emotion in a video, and say why.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    add_analyze(commands.add_parser("analyze", help="read the emotion in a clip or a picture"))
    add_faces(commands.add_parser("faces", help="capture the faces of many clips, once and for all"))
    add_export(commands.add_parser("export", help="write a checkpoint as a folder for the Hub"))
    add_init(commands.add_parser("init", help="make a checkpoint to train from, of Qwen2.5-VL"))
    add_adapters(commands.add_parser("adapters", help="list, merge, export and push adapters"))
    add_train(commands.add_parser("train", help="train from a recipe"))
    add_data(commands.add_parser("data", help="check the data of a recipe"))
    return parser


def _one_line(error: BaseException) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0] if lines else type(error).__name__


if __name__ == "__main__":
    sys.exit(main())
