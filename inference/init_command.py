"""`emotion-qwen init`: a checkpoint to train from, made of Qwen2.5-VL."""

import argparse
import sys
from pathlib import Path


def add_init(parser: argparse.ArgumentParser) -> None:
    """Describe the command.

    Args:
        parser: Its own parser.
    """
    parser.add_argument("--from", dest="source", required=True, metavar="PATH", help="local folder of Qwen2.5-VL")
    parser.add_argument("--output", required=True, type=Path, metavar="DIR", help="folder to write; it must not exist")
    parser.add_argument("--text-backbone", metavar="PATH", help="local folder of another language model (Llama 3)")
    parser.add_argument("--warm-start", action="store_true", help="start the general expert from Qwen2.5-VL's merger")
    parser.add_argument(
        "--projector", choices=("hybrid", "mlp", "fusion"), default="hybrid", help="compressor (default: hybrid)"
    )
    parser.add_argument("--seed", type=int, default=0, help="of the compressor's random weights (default: 0)")
    parser.set_defaults(run=run_init)


def run_init(options: argparse.Namespace) -> int:
    """Write the checkpoint; its folder goes to the output stream, what it took over to the error stream."""
    from .initial_checkpoint import init_from_qwen2_5_vl

    written = init_from_qwen2_5_vl(
        options.source,
        options.output,
        text_backbone=options.text_backbone,
        warm_start=options.warm_start,
        projector_type=options.projector,
        seed=options.seed,
    )
    for note in written.notes:
        print(note, file=sys.stderr)
    print(written.folder)
    return 0
