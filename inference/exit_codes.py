"""How a command ends: its exit code, and one sentence on the error stream where something went wrong."""

import os
import signal
import sys
from collections.abc import Callable

_DEFECT, _BAD_INPUT, _INTERRUPTED = 1, 2, 128 + signal.SIGINT


def exit_code(run: Callable[[], int | None]) -> int:
    """Run a command to its end.

    Args:
        run: The command; None counts as 0.

    Returns:
        What it gave; 2 for bad input and 1 for a defect of the program, each with one sentence on the error stream;
        130 when interrupted.
    """
    try:
        return run() or 0
    except KeyboardInterrupt:
        print("\nInterrupted.", file=sys.stderr)
        return _INTERRUPTED
    except BrokenPipeError:
        # Whoever read the output has had enough; keep the interpreter from complaining when it closes the stream.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except (ValueError, TypeError, OSError, ImportError, MemoryError, RuntimeError) as error:
        # The project's own errors are among these, and say what to do in one sentence.
        from emotion_qwen.processing.first_line import first_line  # not above: arguments are parsed without torch

        print(f"emotion-qwen: {first_line(error)}", file=sys.stderr)
        return _BAD_INPUT
    except Exception as error:
        print(f"emotion-qwen: this should not happen, please report it: {error!r}", file=sys.stderr)
        return _DEFECT
