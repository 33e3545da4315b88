"""Measures Emotion-Qwen-Nano on rendered people and drawings that it never saw, by what it generates itself.

`python benchmarks/nano.py outputs/nano/data/closeups outputs/nano/data/portraits outputs/nano/data/clips`

Each folder is a data set as `emotion_qwen.train.synthetic` writes it. Its held-out people are asked about, with Facial
Emotion Capture on: their emotion in one word (also by skin, sex and age), the reasons, and general facts; its held-out
drawings are asked about too, and the gate is read on both. The figures go to `benchmarks/nano.json` and, for people,
to `benchmarks/nano.md`; they also go into the checkpoint's folder, whose exported card is filled in from them.
"""

import argparse
import json
import time
from collections import Counter
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from statistics import fmean as mean
from typing import Any

import numpy as np
import torch

from emotion_qwen import mean_gate_weights
from emotion_qwen.inference import EmotionAnalyzer
from emotion_qwen.inference.prompts import EMOTION_LABELS, LANGUAGES, label_name, label_question, reasoning_question
from emotion_qwen.measurements import write_measurements
from emotion_qwen.train.synthetic.records import read_records
from emotion_qwen.train.synthetic.scoring import accuracy_by_group, is_same_answer, score_reasoning
from emotion_qwen.train.synthetic.sentences import chat, record_turns

HERE = Path(__file__).parent
NO_LABEL = "(no label)"


def answers(
    analyzer: EmotionAnalyzer, folder: Path, records: list[dict], questions: list[str], size: int, tokens: int
) -> Iterator[str]:
    """The model's own answers, of at most so many tokens, generated greedily in batches of `size`."""
    processor, model = analyzer.processor, analyzer.model
    for start in range(0, len(records), size):
        inputs = prepared(analyzer, folder, records[start : start + size], questions[start : start + size])
        with torch.inference_mode():
            generated = model.generate(**inputs, max_new_tokens=tokens, do_sample=False)
        yield from processor.batch_decode(generated[:, inputs["input_ids"].shape[1] :], skip_special_tokens=True)


def prepared(analyzer: EmotionAnalyzer, folder: Path, records: list[dict], questions: list[str]) -> dict[str, Any]:
    """A batch of questions about records of one kind, as the model takes it."""
    located = [record | {"media": str(folder / record["media"])} for record in records]
    return analyzer.processor.apply_chat_template(
        [chat(record, (question, ""))[:1] for record, question in zip(located, questions, strict=True)],
        add_generation_prompt=True,
        tokenize=True,
        return_dict=True,
        return_tensors="pt",
        processor_kwargs={"padding": True, "padding_side": "left"},
    )


def score(analyzer: EmotionAnalyzer, folder: Path, language: str, size: int) -> dict[str, Any]:
    """Accuracy, also by group, and confusion matrix on a folder's people; an answer that is no label is wrong."""
    records = single_people(folder)
    labels = {label_name(label, language): label for label in EMOTION_LABELS}
    questions = [label_question(language)] * len(records)
    given = answers(analyzer, folder, records, questions, size, tokens=8)
    said = [labels.get(answer.strip(), NO_LABEL) for answer in given]
    pairs = Counter(zip((record["label"] for record in records), said, strict=True))
    right = sum(count for (truth, answer), count in pairs.items() if truth == answer)
    return {
        "data": folder.name,
        "language": language,
        "people": len({record["identity"] for record in records}),
        "items": len(records),
        "accuracy": right / len(records),
        "confusion": {t: {a: pairs[t, a] for a in (*EMOTION_LABELS, NO_LABEL)} for t in EMOTION_LABELS},
        "groups": accuracy_by_group(records, [r["label"] == answer for r, answer in zip(records, said, strict=True)]),
    }


def held_out(folder: Path) -> list[dict]:
    """The held-out records of a folder."""
    return [record for record in read_records(folder) if record["split"] == "held_out"]


def single_people(folder: Path) -> list[dict]:
    """Held-out records of one person each: of several, it is not clear whose emotion is asked for."""
    return [r for r in held_out(folder) if r["task"] == "emotion" and len(r.get("people", [None])) == 1]


def some(records: list[dict], most: int) -> list[dict]:
    """At most so many of the records, always the same ones."""
    chosen = np.random.default_rng(0).permutation(len(records))[:most]
    return [records[number] for number in sorted(chosen.tolist())]


def score_reasons(analyzer: EmotionAnalyzer, folder: Path, language: str, size: int, most: int) -> dict[str, Any]:
    """Shares of reasoning answers with the right emotion, and with enough true action units besides."""
    records = some(single_people(folder), most)
    given = answers(analyzer, folder, records, [reasoning_question(language)] * len(records), size, tokens=96)
    scores = [score_reasoning(answer, r, language) for answer, r in zip(given, records, strict=True)]
    return {
        "data": folder.name,
        "language": language,
        "items": len(scores),
        "right": mean(score.is_right for score in scores),
        "right_emotion": mean(s.label == r["label"] for s, r in zip(scores, records, strict=True)),
        "true_units": mean(len(score.true_units) for score in scores),
        "false_units": mean(len(score.false_units) for score in scores),
    }


