"""Time Facial Emotion Capture with each backend against deepface's own `analyze`, frame by frame; writes fec.md.

Each way runs in processes of its own, in turn with the others, so that peak memory is its own and a busy machine is
busy for all. deepface's emotion network gets random weights where its own are not found: they take the same time.

python benchmarks/fec.py examples/clip.mp4 --frames 30 --threads 2 --output benchmarks/fec.md
"""

import argparse
import json
import os
import platform
import resource
import shlex
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

REFERENCE = "DeepFace.analyze, frame by frame"
WAYS: dict[str, dict[str, Any]] = {
    REFERENCE: {},
    "deepface backend, with analyze's border": {"backend": "deepface", "deepface_border": 0.5},
    "deepface backend": {"backend": "deepface"},
    "embedded backend": {"backend": "embedded"},
}

NOTES = (
    "With `analyze`'s border of half a frame the deepface backend gives the boxes and probabilities of `analyze`,",
    "which a test pins. Without it, the default, the detector sees a quarter of the pixels; boxes differ by a few.",
    "",
    "What comes out for two people (`python benchmarks/fec_picture.py --output benchmarks/fec_picture.png`):",
    "",
    "![Faces followed, emotions over time, key frames and their masked copies](fec_picture.png)",
)


def least_milliseconds(step: Callable[[], Any], repeats: int) -> tuple[float, float]:
    """Return the least wall time of a step, and its least CPU time over all threads, in milliseconds."""
    wall, cpu = [], []
    for _ in range(repeats):
        wall_start, cpu_start = time.perf_counter(), time.process_time()
        step()
        wall.append(1e3 * (time.perf_counter() - wall_start))
        cpu.append(1e3 * (time.process_time() - cpu_start))
    return min(wall), min(cpu)


