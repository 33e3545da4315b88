import fcntl
import os
import re
from dataclasses import fields
from pathlib import Path

import pytest
import study
import yaml
from ablations import tables
from ablations.runs import read_results, result_path, run_study, runs_of_seed
from ablations.stored_runs import RunError, cost, keep_settings, run_once

from emotion_qwen.train.nano import NanoArguments, build
from emotion_qwen.train.recipe import find_recipe, read_recipe
from emotion_qwen.train.warm_up import WarmUpArguments

from .conftest import BENCHMARKS


@pytest.fixture
def settings(tmp_path):
    return yaml.safe_load((BENCHMARKS / "study.yaml").read_text(encoding="utf-8")) | {"output": str(tmp_path / "out")}


def results_of(settings, seeds=(0, 1, 2)):
    """What a study could have stored: every share and cost a little higher for each seed."""
    results = {}
    for seed in seeds:
        for run in runs_of_seed(settings, seed):
            name = run.name
            results.setdefault(name, {})[seed] = {
                "backbone_parameters": 1_500_000,
                "accuracy": dict.fromkeys(settings["tests"], 0.5 + 0.1 * seed),
                "gate": dict.fromkeys(settings["tests"], 0.25),
                "cost": {"seconds": 4.0 if name.startswith("full") else 1.0, "bytes": 100},
            }
    return results


def row(text, name):
    (line,) = (line for line in text.splitlines() if line.startswith(f"| {name} |"))
    return [cell.strip() for cell in line.strip("|").split("|")][1:]


def test_the_spread_is_that_of_a_sample():
    assert tables.mean_and_spread([0.5, 0.6, 0.7]) == "60.0 ± 10.0"
    assert tables.mean_and_spread([1.0, 2.0], scale=1, digits=2) == "1.50 ± 0.71"
    assert tables.mean_and_spread([0.5]) == "50.0"
    assert tables.mean_and_spread([]) == "–"


def test_each_row_of_the_projectors_is_the_run_that_it_names(settings):
    results = results_of(settings)
    for result in results["answer-mlp"].values():
        result["accuracy"] = dict.fromkeys(settings["tests"], 0.1)
    text = tables.projectors(settings, results)
    assert row(text, "MLP") == ["10.0 ± 0.0"] * 4
    assert row(text, "HC") == row(text, "w/ FEC") == ["60.0 ± 10.0"] * 4


def test_a_table_is_over_the_seeds_that_have_all_of_its_rows(settings):
    results = results_of(settings)
    del results["answer-fusion"][2], results["adapter-clips"][0], results["warm-llama"][1]
    assert row(tables.projectors(settings, results), "HC") == ["55.0 ± 7.1"] * 4
    assert "Seeds: 0, 1." in tables.projectors(settings, results)
    assert row(tables.tuning(settings, results), "FFT") == ["65.0 ± 7.1"] * 3
    assert row(tables.backbones(settings, results), "Qwen 2.5")[1:] == ["60.0 ± 14.1"] * 4
    assert "Seeds: 0, 2." in tables.backbones(settings, results)


def test_what_face_capture_changes_is_told_seed_by_seed(settings):
    results = results_of(settings)
    for seed, share in {0: 0.4, 1: 0.4, 2: 0.4}.items():
        results["answer-no_fec"][seed] = {"accuracy": dict.fromkeys(settings["tests"], share)}
    text = tables.projectors(settings, results)
    assert "closeups 20.0 ± 10.0, distant 20.0 ± 10.0" in text


def test_the_two_experts_share_the_gate(settings):
    text = tables.gate_weights(settings, results_of(settings))
    assert row(text, "Emo")[0] == "0.250 ± 0.000"
    assert row(text, "Gen")[0] == "0.750 ± 0.000"


def test_many_adapters_answer_each_for_its_own_set_and_leave_general_answers_to_the_base(settings):
    results = results_of(settings)
    base = f"answer-{settings['tuned']}"
    for name, share in {"adapter-distant": 0.8, "adapter-clips": 0.9, base: 0.2}.items():
        results[name] = {0: results[name][0] | {"accuracy": dict.fromkeys(settings["tests"], share)}}
    text = tables.tuning(settings, results)
    assert row(text, "LoRAs") == ["80.0", "90.0", "20.0"]
    assert "distant: 80.0, clips: 90.0" in text


def test_costs_are_over_those_of_full_fine_tuning_and_those_of_many_adapters_add_up(settings):
    text = tables.tuning_cost(settings, results_of(settings))
    assert row(text, "FFT") == ["1.00 ± 0.00", "1.00 ± 0.00"]
    assert row(text, "Single LoRA") == ["0.25 ± 0.00", "1.00 ± 0.00"]
    assert row(text, "Multi-LoRAs") == ["0.50 ± 0.00", "1.00 ± 0.00"]


def test_a_report_of_an_unfinished_study_says_so(settings):
    results = results_of(settings)
    assert "Not every run" not in study.report(settings, results)
    del results["answer-llama"][2]
    del results["answer-fusion"]
    missing = [f"answer-fusion of seed {seed}" for seed in (0, 1, 2)] + ["answer-llama of seed 2"]
    text = study.report(settings, results)
    assert all(run in text for run in missing)
    assert "answer-llama of seed 1" not in text
    assert row(text, "Fusion") == ["–"] * 4


