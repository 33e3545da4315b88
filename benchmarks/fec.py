"""Time Facial Emotion Capture on a clip, step by step; prints the table of fec.md.

python benchmarks/fec.py examples/clip.mp4 --frames 30 --threads 2
"""

import argparse
import resource
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from emotion_qwen.processing import EmotionQwenVideoProcessor, FacialEmotionCapture
from emotion_qwen.processing.face_backends import embedded_backend


def measure(step: Callable[[], Any], repeats: int) -> tuple[float, float, float]:
    """Return a step's best and median wall time and its least CPU time over all threads, in milliseconds."""
    wall, cpu = [], []
    for _ in range(repeats):
        wall_start, cpu_start = time.perf_counter(), time.process_time()
        step()
        wall.append(1e3 * (time.perf_counter() - wall_start))
        cpu.append(1e3 * (time.process_time() - cpu_start))
    return min(wall), statistics.median(wall), min(cpu)


def main() -> None:
    """Measure detection, classification and the whole."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clip", type=Path)
    parser.add_argument("--frames", type=int, default=30)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=10)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)

    frames, _ = EmotionQwenVideoProcessor().decode(str(arguments.clip), num_frames=arguments.frames)
    fec = FacialEmotionCapture()
    capture = fec.capture(frames)
    backend = embedded_backend(fec.settings, None, frames.device)
    with torch.inference_mode():
        faces = backend.detector.detect(frames)
        steps = {
            "detect": measure(lambda: backend.detector.detect(frames), arguments.repeats),
            "classify": measure(lambda: backend.classifier.classify(frames, faces), arguments.repeats),
        }
    steps["whole capture"] = measure(lambda: fec.capture(frames), arguments.repeats)
    steps["mask"] = measure(lambda: fec.mask(frames, capture), arguments.repeats)

    height, width = frames.shape[-2:]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        f"{len(frames)} frames of {width}x{height}, {len(faces)} faces, {len(capture.key_frames)} key frames; ", end=""
    )
    print(f"{arguments.threads} threads, torch {torch.__version__}, peak memory of the process {peak:.0f} MiB\n")
    print("| step | wall ms, best | wall ms, median | CPU ms, least |\n|---|---|---|---|")
    for name, figures in steps.items():
        print(f"| {name} | {' | '.join(f'{figure:.0f}' for figure in figures)} |")


if __name__ == "__main__":
    main()
