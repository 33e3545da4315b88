"""Where the `emotion-qwen` command starts: a package of its own, since `import emotion_qwen` takes torch and seconds.

Help, the version and wrong arguments are answered before that.
"""

import importlib.util
import signal
import sys
from collections.abc import Callable


def main() -> int:
    """Run the command with the arguments of the process.

    Ctrl-C never prints a traceback: it ends the process at once, or raises KeyboardInterrupt while the command does
    its work, so that nothing stays half-written.

    Returns:
        The exit code; see `emotion_qwen.inference.exit_codes`.
    """
    _on_interrupt(signal.SIG_DFL)
    spec = importlib.util.find_spec("emotion_qwen")
    package = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = package  # its modules can be imported from now on; it is not loaded yet itself
    from emotion_qwen.inference import cli

    options = cli.parse()
    spec.loader.exec_module(package)
    _on_interrupt(signal.default_int_handler)
    code = cli.run(options)
    _on_interrupt(signal.SIG_DFL)
    return code


def _on_interrupt(action: Callable[..., None] | signal.Handlers) -> None:
    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:  # as `nohup` and background jobs have it
        signal.signal(signal.SIGINT, action)
