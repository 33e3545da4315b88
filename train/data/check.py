"""`emotion-qwen data check`: what is in the data of a recipe, or at a path, and what of it is broken."""

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch

from emotion_qwen.processing import EmotionQwenProcessor, MediaError
from emotion_qwen.train.collator import ConversationCollator, show_sample
from emotion_qwen.train.recipe import find_recipe, read_recipe

from .decoding import SampleDecoder
from .entries import SampleError
from .held_out import held_out_items
from .layouts import guess_reader
from .media_files import existing_file
from .mixture import check_weights
from .source import Outline, Source
from .sources import build_sources
from .streaming import stream_shares

_RECIPE_SUFFIXES = (".yaml", ".yml")


@dataclass
class SourceReport:
    """What is in one source.

    Attributes:
        name: Its name.
        held_out: Whether it is data of the evaluation.
        fault: Why nothing can be learnt from it, whatever its samples are; None if something can.
        samples: Number of samples.
        modalities: Number of samples by what they show: "text", "image", "2 images", "video", …
        labels: Number of samples by label; empty for conversations.
        broken: Why each broken sample is broken.
        decoded: Samples that were decoded and tokenized.
        tokens: Least, mean and greatest number of tokens among them; None if all of them are broken.
        learnt: Mean number of tokens that are learnt.
        example: The first of them as the model reads it.
    """

    name: str
    held_out: bool = False
    fault: str | None = None
    samples: int = 0
    modalities: Counter[str] = field(default_factory=Counter)
    labels: Counter[str] = field(default_factory=Counter)
    broken: list[str] = field(default_factory=list)
    decoded: int = 0
    tokens: tuple[int, float, int] | None = None
    learnt: float | None = None
    example: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return a dict that JSON can keep."""
        return {**asdict(self), "modalities": dict(self.modalities), "labels": dict(self.labels)}


def recipe_data(path: str | Path, reader: str | None = None) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Find the sources that a recipe names, or make one of a path.

    Args:
        path: A recipe with `data` (its path, or the name of a shipped one), or a file or folder of data.
        reader: Name of a reader, if the path is data that doesn't tell by itself.

    Returns:
        The items of `data`, and all settings of the recipe (none for a path of data).

    Raises:
        FileNotFoundError: If there is neither data nor a recipe of that name.
        ValueError: If the recipe has no `data`, or no reader fits.
    """
    if reader is not None:
        return [{"reader": reader, "path": str(path)}], {}
    if Path(path).exists() and Path(path).suffix not in _RECIPE_SUFFIXES:
        return [{"reader": guess_reader(Path(path)), "path": str(path)}], {}
    if Path(path).is_absolute() or Path(path).suffix not in ("", *_RECIPE_SUFFIXES):
        existing_file(Path(path), "recipe and no data")
    settings = read_recipe(find_recipe(str(path)))
    if not isinstance(settings.get("data"), list) or not settings["data"]:
        raise ValueError(f"The recipe '{path}' has no list `data` with a source in it.")
    return settings["data"], settings


def check(
    data: Sequence[Mapping[str, Any]],
    processor: EmotionQwenProcessor | None,
    samples: int,
    facial_emotion_capture: bool = True,
    seed: int = 0,
    eval_data: Sequence[Mapping[str, Any]] = (),
    streaming: bool = False,
) -> list[SourceReport]:
    """Look at each source.

    Of every sample it is found out what it shows, its label, and whether its files are there. So many of each source,
    evenly spaced, are decoded and tokenized as in training.

    Args:
        data: The items of a recipe's `data`.
        processor: Decodes and tokenizes; without it nothing is decoded.
        samples: How many of each source are decoded; 0 for none.
        facial_emotion_capture: Whether faces are captured in them, as they are in training.
        seed: Of the draws.
        eval_data: The items of its `eval_data`.
        streaming: Whether training streams `data`, which then needs more to be stated.

    Returns:
        A report for each source, those held out last.

    Raises:
        ValueError: If a source can't be as the recipe says, or the sources can't be mixed.
    """
    collator = None if processor is None else ConversationCollator(processor, facial_emotion_capture)
    sources = build_sources(data, seed, processor, streaming)
    if streaming:
        stream_shares(sources)
    else:
        check_weights(sources)
    reports = [_report(source, collator, samples) for source in sources]
    usable = [source for source, report in zip(sources, reports, strict=True) if report.fault is None]
    held_out = build_sources(held_out_items(eval_data, usable), seed, processor) if eval_data else []
    check_weights(held_out)
    return reports + [_report(source, collator, samples, held_out=True) for source in held_out]


