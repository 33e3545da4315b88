"""The paper's ablations (Tables 5, 7, 8, 9, 10) in small: mean and spread over seeds on held-out data.

`OMP_NUM_THREADS=1 python benchmarks/study.py` after `make nano`, whose vision tower it starts from.

All settings are in `benchmarks/study.yaml`. Results are kept run by run in its output folder: a study that was stopped
goes on where it was, and several that run at once share the work. Seeds may be added; other settings need a folder of
their own.
"""

import argparse
import logging
from datetime import date
from pathlib import Path

import torch
import yaml
from ablations.runs import read_results, run_study, runs_of_seed
from ablations.stored_runs import RunError, keep_settings
from ablations.tables import Results, all_tables
from ablations.training import Settings, write_data

HERE = Path(__file__).parent


def report(settings: Settings, results: Results) -> str:
    """The tables, and how they came about."""
    missing = [
        f"{run.name} of seed {seed}"
        for seed in settings["seeds"]
        for run in runs_of_seed(settings, seed)
        if seed not in results.get(run.name, {})
    ]
    unfinished = f" Not every run is there; missing: {', '.join(missing)}." if missing else ""
    heading = [
        "# The paper's ablations in small",
        f"Measured on {date.today().isoformat()} by `OMP_NUM_THREADS=1 python benchmarks/study.py --report "
        f"benchmarks/study.md` with the settings in `benchmarks/study.yaml`: mean ± standard deviation over the seeds "
        f"{', '.join(map(str, settings['seeds']))}.{unfinished}",
    ]
    return "\n\n".join([*heading, all_tables(settings, results)]) + "\n"


def main(arguments: list[str] | None = None) -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--settings", type=Path, default=HERE / "study.yaml")
    parser.add_argument("--seeds", type=int, nargs="+", help="only these seeds, in this order")
    parser.add_argument("--report", type=Path, help="Markdown file for the tables; otherwise they are only printed")
    chosen = parser.parse_args(arguments)

    logging.basicConfig(level=logging.INFO, format="%(message)s")
    settings = yaml.safe_load(chosen.settings.read_text(encoding="utf-8"))
    lasting = {name: value for name, value in settings.items() if name not in ("output", "seeds")}
    try:
        keep_settings(Path(settings["output"]), lasting)
    except RunError as error:
        parser.error(str(error))
    torch.set_num_threads(settings["threads"])
    write_data(settings)
    run_study(settings, chosen.seeds or settings["seeds"])
    text = report(settings, read_results(settings))
    print(text)
    if chosen.report:
        chosen.report.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