def score_adapters(model: str | None, folder: Path, size: int) -> list[dict[str, Any]]:
    """Accuracy with the adapter that was trained on a folder's data, if the checkpoint carries one of its name."""
    analyzer = EmotionAnalyzer.from_pretrained(model)
    if folder.name not in analyzer.adapters.names:
        return []
    with analyzer.adapters.using(folder.name):
        tuned = [score(analyzer, folder, language, size) for language in LANGUAGES]
    return [{key: result[key] for key in ("data", "language", "people", "items", "accuracy")} for result in tuned]


def score_general(
    analyzer: EmotionAnalyzer, folder: Path, language: str, size: int, most: int
) -> list[dict[str, Any]]:
    """Share of general answers that are exactly right, for each task and kind of media of a folder."""
    scores = []
    for (task, kind), records in by_task(folder).items():
        records = some(records, most)
        rng = np.random.default_rng(0)
        turns = [record_turns(record, rng, language, general_share=1.0) for record in records]
        given = answers(analyzer, folder, records, [question for question, _ in turns], size, tokens=96)
        right = mean(is_same_answer(answer, truth) for answer, (_, truth) in zip(given, turns, strict=True))
        about = "people" if task == "emotion" else task
        scores.append(
            {
                "data": folder.name,
                "about": about,
                "kind": kind,
                "language": language,
                "items": len(records),
                "right": right,
            }
        )
    return scores


def read_gate(analyzer: EmotionAnalyzer, folder: Path, size: int, most: int) -> list[dict[str, Any]]:
    """Mean weight of the emotion expert for each task and kind of media of a folder; nothing without a gate."""
    means = []
    for (task, kind), records in by_task(folder).items():
        weights: list[torch.Tensor] = []
        records = some(records, most)
        for start in range(0, len(records), size):
            batch = records[start : start + size]
            inputs = prepared(analyzer, folder, batch, [label_question()] * len(batch))
            weights.extend(gate_weights(analyzer.model, inputs, kind))
        if not weights:
            return []
        emotion = mean_gate_weights(tuple(weights))[:, 0].mean().item()
        about = "people" if task == "emotion" else task
        means.append({"data": folder.name, "about": about, "kind": kind, "items": len(records), "emotion": emotion})
    return means


def gate_weights(model: Any, inputs: dict[str, Any], kind: str) -> tuple[torch.Tensor, ...]:
    """The gate's weights (tokens, 2) of each item of a batch; none for a compressor without a gate."""
    with torch.inference_mode():
        if kind == "image":
            pixels, grid, encode = inputs["pixel_values"], inputs["image_grid_thw"], model.get_image_features
        else:
            pixels, grid, encode = inputs["pixel_values_videos"], inputs["video_grid_thw"], model.get_video_features
        seen = encode(pixels, grid, output_gate_weights=True, return_dict=True)
    return getattr(seen, "gate_weights", None) or ()


def by_task(folder: Path) -> dict[tuple[str, str], list[dict]]:
    """Held-out records of a folder by their task and kind of media."""
    parts: dict[tuple[str, str], list[dict]] = {}
    for record in held_out(folder):
        parts.setdefault((record["task"], record["kind"]), []).append(record)
    return parts


def rows(heading: str, measured: list[dict[str, Any]]) -> str:
    """Measurements with the same keys as Markdown, shares as they are."""
    if not measured:
        return f"## {heading}\n\nNothing to measure in these folders."
    shown = [[f"{value:.3f}" if isinstance(value, float) else str(value) for value in m.values()] for m in measured]
    lines = ["| " + " | ".join(measured[0]) + " |", "|---" * len(measured[0]) + "|"]
    return "\n".join([f"## {heading}", "", *lines, *("| " + " | ".join(row) + " |" for row in shown)])


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
    parser.add_argument("--most", type=int, default=300, help="items of a folder for reasons, general facts and gate")
    parser.add_argument("--output", type=Path, default=HERE, help="folder of nano.json and nano.md")
    arguments = parser.parse_args()

    analyzer = EmotionAnalyzer.from_pretrained(arguments.model)
    start = time.perf_counter()
    results, reasons, general, gate, tuned = [], [], [], [], []
    size, most = arguments.batch_size, arguments.most
    for folder in arguments.data:
        for language in LANGUAGES:
            if single_people(folder):
                results.append(score(analyzer, folder, language, size))
                reasons.append(score_reasons(analyzer, folder, language, size, most))
                print(table(results[-1]), reasons[-1], sep="\n\n", end="\n\n", flush=True)
            general.extend(score_general(analyzer, folder, language, size, most))
        gate.extend(read_gate(analyzer, folder, size, most))
        tuned.extend(score_adapters(arguments.model, folder, size))
    more = [
        rows("Reasons", reasons),
        rows("General answers", general),
        rows("Gate", gate),
        rows("With the adapter for the data", tuned),
    ]
    print(*more, sep="\n\n")
    portrait = analyzer.analyze(HERE.parent / "examples/astronaut.png")
    print(f"portrait: {portrait.label}, {portrait.probabilities}, {portrait.text}")

    measured = {
        "date": date.today().isoformat(),
        "command": f"python benchmarks/nano.py --most {most} "
        + " ".join(f"outputs/nano/data/{folder.name}" for folder in arguments.data),
        "seconds": round(time.perf_counter() - start),
        "results": results,
        "reasoning": reasons,
        "general": general,
        "gate": gate,
        "adapters": tuned,
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
    (arguments.output / "nano.md").write_text("\n\n".join([*heading, *more, *map(table, results)]) + "\n")


if __name__ == "__main__":
    main()
