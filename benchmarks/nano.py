"""Measures Emotion-Qwen-Nano on rendered people and drawings that it never saw, by what it generates itself.

`python benchmarks/nano.py --most 150 outputs/nano/data/{closeups,portraits,clips,groups,drawings}`

Each folder is a data set as `emotion_qwen.train.synthetic` writes it. Its held-out people are asked about, with Facial
Emotion Capture on: their emotion in one word (also by skin, sex and age), the reasons, and general facts; its held-out
drawings are asked about too, and the gate is read on both. The figures go to `benchmarks/nano.json`
and `benchmarks/nano.md`, and into the checkpoint's folder, whose exported card is filled in from them.
"""

import argparse
import json
import time
from datetime import date
from pathlib import Path
from typing import Any

from nano_scores import (
    NO_LABEL,
    Scores,
    read_gate,
    score_adapters,
    score_general,
    score_labels,
    score_reasons,
    single_people,
)

from emotion_qwen.inference import EmotionAnalyzer
from emotion_qwen.inference.prompts import EMOTION_LABELS, LANGUAGES
from emotion_qwen.measurements import write_measurements

HERE = Path(__file__).parent
SECTIONS = {
    "Reasons": "reasoning",
    "General answers": "general",
    "Gate": "gate",
    "With the adapter that is chosen": "adapters",
}
"""What is measured besides the labels, by the heading of its table."""


def measure(
    analyzer: EmotionAnalyzer, adapted: EmotionAnalyzer, folders: list[Path], size: int, most: int
) -> dict[str, list[Scores]]:
    """Scores of every folder; those of people are printed as they come.

    Args:
        analyzer: Holds the model, which is measured without adapters.
        adapted: Holds it once more, for its adapters.
        folders: Data sets.
        size: Items a batch.
        most: Items of a folder for reasons, general facts and gate.
    """
    results, reasons, general, gate, tuned = [], [], [], [], []
    for folder in folders:
        for language in LANGUAGES:
            if single_people(folder):
                results.append(score_labels(analyzer, folder, language, size))
                reasons.append(score_reasons(analyzer, folder, language, size, most))
                print(table(results[-1]), reasons[-1], sep="\n\n", end="\n\n", flush=True)
            general.extend(score_general(analyzer, folder, language, size, most))
        gate.extend(read_gate(analyzer, folder, size, most))
        tuned.extend(score_adapters(adapted, folder, size, most))
    return {"results": results, "reasoning": reasons, "general": general, "gate": gate, "adapters": tuned}


def rows(heading: str, measured: list[Scores]) -> str:
    """Measurements with the same keys as Markdown, shares as they are."""
    if not measured:
        return f"## {heading}\n\nNothing to measure in these folders."
    shown = [[f"{value:.3f}" if isinstance(value, float) else str(value) for value in m.values()] for m in measured]
    lines = ["| " + " | ".join(measured[0]) + " |", "|---" * len(measured[0]) + "|"]
    return "\n".join([f"## {heading}", "", *lines, *("| " + " | ".join(row) + " |" for row in shown)])


def table(result: Scores) -> str:
    """One result as Markdown: true emotions in rows, answers in columns."""
    columns = (*EMOTION_LABELS, NO_LABEL)
    lines = [
        f"## {result['data']}, {result['language']}: {100 * result['accuracy']:.1f} % of {result['items']} items, "
        f"{result['people']} people",
        "",
        "| true ↓ answered → | " + " | ".join(columns) + " |",
        "|---" * (len(columns) + 1) + "|",
    ]
    for truth, row in result["confusion"].items():
        lines.append(f"| {truth} | " + " | ".join(str(row[answer]) for answer in columns) + " |")
    return "\n".join(lines)


def report(measured: dict[str, Any]) -> str:
    """All figures as Markdown."""
    portrait = measured["portrait"]
    heading = [
        "# Emotion-Qwen-Nano on rendered people it never saw",
        f"Measured on {measured['date']}, from its own generated one-word answers, Facial Emotion Capture on.",
        f"Command: `{measured['command']}`",
        f"NASA portrait (`examples/astronaut.png`): **{portrait['label']}** "
        f"(probability {portrait['probabilities'][portrait['label']]:.2f}). “{portrait['text']}”",
    ]
    sections = [rows(name, measured[key]) for name, key in SECTIONS.items()]
    return "\n\n".join([*heading, *sections, *map(table, measured["results"])]) + "\n"


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description="Measure the Nano on held-out people.")
    parser.add_argument("data", type=Path, nargs="+", help="data set folders")
    parser.add_argument("--model", default=None, help="a checkpoint of `make nano`; the shipped one if left out")
    parser.add_argument("--training", help="what its training took, for its card: '81 minutes on 2 CPU cores'")
    parser.add_argument("--batch-size", type=int, default=16)
    parser.add_argument("--most", type=int, default=300, help="items of a folder for reasons, general facts and gate")
    parser.add_argument("--output", type=Path, default=HERE, help="folder of nano.json and nano.md")
    arguments = parser.parse_args()

    analyzer, adapted = (EmotionAnalyzer.from_pretrained(arguments.model) for _ in range(2))
    start = time.perf_counter()
    figures = measure(analyzer, adapted, arguments.data, arguments.batch_size, arguments.most)
    portrait = adapted.analyze(HERE.parent / "examples/astronaut.png")
    measured = {
        "date": date.today().isoformat(),
        "command": f"python benchmarks/nano.py --most {arguments.most} "
        + " ".join(f"outputs/nano/data/{folder.name}" for folder in arguments.data),
        "seconds": round(time.perf_counter() - start),
        **figures,
        "portrait": {"label": portrait.label, "probabilities": portrait.probabilities, "text": portrait.text},
    }
    if arguments.training:
        measured["training"] = arguments.training
    write_measurements(analyzer.model.name_or_path, analyzer.model, measured)
    arguments.output.mkdir(parents=True, exist_ok=True)
    (arguments.output / "nano.json").write_text(json.dumps(measured, indent=2, ensure_ascii=False) + "\n")
    text = report(measured)
    (arguments.output / "nano.md").write_text(text)
    print(text)


if __name__ == "__main__":
    main()
