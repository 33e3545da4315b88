"""Where the command starts: quick answers before anything heavy is loaded, and quiet interrupts."""

import signal
import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

COMMAND = "import sys; from emotion_qwen_command import main; sys.argv[0] = 'emotion-qwen'; sys.exit(main())"


def start(*arguments: str, imports_from: Path, **options: Any) -> subprocess.Popen:
    """Start the command where the modules in a folder come before those that are installed."""
    code = f"import sys; sys.path.insert(0, {str(imports_from)!r}); {COMMAND}"
    return subprocess.Popen(
        [sys.executable, "-c", code, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **options,
    )


def interrupts(handler: signal.Handlers) -> Callable[[], object]:
    """What makes a process that is about to start take interrupts in one way."""
    return lambda: signal.signal(signal.SIGINT, handler)


@pytest.fixture
def without_libraries(tmp_path) -> Path:
    """Modules whose import ends the process with 99."""
    for name in ("torch", "transformers", "numpy", "PIL"):
        (tmp_path / f"{name}.py").write_text("import os; os._exit(99)\n")
    return tmp_path


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["--help"], 0, "usage: emotion-qwen"),
        (["--version"], 0, version("emotion-qwen")),
        (["fly"], 2, "invalid choice"),
        *[([name, "--help"], 0, name) for name in ["analyze", "faces", "export", "init", "adapters", "train", "data"]],
    ],
)
def test_help_and_usage_load_nothing_heavy(arguments, code, said, without_libraries):
    process = start(*arguments, imports_from=without_libraries)
    shown = "".join(process.communicate(timeout=60))
    assert process.returncode == code and said in shown


def test_the_package_is_loaded_before_the_command_runs(without_libraries):
    process = start("analyze", "/no/such/clip.mp4", imports_from=without_libraries)
    process.communicate(timeout=60)
    assert process.returncode == 99


def test_an_interrupt_while_libraries_load_is_quiet(tmp_path):
    (tmp_path / "torch.py").write_text("print('loading', flush=True); import time; time.sleep(60)\n")
    # A shell starts what runs in the background with interrupts ignored, and this suite may be running there.
    process = start("analyze", "/no/such/clip.mp4", imports_from=tmp_path, preexec_fn=interrupts(signal.SIG_DFL))
    assert process.stdout.readline() == "loading\n"
    process.send_signal(signal.SIGINT)
    assert process.communicate(timeout=30) == ("", "")
    assert process.returncode == -signal.SIGINT


def test_an_interrupt_that_is_ignored_stays_ignored(tmp_path):
    (tmp_path / "torch.py").write_text(
        "import os, signal; print(signal.getsignal(signal.SIGINT).name, flush=True); os._exit(0)\n"
    )
    process = start("analyze", "x.mp4", imports_from=tmp_path, preexec_fn=interrupts(signal.SIG_IGN))
    assert process.communicate(timeout=60)[0] == "SIG_IGN\n"