def test_every_setting_of_its_warm_up_stands_in_its_recipe(settings):
    of_a_run = {"model_name_or_path", "output_dir", "seed"}
    assert set(settings["warm_up"]) == {item.name for item in fields(WarmUpArguments)} - of_a_run


def test_every_run_has_a_result_of_its_own(settings):
    paths = [result_path(settings, run.name, seed) for seed in (0, 1) for run in runs_of_seed(settings, seed)]
    assert len(set(paths)) == len(paths)


def test_a_run_comes_after_the_one_that_it_starts_from_and_waits_for_it(settings):
    made = set()
    for run in runs_of_seed(settings, 0):
        assert run.needs is None or run.needs in made
        made.add(run.name)
    waiting = settings | {"variants": {"mlp": {"architecture": "mlp"}}}
    warm = result_path(waiting, "warm-mlp", 0).with_suffix(".lock")
    warm.parent.mkdir(parents=True)
    with warm.open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        run_study(waiting, [0])
    assert read_results(waiting) == {}


def test_a_finished_run_is_not_done_again(tmp_path):
    calls = tmp_path / "calls"

    def make():
        with calls.open("a") as file:
            file.write(f"{os.getpid()}\n")
        return {"right": 0.5}

    path = tmp_path / "results" / "run.json"
    assert run_once(path, make) == run_once(path, make) == {"right": 0.5}
    (done_by,) = calls.read_text().split()
    assert int(done_by) != os.getpid()


def test_a_run_that_another_process_is_making_is_left_to_it(tmp_path):
    with (tmp_path / "run.lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        assert run_once(tmp_path / "run.json", lambda: {"right": 1.0}) is None
    assert run_once(tmp_path / "run.json", lambda: {"right": 1.0}) == {"right": 1.0}


def test_a_run_that_fails_stores_nothing(tmp_path, capfd):
    def fail():
        raise ValueError("no tower")

    with pytest.raises(RunError, match="'run' ended without a result"):
        run_once(tmp_path / "run.json", fail)
    assert "no tower" in capfd.readouterr().err
    assert not (tmp_path / "run.json").exists()


def test_a_cost_is_what_was_done_inside(tmp_path):
    def make():
        with cost() as spent:
            held = bytearray(64 * 2**20)
            total = sum(held)
        return spent | {"total": total}

    spent = run_once(tmp_path / "run.json", make)
    assert spent["bytes"] >= 48 * 2**20
    assert spent["seconds"] > 0


def test_results_of_other_settings_are_not_taken_for_these(tmp_path):
    keep_settings(tmp_path / "out", {"steps": 150, "sizes": (1, 2)})
    keep_settings(tmp_path / "out", {"sizes": (1, 2), "steps": 150})
    with pytest.raises(RunError, match="other settings .sizes, threads.: choose another `output`"):
        keep_settings(tmp_path / "out", {"steps": 150, "sizes": (1, 3), "threads": 1})


def test_a_study_in_the_folder_of_another_is_refused_before_anything_is_rendered(settings, tmp_path, capsys):
    keep_settings(tmp_path / "out", {"warm_up": {}})
    path = tmp_path / "study.yaml"
    path.write_text(yaml.safe_dump(settings), encoding="utf-8")
    with pytest.raises(SystemExit, match="2"):
        study.main(["--settings", str(path)])
    assert "warm_up" in capsys.readouterr().err
    assert [file.name for file in (tmp_path / "out").iterdir()] == ["settings.json"]


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_tiny_study_fills_every_table_and_goes_on_where_it_was(settings, tmp_path, capsys):
    nano = read_recipe(find_recipe("nano/model"))
    nano |= {"output_dir": str(tmp_path / "tower"), "sample_answers": 40, "vocabulary_size": 400}
    shallow = {"depth": 1, "fullatt_block_indexes": [0]}
    nano["vision_config"] |= shallow
    build(NanoArguments(**nano))
    settings |= {"seeds": [0], "tower": str(tmp_path / "tower"), "test_batch_size": 2}
    settings["model"]["vision_config"] = shallow
    for plan in settings["data"].values():
        shown = {
            "identities": 1,
            "held_out_identities": 1,
            "stills_per_label": min(1, plan.get("stills_per_label", 1)),
        }
        plan |= shown if plan["identities"] else {"shapes": 20}
    settings["data"]["clips"] |= {"clips_per_identity": 1, "clip_frames": [4, 4]}
    settings["data"]["shapes"] |= {"words": 10}
    for test in settings["tests"].values():
        test |= {"most": 2, "tokens": 2}
    settings["warm_up"] |= {"steps": 2, "batch_size": 4, "warmup_steps": 1, "evaluate_every": 2, "drawings_every": 2}
    settings["phase"] |= {"per_device_train_batch_size": 2}
    for source in [*settings["answer"]["data"], *settings["tuning"]["sets"].values()]:
        source["samples"] = 2
    path, written = tmp_path / "study.yaml", tmp_path / "study.md"
    path.write_text(yaml.safe_dump(settings), encoding="utf-8")
    for _ in range(2):
        study.main(["--settings", str(path), "--report", str(written)])
    stored = sorted(Path(settings["output"], "results").glob("*.json"))
    assert len(stored) == len(read_results(settings)) == len(runs_of_seed(settings, 0))
    text = written.read_text(encoding="utf-8")
    assert text.count("## ") == 6
    assert "–" not in text
    assert re.search(r"\| FFT \| 1\.00 \| 1\.00 \|", text)
    assert text in capsys.readouterr().out
