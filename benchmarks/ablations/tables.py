"""Results of several seeds as the paper's tables: mean ± spread, and what each table asks."""

import statistics
from collections.abc import Callable, Mapping, Sequence

from .runs import ALL_SETS
from .stored_runs import Result
from .training import Settings

Results = Mapping[str, Mapping[int, Result]]
Reading = Callable[[Result], float | None]
MISSING = "–"


def mean_and_spread(values: Sequence[float], scale: float = 100.0, digits: int = 1) -> str:
    """Writes the mean of seeds with their standard deviation, of a sample; one value has none.

    Args:
        values: One a seed.
        scale: What they are multiplied by; 100 for shares in percent.
        digits: After the point.
    """
    if not values:
        return MISSING
    shown = f"{scale * statistics.fmean(values):.{digits}f}"
    if len(values) == 1:
        return shown
    return f"{shown} ± {scale * statistics.stdev(values):.{digits}f}"


def table(heading: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table in Markdown."""
    lines = [heading, ["---"] * len(heading), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def all_tables(settings: Settings, results: Results) -> str:
    """Tables 5, 7, 8, 9 and 10 in Markdown."""
    parts = {
        "Table 5: Facial Emotion Capture and projectors, share of right answers in %": projectors(settings, results),
        "Table 7: mean gate weights": gate_weights(settings, results),
        "Table 8: ways of emotional tuning, share of right answers in %": tuning(settings, results),
        "Table 9: cost of emotional tuning, full fine-tuning being 1": tuning_cost(settings, results),
        "Cost of the answer phase, without Facial Emotion Capture being 1": capture_cost(results),
        "Table 10: text backbones of the same size, share of right answers in %": backbones(settings, results),
    }
    return "\n\n".join(f"## {heading}\n\n{part}" for heading, part in parts.items())


def projectors(settings: Settings, results: Results) -> str:
    """Table 5, and below it what Facial Emotion Capture changes in models that start from the same warmed one."""
    names = {
        "w/o FEC": "no_fec",
        "w/ FEC": "hybrid",
        "MLP": "mlp",
        "Fusion": "fusion",
        "HC": "hybrid",
    }
    tests = [*settings["emotion_tests"], *settings["general_tests"]]
    results = _of_shared_seeds(results, [f"answer-{name}" for name in names.values()])
    rows = [[shown, *_accuracies(results, f"answer-{name}", tests)] for shown, name in names.items()]
    changes = ", ".join(f"{test} {_change(results, test)}" for test in tests)
    below = f"With FEC less without, of the same seed: {changes}. {_seeds(results)}"
    return f"{table(['Method', *tests], rows)}\n\n{below}"


def gate_weights(settings: Settings, results: Results) -> str:
    """Table 7."""
    tests = [*settings["general_tests"], *settings["emotion_tests"]]
    gates = {test: _values(results, "answer-hybrid", lambda result, t=test: result["gate"][t]) for test in tests}
    rows = [
        ["Emo", *(mean_and_spread(gates[test], 1, 3) for test in tests)],
        ["Gen", *(mean_and_spread([1 - weight for weight in gates[test]], 1, 3) for test in tests)],
    ]
    return table(["Expert", *tests], rows)


def tuning(settings: Settings, results: Results) -> str:
    """Table 8. Of many adapters, each answers for its own set, and none for general questions."""
    sets = {name: source["set"] for name, source in settings["tuning"]["sets"].items()}
    tests, general = list(sets.values()), settings["general_tests"]
    base = f"answer-{settings['tuned']}"
    adapters = [f"adapter-{name}" for name in sets]
    results = _of_shared_seeds(results, [base, f"full-{ALL_SETS}", f"adapter-{ALL_SETS}", *adapters])
    own = [cell for name, test in sets.items() for cell in _accuracies(results, f"adapter-{name}", [test])]
    on_general = [cell for name in sets for cell in _accuracies(results, f"adapter-{name}", general)]
    rows = [
        ["before", *_accuracies(results, base, [*tests, *general])],
        ["FFT", *_accuracies(results, f"full-{ALL_SETS}", [*tests, *general])],
        ["LoRA", *_accuracies(results, f"adapter-{ALL_SETS}", [*tests, *general])],
        ["LoRAs", *own, *_accuracies(results, base, general)],
    ]
    left_on = ", ".join(f"{name}: {cell}" for name, cell in zip(sets, on_general, strict=True))
    below = f"General questions with an adapter left on: {left_on}. {_seeds(results)}"
    return f"{table(['Strategy', *tests, *general], rows)}\n\n{below}"


def tuning_cost(settings: Settings, results: Results) -> str:
    """Table 9. Many adapters take the time of all their runs, and the memory of the largest."""
    full = results.get(f"full-{ALL_SETS}", {})
    single = results.get(f"adapter-{ALL_SETS}", {})
    own = [results.get(f"adapter-{name}", {}) for name in settings["tuning"]["sets"]]
    costs = {
        "FFT": {seed: _cost([run]) for seed, run in full.items()},
        "Single LoRA": {seed: _cost([run]) for seed, run in single.items()},
        "Multi-LoRAs": {seed: _cost([runs[seed] for runs in own]) for seed in full if all(seed in r for r in own)},
    }
    return _ratios(costs, "FFT")


def capture_cost(results: Results) -> str:
    """What Facial Emotion Capture adds to a training phase."""
    costs = {
        shown: {seed: _cost([run]) for seed, run in results.get(f"answer-{name}", {}).items()}
        for shown, name in {"w/o FEC": "no_fec", "w/ FEC": "hybrid"}.items()
    }
    return _ratios(costs, "w/o FEC")


def backbones(settings: Settings, results: Results) -> str:
    """Table 10."""
    tests = [*settings["general_tests"], *settings["emotion_tests"]]
    names = {"LLaMA 3": "llama", "Qwen 2.5": "hybrid"}
    warmed_names = [f"warm-{settings['variants'][variant]['architecture']}" for variant in names.values()]
    results = _of_shared_seeds(results, [*warmed_names, *(f"answer-{variant}" for variant in names.values())])
    rows = []
    for (shown, variant), warmed_name in zip(names.items(), warmed_names, strict=True):
        sizes = {run["backbone_parameters"] for run in results.get(warmed_name, {}).values()}
        size = f"{sizes.pop() / 1e6:.2f} M" if sizes else MISSING
        rows.append([shown, size, *_accuracies(results, f"answer-{variant}", tests)])
    return f"{table(['LLM', 'Size', *tests], rows)}\n\n{_seeds(results)}"


def _of_shared_seeds(results: Results, names: Sequence[str]) -> Results:
    """The named runs of the seeds that have all of them: rows of other seeds would be compared by luck."""
    shared = set.intersection(*(set(results.get(name, {})) for name in names))
    return {name: {seed: results[name][seed] for seed in sorted(shared)} for name in names if shared}


def _seeds(results: Results) -> str:
    """Says which seeds a table is over."""
    seeds = sorted({seed for runs in results.values() for seed in runs})
    return f"Seeds: {', '.join(map(str, seeds)) or 'none yet'}."


def _values(results: Results, name: str, read: Reading) -> list[float]:
    values = [read(result) for result in results.get(name, {}).values()]
    return [value for value in values if value is not None]


def _accuracies(results: Results, name: str, tests: Sequence[str]) -> list[str]:
    return [mean_and_spread(_values(results, name, lambda result, t=t: result["accuracy"][t])) for t in tests]


def _change(results: Results, test: str) -> str:
    """Points by which a test's share is higher with Facial Emotion Capture than without."""
    own, other = results.get("answer-hybrid", {}), results.get("answer-no_fec", {})
    shared = sorted(own.keys() & other.keys())
    return mean_and_spread([own[seed]["accuracy"][test] - other[seed]["accuracy"][test] for seed in shared])


def _cost(runs: Sequence[Result]) -> tuple[float, float]:
    return sum(run["cost"]["seconds"] for run in runs), max(run["cost"]["bytes"] for run in runs)


def _ratios(costs: Mapping[str, Mapping[int, tuple[float, float]]], reference: str) -> str:
    """Time and memory of each row over the reference's of the same seed."""
    rows = []
    for name, of_seeds in costs.items():
        shared = sorted(of_seeds.keys() & costs[reference].keys())
        pairs = [(of_seeds[seed], costs[reference][seed]) for seed in shared]
        cells = [mean_and_spread([own[i] / other[i] for own, other in pairs], 1, 2) for i in (0, 1)]
        rows.append([name, *cells])
    return table(["", "Time ↓", "Memory ↓"], rows)
