"""How far the Nano's own answers about a data set's held-out media are right, and how its gate weighs what it sees."""

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from statistics import fmean as mean
from typing import Any

import numpy as np
import torch
from asking import answers, batches, emotion_weights, prompts, some

from emotion_qwen.inference import EmotionAnalyzer
from emotion_qwen.inference.adapter_choice import choose_adapter
from emotion_qwen.inference.prompts import EMOTION_LABELS, LANGUAGES, label_name, label_question, reasoning_question
from emotion_qwen.train.synthetic.records import Record, read_records
from emotion_qwen.train.synthetic.scoring import accuracy_by_group, is_same_answer, score_reasoning
from emotion_qwen.train.synthetic.sentences import record_turns

Scores = dict[str, Any]
NO_LABEL = "(no label)"
_LABEL_TOKENS, _SENTENCE_TOKENS = 8, 96
"""Most tokens of an answer in one word, and of any other."""
_SCRIPTS = ("[A-Za-z]", "[\u4e00-\u9fff]")
"""Letters of each language's script, as patterns."""


def score_labels(analyzer: EmotionAnalyzer, folder: Path, language: str, size: int) -> Scores:
    """Accuracy, also by group, and confusion matrix on a folder's people; an answer that is no label is wrong.

    Args:
        analyzer: Holds the model.
        folder: A data set with people who are held out.
        language: "en" or "zh".
        size: Items a batch.
    """
    records = single_people(folder)
    labels = {label_name(label, language): label for label in EMOTION_LABELS}
    given = _answers(analyzer, records, [label_question(language)] * len(records), size, _LABEL_TOKENS)
    said = [labels.get(answer.strip(), NO_LABEL) for answer in given]
    pairs = Counter(zip((record["label"] for record in records), said, strict=True))
    right = [record["label"] == answer for record, answer in zip(records, said, strict=True)]
    return {
        "data": folder.name,
        "language": language,
        "people": len({record["identity"] for record in records}),
        "items": len(records),
        "accuracy": sum(right) / len(records),
        "confusion": {t: {a: pairs[t, a] for a in (*EMOTION_LABELS, NO_LABEL)} for t in EMOTION_LABELS},
        "groups": accuracy_by_group(records, right),
    }


def score_reasons(analyzer: EmotionAnalyzer, folder: Path, language: str, size: int, most: int) -> Scores:
    """Shares of reasoning answers with the right emotion, and with enough true action units besides.

    Args:
        analyzer: Holds the model.
        folder: A data set with people who are held out.
        language: "en" or "zh".
        size: Items a batch.
        most: Items that are asked about at most.
    """
    records = some(single_people(folder), most)
    given = _answers(analyzer, records, [reasoning_question(language)] * len(records), size, _SENTENCE_TOKENS)
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


def score_general(analyzer: EmotionAnalyzer, folder: Path, language: str, size: int, most: int) -> list[Scores]:
    """Shares of general answers that are exactly right, and that leave their language; see `score_reasons`.

    One measurement for each subject and kind of media.
    """
    scores = []
    for (about, kind), records in _by_subject(folder, most).items():
        rng = np.random.default_rng(0)
        turns = [record_turns(record, rng, language, general_share=1.0) for record in records]
        given = list(_answers(analyzer, records, [question for question, _ in turns], size, _SENTENCE_TOKENS))
        truths = [truth for _, truth in turns]
        shown = {"data": folder.name, "about": about, "kind": kind, "language": language, "items": len(records)}
        right = mean(map(is_same_answer, given, truths))
        scores.append({**shown, "right": right, "other_language": mean(map(leaves_language, given, truths))})
    return scores


def score_adapters(analyzer: EmotionAnalyzer, folder: Path, size: int, most: int) -> list[Scores]:
    """Accuracy and reasons with the adapter that is chosen for a folder's people, if the checkpoint carries one.

    Args:
        analyzer: Holds a model of its own: its adapters are loaded into it.
        folder: A data set with people who are held out.
        size: Items a batch.
        most: Items that are asked for reasons at most.
    """
    kinds = {record["kind"] for record in single_people(folder)}
    if not kinds:
        return []
    media = kinds.pop() if len(kinds) == 1 else None
    chosen = choose_adapter(label_question(LANGUAGES[0]), analyzer.adapters.purposes, media)
    if chosen is None:
        return []
    kept, scores = ("data", "language", "people", "items", "accuracy"), []
    with analyzer.adapters.using(chosen):
        for language in LANGUAGES:
            labels = score_labels(analyzer, folder, language, size)
            reasons = score_reasons(analyzer, folder, language, size, most)
            asked = {"asked_for_reasons": reasons["items"], "right_reasons": reasons["right"]}
            scores.append({"adapter": chosen} | {key: labels[key] for key in kept} | asked)
    return scores


def read_gate(analyzer: EmotionAnalyzer, folder: Path, size: int, most: int) -> list[Scores]:
    """Mean weight of the emotion expert for each subject and kind of media; nothing for a model without a gate.

    Args:
        analyzer: Holds the model.
        folder: A data set.
        size: Items a batch.
        most: Items that are looked at, at most.
    """
    means = []
    for (about, kind), records in _by_subject(folder, most).items():
        weights = []
        for items in batches(len(records), size):
            batch = records[items]
            inputs = prompts(analyzer.processor, batch, [label_question()] * len(batch))
            weights.append(emotion_weights(analyzer.model, inputs, kind))
        if weights[0] is None:
            return []
        emotion = torch.cat(weights).mean().item()
        means.append({"data": folder.name, "about": about, "kind": kind, "items": len(records), "emotion": emotion})
    return means


def leaves_language(answer: str, truth: str) -> bool:
    """Whether an answer has letters of a script that the true one does without.

    Args:
        answer: What was generated.
        truth: The true answer, in the language of the question.
    """
    return any(re.search(script, answer) and not re.search(script, truth) for script in _SCRIPTS)


def single_people(folder: Path) -> list[Record]:
    """Held-out records of one person each: of several, it is not clear whose emotion is asked for."""
    return [r for r in _held_out(folder) if r["task"] == "emotion" and len(r.get("people", [None])) == 1]


def _held_out(folder: Path) -> list[Record]:
    """The held-out records of a folder, with whole paths of their media."""
    records = [record for record in read_records(folder) if record["split"] == "held_out"]
    return [record | {"media": str(folder / record["media"])} for record in records]


def _by_subject(folder: Path, most: int) -> dict[tuple[str, str], list[Record]]:
    """At most so many held-out records of each subject and kind of media."""
    parts: dict[tuple[str, str], list[Record]] = {}
    for record in _held_out(folder):
        about = "people" if record["task"] == "emotion" else record["task"]
        parts.setdefault((about, record["kind"]), []).append(record)
    return {part: some(records, most) for part, records in parts.items()}


def _answers(
    analyzer: EmotionAnalyzer, records: list[Record], questions: list[str], size: int, tokens: int
) -> Iterator[str]:
    """The model's own answers, generated in batches of `size`."""
    for items in batches(len(records), size):
        inputs = prompts(analyzer.processor, records[items], questions[items])
        yield from answers(analyzer.model, analyzer.processor, inputs, tokens)
