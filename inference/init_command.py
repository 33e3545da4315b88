"""`emotion-qwen init`: a checkpoint to train from, made of Qwen2.5-VL or of the authors' published model."""

import argparse
import sys
from pathlib import Path

from .quiet_libraries import silence_libraries


def add_init(parser: argparse.ArgumentParser) -> None:
    """Describe the command.

    Args:
        parser: Its own parser.
    """
    sources = parser.add_mutually_exclusive_group(required=True)
    sources.add_argument("--from", dest="qwen", metavar="PATH", help="local folder of Qwen2.5-VL")
    sources.add_argument("--from-authors", dest="authors", metavar="PATH", help="the authors' model (untried)")
    parser.add_argument("--output", required=True, type=Path, metavar="DIR", help="folder to write; it must not exist")
    parser.add_argument("--text-backbone", metavar="PATH", help="local folder of another language model (Llama 3)")
    parser.add_argument("--warm-start", action="store_true", help="start the general expert from Qwen2.5-VL's merger")
    parser.add_argument(
        "--projector", choices=("hybrid", "mlp", "fusion"), default="hybrid", help="compressor (default: hybrid)"
    )
    parser.add_argument("--seed", type=int, default=0, help="of the compressor's random weights (default: 0)")
    parser.add_argument(
        "--first-gate-output",
        choices=("general", "emotion"),
        default="general",
        help="with --from-authors: the expert that the gate's first output weighs (default: general)",
    )
    parser.set_defaults(run=run_init)


def run_init(options: argparse.Namespace) -> int:
    """Write the checkpoint; its folder goes to the output stream, what it took over to the error stream."""
    silence_libraries()
    from .initial_checkpoint import init_from_authors, init_from_qwen2_5_vl

    if options.authors is not None:
        if options.text_backbone or options.warm_start or options.projector != "hybrid":
            raise ValueError("--from-authors brings compressor and language model: leave the other options out.")
        written = init_from_authors(options.authors, options.output, first_gate_output=options.first_gate_output)
    else:
        written = init_from_qwen2_5_vl(
            options.qwen,
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
