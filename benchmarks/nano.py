"""Measures Emotion-Qwen-Nano on rendered people that it never saw, by what it generates itself.

`python benchmarks/nano.py outputs/nano/data/closeups outputs/nano/data/portraits outputs/nano/data/clips`

Each folder is a data set as `emotion_qwen.train.synthetic.data_set` writes it; its held-out people are asked about,
with Facial Emotion Capture on. The figures go to `benchmarks/nano.json` and, for people, to `benchmarks/nano.md`; they
also go into the checkpoint's folder, whose exported card is filled in from them.
"""

import argparse
import json
import time
from collections import Counter
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import torch

from emotion_qwen.inference import EmotionAnalyzer
from emotion_qwen.inference.prompts import EMOTION_LABELS, LANGUAGES, label_name, label_question
from emotion_qwen.measurements import write_measurements
from emotion_qwen.train.synthetic.data_set import read_records
from emotion_qwen.train.synthetic.sentences import chat

HERE = Path(__file__).parent
NO_LABEL = "(no label)"


def answers(analyzer: EmotionAnalyzer, folder: Path, records: list[dict], language: str, size: int) -> Iterator[str]:
    """The model's own answers to the label question, generated greedily in batches of `size`."""
    processor, model = analyzer.processor, analyzer.model
    for start in range(0, len(records), size):
        batch = [record | {"media": str(folder / record["media"])} for record in records[start : start + size]]
        inputs = processor.apply_chat_template(
            [chat(record, label_question(language), "")[:1] for record in batch],
            add_generation_prompt=True,
            tokenize=True,
            return_dict=True,
            return_tensors="pt",
            processor_kwargs={"padding": True, "padding_side": "left"},
        )
        with torch.inference_mode():
            generated = model.generate(**inputs, max_new_tokens=8, do_sample=False)
        yield from processor.batch_decode(generated[:, inputs["input_ids"].shape[1] :], skip_special_tokens=True)


def score(analyzer: EmotionAnalyzer, folder: Path, language: str, size: int) -> dict[str, Any]:
    """Accuracy and confusion matrix on the held-out people of a folder; an answer that is no label counts as wrong."""
    records = [r for r in read_records(folder) if r["task"] == "emotion" and r["split"] == "held_out"]
    labels = {label_name(label, language): label for label in EMOTION_LABELS}
    said = [labels.get(answer.strip(), NO_LABEL) for answer in answers(analyzer, folder, records, language, size)]
    pairs = Counter(zip((record["label"] for record in records), said, strict=True))
    right = sum(count for (truth, answer), count in pairs.items() if truth == answer)
    return {
        "data": folder.name,
        "language": language,
        "people": len({record["identity"] for record in records}),
        "items": len(records),
        "accuracy": right / len(records),
        "confusion": {t: {a: pairs[t, a] for a in (*EMOTION_LABELS, NO_LABEL)} for t in EMOTION_LABELS},
    }


def table(result: dict[str, Any]) -> str:
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


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description="Measure the Nano on held-out people.")
    parser.add_argument("data", type=Path, nargs="+", help="data set folders")
    parser.add_argument("--model", default=None, help="a checkpoint of `make nano`; the shipped one if left out")
    parser.add_argument("--training", type=Path, help="JSON with the `minutes` and CPU `cores` of its training")
    parser.add_argument("--batch-size", type=int, default=16)
    parser.add_argument("--output", type=Path, default=HERE, help="folder of nano.json and nano.md")
    arguments = parser.parse_args()

    analyzer = EmotionAnalyzer.from_pretrained(arguments.model)
    start = time.perf_counter()
    results = []
    for folder in arguments.data:
        for language in LANGUAGES:
            results.append(score(analyzer, folder, language, arguments.batch_size))
            print(table(results[-1]), end="\n\n", flush=True)
    portrait = analyzer.analyze(HERE.parent / "examples/astronaut.png")
    print(f"portrait: {portrait.label}, {portrait.probabilities}, {portrait.text}")

    measured = {
        "date": date.today().isoformat(),
        "command": "python benchmarks/nano.py " + " ".join(f"outputs/nano/data/{p.name}" for p in arguments.data),
        "seconds": round(time.perf_counter() - start),
        "results": results,
        "portrait": {"label": portrait.label, "probabilities": portrait.probabilities, "text": portrait.text},
    }
    if arguments.training:
        measured["training"] = json.loads(arguments.training.read_text())
    write_measurements(analyzer.model.name_or_path, analyzer.model, measured)
    arguments.output.mkdir(parents=True, exist_ok=True)
    (arguments.output / "nano.json").write_text(json.dumps(measured, indent=2, ensure_ascii=False) + "\n")
    heading = [
        "# Emotion-Qwen-Nano on rendered people it never saw",
        f"Measured on {measured['date']}, from its own generated one-word answers, Facial Emotion Capture on.",
        f"Command: `{measured['command']}`",
        f"NASA portrait (`examples/astronaut.png`): **{portrait.label}** "
        f"(probability {portrait.probabilities[portrait.label]:.2f}). “{portrait.text}”",
    ]
    (arguments.output / "nano.md").write_text("\n\n".join([*heading, *map(table, results)]) + "\n")


if __name__ == "__main__":
    main()
