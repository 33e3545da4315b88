"""`emotion-qwen export`: write a checkpoint as a folder for the Hub."""

import argparse
import sys
from pathlib import Path

from .quiet_libraries import silence_libraries


def add_export(parser: argparse.ArgumentParser) -> None:
    """Describe the command.

    Args:
        parser: Its own parser.
    """
    parser.add_argument("folder", type=Path, metavar="DIR", help="folder to write; it must not exist, or be empty")
    parser.add_argument("--model", help="checkpoint folder or Hub id (default: Emotion-Qwen-Nano)")
    parser.add_argument("--adapter", help="adapter to merge in: folder, Hub id, or a name in the checkpoint")
    parser.add_argument(
        "--adapters", type=Path, metavar="DIR", help="folder of adapters to go with it (default: the checkpoint's own)"
    )
    parser.add_argument("--overwrite", action="store_true", help="replace an earlier export there")
    parser.set_defaults(run=_export)


def _export(options: argparse.Namespace) -> int:
    silence_libraries()
    from .progress import Progress

    with Progress(sys.stderr) as progress:
        progress.start("Loading the model")
        from emotion_qwen import export_to_hub

        from .adapter_files import own_adapters
        from .adapter_loading import merge_adapter
        from .checkpoint import load_checkpoint, shipped_checkpoint

        source = options.model if options.model is not None else shipped_checkpoint()
        model, processor = load_checkpoint(source, device="cpu", dtype="auto")
        own = own_adapters(source)
        if options.adapter is not None:
            model = merge_adapter(model, own.get(options.adapter, options.adapter))
            own = {}  # they were made for the weights as they were
        progress.start("Writing the folder")
        folder = export_to_hub(
            model,
            processor,
            options.folder,
            adapters=own if options.adapters is None else options.adapters,
            overwrite=options.overwrite,
        )
    print(folder)
    return 0