def peak_memory() -> float:
    """Return the most memory that this process has held so far, in MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def measure(way: str, arguments: argparse.Namespace) -> dict[str, Any]:
    """Measure one way in this process."""
    import torch

    from emotion_qwen.processing import EmotionQwenVideoProcessor

    torch.set_num_threads(arguments.threads)
    frames, _ = EmotionQwenVideoProcessor().decode(str(arguments.clip), num_frames=arguments.frames)
    before = peak_memory()
    steps = _analyze(frames, arguments) if way == REFERENCE else _capture(frames, WAYS[way], arguments)
    steps["whole"]()  # the first run loads networks and settles memory
    measured = {name: least_milliseconds(step, arguments.repeats) for name, step in steps.items()}
    return {"size": list(frames.shape), "before": before, "peak": peak_memory(), "steps": measured}


def _analyze(frames: Any, arguments: argparse.Namespace) -> dict[str, Callable[[], Any]]:
    from deepface import DeepFace

    pictures = [frame.permute(1, 2, 0).numpy()[:, :, ::-1].copy() for frame in frames]
    options = {"actions": ("emotion",), "detector_backend": arguments.detector, "silent": True}
    return {"whole": lambda: [DeepFace.analyze(picture, enforce_detection=False, **options) for picture in pictures]}


def _capture(frames: Any, settings: dict[str, Any], arguments: argparse.Namespace) -> dict[str, Callable[[], Any]]:
    import torch

    from emotion_qwen.processing import FacialEmotionCapture
    from emotion_qwen.processing.face_backends import find_backend

    fec = FacialEmotionCapture(deepface_detector=arguments.detector, **settings)
    detector, classifier = find_backend(fec.backend)(fec.settings, None, frames.device)
    with torch.inference_mode():
        faces = detector.detect(frames)
    detect, classify = torch.inference_mode()(detector.detect), torch.inference_mode()(classifier.classify)
    return {
        "detect": lambda: detect(frames),
        "classify": lambda: classify(frames, faces),
        "whole": lambda: fec.capture(frames),
    }


def run_in_process(way: str, home: str) -> dict[str, Any]:
    """Measure one way in a new process with the arguments of this one."""
    command = [sys.executable, __file__, *sys.argv[1:], "--way", way]
    printed = subprocess.run(
        command, check=True, stdout=subprocess.PIPE, text=True, env={**os.environ, "DEEPFACE_HOME": home}
    )
    return json.loads(printed.stdout.splitlines()[-1])


def emotion_weights(folder: str) -> tuple[str, str]:
    """Return where deepface finds weights of its emotion network, and what they are; random ones if there are none."""
    import torch
    from deepface.models.demography.pytorch.Emotion import EmotionModel

    home = os.environ.get("DEEPFACE_HOME", str(Path.home()))
    name = Path(".deepface") / "weights" / "facial_expression_model_weights"
    if any((home / name).with_suffix(suffix).is_file() for suffix in (".pth", ".onnx", ".h5")):
        return home, "deepface's own"
    path = (folder / name).with_suffix(".pth")
    path.parent.mkdir(parents=True)
    torch.save(EmotionModel().state_dict(), path)
    return folder, "random"


def report(runs: dict[str, list[dict[str, Any]]], weights: str, arguments: argparse.Namespace) -> str:
    """Write what was measured as Markdown."""
    import deepface
    import torch

    least = {
        way: {step: tuple(map(min, zip(*(run["steps"][step] for run in of_way), strict=True))) for step in steps}
        for way, of_way in runs.items()
        for steps in [of_way[0]["steps"]]
    }
    frames, _, height, width = runs[REFERENCE][0]["size"]
    lines = [
        "# Facial Emotion Capture: time and memory per clip",
        "",
        f"```\n{shlex.join(['python', *sys.argv])}\n```",
        "",
        f"{datetime.now(UTC):%-d %B %Y}, {platform.machine()}, {os.cpu_count()} virtual cores of which"
        f" {arguments.threads} used, torch {torch.__version__}, deepface {deepface.__version__} with its detector"
        f" {arguments.detector} and {weights} weights in its emotion network; {frames} frames of {width}×{height};"
        f" the least of {arguments.rounds} processes of {arguments.repeats} runs each, in turn.",
        "",
        "CPU time is that of all threads together; on a busy machine it says more than wall time.",
        "",
        "| | ms per clip | times as fast | CPU ms | times as fast | detection, CPU ms | emotions, CPU ms | peak MiB"
        " | of which torch and the decoded clip |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for way, steps in least.items():
        wall, cpu = steps["whole"]
        parts = [f"{steps[step][1]:.0f}" if step in steps else "" for step in ("detect", "classify")]
        memory = [max(run[moment] for run in runs[way]) for moment in ("peak", "before")]
        reference = least[REFERENCE]["whole"]
        cells = [f"{wall:.0f}", f"{reference[0] / wall:.1f}", f"{cpu:.0f}", f"{reference[1] / cpu:.1f}", *parts]
        lines.append(f"| {' | '.join([way, *cells, *(f'{figure:.0f}' for figure in memory)])} |")
    return "\n".join([*lines, "", *NOTES]) + "\n"


def main() -> None:
    """Measure all ways in turn, and write the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clip", type=Path)
    parser.add_argument("--frames", type=int, default=30)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--detector", default="fastmtcnn", help="one of deepface's (default: fastmtcnn)")
    parser.add_argument("--rounds", type=int, default=3, help="processes per way")
    parser.add_argument("--repeats", type=int, default=3, help="runs per process")
    parser.add_argument("--output", type=Path, help="Markdown file to write; the terminal by default")
    parser.add_argument("--way", choices=WAYS, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.way:
        print(json.dumps(measure(arguments.way, arguments)))
        return

    runs: dict[str, list[dict[str, Any]]] = {way: [] for way in WAYS}
    with tempfile.TemporaryDirectory() as folder:
        home, weights = emotion_weights(folder)
        for _ in range(arguments.rounds):
            for way, of_way in runs.items():
                of_way.append(run_in_process(way, home))
    text = report(runs, weights, arguments)
    if arguments.output is None:
        print(text)
    else:
        arguments.output.write_text(text)


if __name__ == "__main__":
    main()
