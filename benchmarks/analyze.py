"""Time `emotion-qwen analyze` on a clip: the whole command, and its split in a process of its own.

python benchmarks/analyze.py examples/clip.mp4 --threads 2 --output benchmarks/analyze.md
"""

import argparse
import json
import os
import platform
import resource
import shlex
import statistics
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

STEPS = {
    "adapters": "load",
    "decode": "decode",
    "faces": "FEC",
    "prepare": "prefill",
    "see": "prefill",
    "read": "prefill",
    "answer": "generation",
}
"""What a stage of the analysis counts as in the table."""
ORDER = ("import", "load", "decode", "FEC", "prefill", "generation")


def split(clip: Path, model: str | None) -> dict[str, float]:
    """Seconds per step of one analysis, in this process from its first import on."""
    marks = [("import", time.perf_counter())]
    from emotion_qwen.inference import EmotionAnalyzer

    marks.append(("load", time.perf_counter()))
    analyzer = EmotionAnalyzer.from_pretrained(model)
    pieces: list[str] = []
    analyzer.analyze(
        clip, on_text=pieces.append, on_stage=lambda stage: marks.append((STEPS[stage], time.perf_counter()))
    )
    marks.append(("end", time.perf_counter()))
    seconds = dict.fromkeys(ORDER, 0.0)
    for (step, start), (_, end) in zip(marks, marks[1:], strict=False):
        seconds[step] += end - start
    return seconds


def run(command: list[str]) -> tuple[float, str]:
    """Wall seconds of a command that must succeed, and what it printed."""
    start = time.perf_counter()
    printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return time.perf_counter() - start, printed


def report(walls: list[float], splits: list[dict[str, float]], peak: float, threads: int) -> str:
    """Write the figures as Markdown.

    Args:
        walls: Seconds of each run of the whole command.
        splits: Seconds by step of each analysis.
        peak: Memory of the command, MiB.
        threads: How many each had.
    """
    import torch
    import transformers

    rows = [(step, [seconds[step] for seconds in splits]) for step in ORDER]
    rows.append(("whole command", walls))
    lines = [
        "# `emotion-qwen analyze`: time and memory",
        "",
        f"```\n{shlex.join(['python', *sys.argv])}\n```",
        "",
        f"{datetime.now(UTC):%-d %B %Y}, {platform.machine()}, {os.cpu_count()} virtual cores of which"
        f" {threads} used, torch {torch.__version__}, transformers {transformers.__version__};"
        f" {len(walls)} runs, each in a fresh process.",
        "Prefill is the preparation of the pixels, the vision tower and the label likelihoods; generation includes"
        " reading the prompt of the reasoned answer.",
        "",
        "| step | best, s | median, s |",
        "|---|---|---|",
        *(f"| {step} | {min(seconds):.2f} | {statistics.median(seconds):.2f} |" for step, seconds in rows),
        "",
        f"Peak memory of the command: {peak:.0f} MiB.",
    ]
    return "\n".join(lines) + "\n"


def main() -> None:
    """Measure, and write the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clip", type=Path)
    parser.add_argument("--model", help="checkpoint; Emotion-Qwen-Nano by default")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--output", type=Path, help="Markdown file to write; the terminal by default")
    parser.add_argument("--split", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.split:
        print(json.dumps(split(arguments.clip, arguments.model)))
        return

    os.environ["OMP_NUM_THREADS"] = str(arguments.threads)
    options = ["--model", arguments.model] if arguments.model else []
    whole = [sys.executable, "-m", "emotion_qwen.inference.cli", "analyze", str(arguments.clip), *options]
    walls = [run(whole)[0] for _ in range(arguments.repeats)]
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    alone = [sys.executable, __file__, str(arguments.clip), *options, "--split"]
    splits = [json.loads(run(alone)[1]) for _ in range(arguments.repeats)]
    text = report(walls, splits, peak, arguments.threads)
    if arguments.output is None:
        print(text)
    else:
        arguments.output.write_text(text)


if __name__ == "__main__":
    main()