def _report(
    source: Source, collator: ConversationCollator | None, samples: int, held_out: bool = False
) -> SourceReport:
    report = SourceReport(source.name, held_out)
    try:
        missing = _look_through(report, source)
        source.require_usable()
    except (ValueError, OSError) as error:  # the other sources are still told of
        report.fault = str(error)
    if collator is None or report.fault is not None:
        return report
    chosen = torch.linspace(0, len(source) - 1, min(samples, len(source))).round().long().unique().tolist()
    _decode(report, source, collator, [index for index in chosen if index not in missing])
    return report


def _look_through(report: SourceReport, source: Source) -> set[int]:
    """Note what is known of each sample without decoding it; return the numbers of those that are broken."""
    broken = set()
    for index, outline in enumerate(source.outlines()):
        reason = _fault(outline)
        report.samples += 1
        if reason is not None:
            report.broken.append(reason)
            broken.add(index)
            continue
        report.modalities[_modality(outline)] += 1
        if outline.label is not None:
            report.labels[outline.label] += 1
    return broken


def _fault(outline: Outline) -> str | None:
    if outline.fault is not None:
        return outline.fault
    for _, path in outline.media:
        if path is None or "://" in path:
            continue
        if not os.path.isfile(path):
            return f"There is no file '{path}'."
        if os.path.getsize(path) == 0:
            return f"'{path}' is an empty file."
    return None


def _modality(outline: Outline) -> str:
    counts = Counter(kind for kind, _ in outline.media)
    shown = [kind if count == 1 else f"{count} {kind}s" for kind, count in sorted(counts.items())]
    return " + ".join(shown) or "text"


def _decode(report: SourceReport, source: Source, collator: ConversationCollator, chosen: list[int]) -> None:
    """Decode and tokenize samples one by one, and note their lengths."""
    decode = SampleDecoder(collator.processor)
    lengths, learnt = [], []
    for index in chosen:
        report.decoded += 1
        try:
            batch = collator([decode(source.sample(index, 0))])
        except (SampleError, MediaError) as error:
            report.broken.append(str(error))
            continue
        lengths.append(batch["input_ids"].shape[1])
        learnt.append(int((batch["labels"] >= 0).sum()))
        report.example = report.example or show_sample(batch, collator.processor)
    if lengths:
        report.tokens = (min(lengths), sum(lengths) / len(lengths), max(lengths))
        report.learnt = sum(learnt) / len(learnt)


def summary(report: SourceReport, most_broken: int) -> list[str]:
    """Lines that tell a person what is in a source.

    Args:
        report: Of the source.
        most_broken: Broken samples that are named at most.
    """
    lines = [f"{report.name} (held out)" if report.held_out else report.name]
    lines += [f"  unusable    {report.fault}"] if report.fault is not None else []
    if report.fault is not None and not report.samples:
        return lines
    lines += [f"  samples     {report.samples}"]
    lines += [f"  shown       {_counted(report.modalities)}"] if report.modalities else []
    lines += [f"  labels      {_counted(report.labels)}"] if report.labels else []
    if report.tokens is not None:
        least, mean, most = report.tokens
        lines.append(f"  tokens      {least} to {most}, {mean:.0f} on average; {report.learnt:.0f} of them learnt")
    lines.append(f"  decoded     {report.decoded} of {report.samples}")
    lines.append(f"  broken      {len(report.broken)}")
    lines += [f"    {reason}" for reason in report.broken[:most_broken]]
    if len(report.broken) > most_broken:
        lines.append(f"    and {len(report.broken) - most_broken} more (--json lists all)")
    if report.example is not None:
        lines += ["  the model reads, and learns what is in » «:"]
        lines += [f"    {line}" for line in report.example.splitlines()]
    return lines


def _counted(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {count}" for name, count in sorted(counts.items()))
