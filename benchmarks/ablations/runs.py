"""The runs behind the tables: which there are, what each does, and where its result is kept."""

import json
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from peft import PeftModel

from emotion_qwen import EmotionQwenForConditionalGeneration
from emotion_qwen.processing import EmotionQwenProcessor

from .held_out import emotion_weight, read_test, share_right
from .stored_runs import Result, run_once
from .training import Settings, train, warm

ALL_SETS = "all"


@dataclass(frozen=True)
class Run:
    """One run of a seed.

    Attributes:
        name: Of its result, beside the seed.
        needs: Name of the run whose model it starts from, if any.
        make: Makes its result.
    """

    name: str
    needs: str | None
    make: Callable[[], Result]


def run_study(settings: Settings, seeds: list[int]) -> None:
    """Makes every result that is missing, seed after seed; what another process is making is left to it."""
    while any(_made(settings, run, seed) for seed in seeds for run in runs_of_seed(settings, seed)):
        pass  # the next is the first that can be made by now


def read_results(settings: Settings) -> dict[str, dict[int, Result]]:
    """Every stored result, by the run's name and its seed."""
    results: dict[str, dict[int, Result]] = {}
    for seed in settings["seeds"]:
        for run in runs_of_seed(settings, seed):
            path = result_path(settings, run.name, seed)
            if path.exists():
                results.setdefault(run.name, {})[seed] = json.loads(path.read_text(encoding="utf-8"))
    return results


def runs_of_seed(settings: Settings, seed: int) -> list[Run]:
    """The runs of a seed, each after the one that it starts from."""
    runs: dict[str, Run] = {}

    def add(name: str, needs: str | None, make: Callable[..., Result], *arguments: str) -> None:
        runs[name] = Run(name, needs, partial(make, settings, *arguments, seed))

    for variant, changes in settings["variants"].items():
        architecture, answer = changes["architecture"], f"answer-{variant}"
        add(f"warm-{architecture}", None, _warm, architecture)
        add(answer, f"warm-{architecture}", _answer, variant)
        if variant == settings["tuned"]:
            for method in ("full", "adapter"):
                add(f"{method}-{ALL_SETS}", answer, _tune, method, ALL_SETS)
            for name in settings["tuning"]["sets"]:
                add(f"adapter-{name}", answer, _tune, "adapter", name)
    return list(runs.values())


def result_path(settings: Settings, name: str, seed: int) -> Path:
    """Where the result of a run is kept."""
    return Path(settings["output"]) / "results" / f"{name}-{seed}.json"


def _made(settings: Settings, run: Run, seed: int) -> bool:
    """Makes a result if it is missing and can be made; says whether it did."""
    path = result_path(settings, run.name, seed)
    if path.exists() or (run.needs and not result_path(settings, run.needs, seed).exists()):
        return False
    return run_once(path, run.make) is not None


def _model_folder(settings: Settings, name: str, seed: int) -> Path:
    return Path(settings["output"]) / "models" / f"{name}-{seed}"


def _warm(settings: Settings, architecture: str, seed: int) -> Result:
    return warm(settings, architecture, seed, _model_folder(settings, f"warm-{architecture}", seed))


def _answer(settings: Settings, variant: str, seed: int) -> Result:
    """Teaches a warmed model to answer, and asks it."""
    changes = dict(settings["variants"][variant])
    start = _model_folder(settings, f"warm-{changes.pop('architecture')}", seed)
    recipe = settings["answer"] | changes
    folder = _model_folder(settings, f"answer-{variant}", seed)
    spent = train(settings, recipe, start, seed, folder)
    captures_faces = recipe.get("facial_emotion_capture", True)
    return {"cost": spent} | _ask(settings, folder, list(settings["tests"]), captures_faces)


def _tune(settings: Settings, method: str, sets: str, seed: int) -> Result:
    """Tunes the model of Table 8 on one set or on all of them, and asks about these and general questions."""
    tuning, base = settings["tuning"], _model_folder(settings, f"answer-{settings['tuned']}", seed)
    names = list(tuning["sets"]) if sets == ALL_SETS else [sets]
    recipe = {**tuning["shared"], **tuning[method], "data": [tuning["sets"][name] for name in names]}
    folder = _model_folder(settings, f"{method}-{sets}", seed)
    spent = train(settings, recipe, base, seed, folder)
    tests = [*(tuning["sets"][name]["set"] for name in names), *settings["general_tests"]]
    adapter = folder if method == "adapter" else None
    asked = _ask(settings, base if adapter else folder, tests, True, adapter)
    shutil.rmtree(folder)
    return {"cost": spent} | asked


def _ask(
    settings: Settings, folder: Path, tests: list[str], captures_faces: bool, adapter: Path | None = None
) -> Mapping[str, Any]:
    """Accuracy on tests, and the gate's weights."""
    model = EmotionQwenForConditionalGeneration.from_pretrained(folder).eval()
    processor = EmotionQwenProcessor.from_pretrained(folder)
    asked = PeftModel.from_pretrained(model, adapter).eval() if adapter else model
    accuracy, gate = {}, {}
    for name in tests:
        test = read_test(settings, name, processor)
        given = (processor, test, settings["test_batch_size"], captures_faces)
        accuracy[name] = share_right(asked, *given)
        gate[name] = emotion_weight(model, *given, settings["gate_items"])
    return {"accuracy": accuracy, "gate": gate}
