"""`emotion-qwen adapters`: list, merge, export and push adapters."""

import argparse
import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .quiet_libraries import silence_libraries

if TYPE_CHECKING:
    from .adapter_files import AdapterInfo
    from .adapter_purpose import AdapterPurpose

_OPEN = "open"
"""Among what an adapter answers: open questions about emotion."""


def add_adapters(parser: argparse.ArgumentParser) -> None:
    """Describe the command.

    Args:
        parser: Its own parser.
    """
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    shown = commands.add_parser("list", help="list the adapters of a checkpoint or a folder")
    shown.add_argument("folder", nargs="?", metavar="DIR", help="folder of adapters (default: the checkpoint's own)")
    shown.add_argument("--model", help="checkpoint folder or Hub id (default: Emotion-Qwen-Nano)")
    shown.add_argument("--json", action="store_true", help="print everything as JSON")
    shown.set_defaults(run=run_list)

    merged = commands.add_parser("merge", help="write a checkpoint with an adapter added for good")
    _add_adapter(merged)
    merged.add_argument("--output", type=Path, required=True, metavar="DIR", help="folder to write; it must not exist")
    merged.set_defaults(run=run_merge)

    exported = commands.add_parser("export", help="write an adapter as a clean folder with a card")
    _add_adapter(exported)
    exported.add_argument("--output", type=Path, required=True, metavar="DIR", help="folder to write, named after it")
    _add_publishing(exported)
    exported.set_defaults(run=run_export)

    pushed = commands.add_parser("push", help="send an adapter to the Hub")
    _add_adapter(pushed)
    pushed.add_argument("repository", metavar="OWNER/NAME", help="where to; created where there is none")
    pushed.add_argument("--private", action="store_true", help="make a new repository private")
    _add_publishing(pushed)
    pushed.set_defaults(run=run_push)


def run_list(options: argparse.Namespace) -> int:
    """Print one adapter a line, or all as JSON."""
    from .adapter_files import find_adapters, own_adapters, read_adapter

    silence_libraries()
    if options.folder is not None and not Path(options.folder).is_dir():
        raise ValueError(f"There is no folder {options.folder!r}.")
    folders = own_adapters(_checkpoint(options)) if options.folder is None else find_adapters(options.folder)
    found = [read_adapter(path, name) for name, path in folders.items()]
    if options.json:
        print(json.dumps([_as_dict(info) for info in found], ensure_ascii=False, indent=2))
        return 0
    for info in found:
        print(
            f"{info.name:16} r {info.rank}, α {info.alpha}, {info.parameters:,} parameters; {info.purpose.describe()}"
        )
    if not found:
        print(f"No adapters in {options.folder if options.folder is not None else _checkpoint(options)}.")
    return 0


def run_merge(options: argparse.Namespace) -> int:
    """Write the merged checkpoint and print its folder."""
    silence_libraries()
    from .adapter_publishing import merge_into_checkpoint

    print(merge_into_checkpoint(_checkpoint(options), _adapter(options), options.output))
    return 0


def run_export(options: argparse.Namespace) -> int:
    """Write the adapter's folder and print it."""
    from .adapter_publishing import export_adapter

    print(export_adapter(_adapter(options), options.output, options.base_model, _purpose(options)))
    return 0


def run_push(options: argparse.Namespace) -> int:
    """Send the adapter and print where it went."""
    silence_libraries()
    from .adapter_publishing import push_adapter

    purpose = _purpose(options)
    print(push_adapter(_adapter(options), options.repository, options.base_model, purpose, options.private))
    return 0


def _add_adapter(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "adapter", metavar="ADAPTER", help="folder, Hub id, or the name of one of the checkpoint's own"
    )
    parser.add_argument("--model", help="checkpoint folder or Hub id (default: Emotion-Qwen-Nano)")


def _add_publishing(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--base-model", metavar="ID", help="what others load the base model by")
    parser.add_argument(
        "--answers",
        action="append",
        metavar="WHAT",
        help="a label set's name, or labels with commas between, or `open`; may be given twice",
    )
    parser.add_argument("--media", choices=("image", "video"), help="the only kind of media that it is for")


def _checkpoint(options: argparse.Namespace) -> str | Path:
    from .checkpoint import shipped_checkpoint

    return options.model if options.model is not None else shipped_checkpoint()


def _adapter(options: argparse.Namespace) -> str | Path:
    from .adapter_files import own_adapters

    return own_adapters(_checkpoint(options)).get(options.adapter, options.adapter)


def _purpose(options: argparse.Namespace) -> "AdapterPurpose | None":
    """What the options say that the adapter answers; None where they say nothing."""
    from .adapter_files import read_adapter
    from .adapter_purpose import AdapterPurpose
    from .label_sets import as_label_set

    if options.answers is None and options.media is None:
        return None
    if options.answers is None:
        stated = read_adapter(_adapter(options)).purpose
        return replace(stated, media=options.media)
    labels = [as_label_set(answer).labels for answer in options.answers if answer != _OPEN]
    if len(labels) > 1:
        raise ValueError(f"An adapter has one set of labels, not {len(labels)}: put commas between them.")
    return AdapterPurpose(labels[0] if labels else None, _OPEN in options.answers, options.media)


def _as_dict(info: "AdapterInfo") -> dict[str, Any]:
    return {
        "name": info.name,
        "folder": str(info.folder),
        "labels": info.purpose.labels,
        "open_questions": info.purpose.open_questions,
        "media": info.purpose.media,
        "rank": info.rank,
        "alpha": info.alpha,
        "parameters": info.parameters,
        "base_model": info.base_model,
    }
