"""`emotion-qwen faces`: Facial Emotion Capture of many pictures and clips, stored for training and inference."""

import argparse
import os
import sys
from pathlib import Path
from typing import Any

from .argument_types import part_of, positive, setting

SOME_BROKEN = 3
"""Exit code of a run that finished, but could not read everything."""

_SAMPLING = ("fps", "num_frames", "min_frames", "max_frames")


def add_faces(parser: argparse.ArgumentParser) -> None:
    """Describe the command's arguments."""
    parser.add_argument("source", metavar="CLIP_OR_FOLDER_OR_DATASET", help="what to look for faces in")
    parser.add_argument("--output", type=Path, required=True, metavar="DIR", help="folder for the results")
    parser.add_argument("--column", help="of a data set (parquet, jsonl, save_to_disk): the one with media or paths")
    parser.add_argument("--workers", type=positive, help="processes (default: one per core)")
    parser.add_argument("--threads", type=positive, default=1, help="threads of each process (default: 1)")
    parser.add_argument(
        "--shard", type=part_of, default=(0, 1), metavar="I/N", help="do part I (from 0) of N, on a cluster"
    )
    parser.add_argument("--rows-per-file", type=positive, default=512, help="rows of a parquet file (default: 512)")
    settings = parser.add_argument_group("settings", "default: those of the processor that is to use the results")
    settings.add_argument("--model", help="checkpoint with that processor (default: Emotion-Qwen-Nano)")
    settings.add_argument("--fps", type=float, help="frames sampled a second")
    settings.add_argument("--num-frames", type=positive, help="frames sampled of a clip, instead of --fps")
    settings.add_argument("--min-frames", type=positive, help="fewest frames, with --fps")
    settings.add_argument("--max-frames", type=positive, help="most frames, with --fps")
    settings.add_argument(
        "--fec", action="append", type=setting, default=[], metavar="NAME=VALUE", help="such as backend=deepface"
    )
    parser.set_defaults(run=run_faces)


def run_faces(options: argparse.Namespace) -> int:
    """Run the command.

    Returns:
        0, or `SOME_BROKEN` if something could not be read.

    Raises:
        ValueError: If a setting, a column or a shard is not valid.
        OSError: If there is nothing to read, or the results can't be written.
        ImportError: If pyarrow, `datasets` or the backend's packages are missing.
    """
    from emotion_qwen.processing.precompute import list_media, precompute_faces
    from emotion_qwen.processing.precompute.workers import Outcome

    items = list_media(options.source, options.column)
    capturer = _capturer(options)
    with _progress_bar(len(items) // options.shard[1]) as bar:

        def show(outcome: Outcome) -> None:
            if outcome.result == "broken":
                bar.write(f"broken: {outcome.name}: {outcome.reason}", file=sys.stderr)
            bar.update()

        summary = precompute_faces(
            items,
            options.output,
            capturer,
            workers=options.workers or _num_cores(),
            threads=options.threads,
            shard=options.shard,
            rows_per_file=options.rows_per_file,
            on_outcome=show,
        )
    print(f"{summary.stored} captured, {summary.known} known before, {len(summary.broken)} broken: {options.output}")
    return SOME_BROKEN if summary.broken else 0


def _capturer(options: argparse.Namespace) -> Any:
    from emotion_qwen.processing import EmotionQwenImageProcessor, EmotionQwenVideoProcessor
    from emotion_qwen.processing.precompute import MediaCapturer

    from .checkpoint import shipped_checkpoint

    source = options.model if options.model is not None else shipped_checkpoint()
    sampling = {name: getattr(options, name) for name in _SAMPLING if getattr(options, name) is not None}
    images = EmotionQwenImageProcessor.from_pretrained(source)
    clips = EmotionQwenVideoProcessor.from_pretrained(source, **sampling)
    for processor in (images, clips):
        processor.fec_config = {**processor.fec_config, **dict(options.fec)}
    return MediaCapturer(images, clips)


def _progress_bar(total: int) -> Any:
    from tqdm import tqdm

    # A log gets a line now and then instead of a moving bar.
    return tqdm(total=total, unit="file", file=sys.stderr, mininterval=0.1 if sys.stderr.isatty() else 30)


def _num_cores() -> int:
    """Cores that this process may use, where the system tells; else all."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
