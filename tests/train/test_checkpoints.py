import json

import pytest

from emotion_qwen.train.checkpoints import (
    complete_checkpoints,
    finish,
    holds_model,
    remove_checkpoints,
    remove_unfinished,
    require_free,
    unfinished_folder,
)
from emotion_qwen.train.run_settings import save_settings


def write_checkpoint(folder, step, processes=1):
    checkpoint = folder / f"checkpoint-{step}"
    save_settings(checkpoint, {"processes": processes})
    (checkpoint / "model.safetensors").write_bytes(b"weights")
    for name in ["rng_state.pth"] if processes == 1 else [f"rng_state_{rank}.pth" for rank in range(processes)]:
        (checkpoint / name).write_bytes(b"state")
    (checkpoint / "trainer_state.json").write_text(json.dumps({"global_step": step}))
    return checkpoint


@pytest.fixture
def run(tmp_path):
    for step in (9, 10):
        write_checkpoint(tmp_path, step)
    return tmp_path


def test_checkpoints_are_sorted_by_their_step(run):
    assert [path.name for path in complete_checkpoints(run)] == ["checkpoint-9", "checkpoint-10"]


@pytest.mark.parametrize("name", ["checkpoint-best", "checkpoint-10-copy", "checkpoint-"])
@pytest.mark.parametrize("whole", [True, False])
def test_what_a_person_put_beside_checkpoints_is_none_of_them(run, name, whole):
    kept = write_checkpoint(run, 11).rename(run / name)
    if not whole:
        (kept / "trainer_state.json").unlink()
    assert [path.name for path in complete_checkpoints(run)] == ["checkpoint-9", "checkpoint-10"]
    remove_unfinished(run)
    remove_checkpoints(run)
    assert list(run.iterdir()) == [kept]


@pytest.mark.parametrize("state", [None, "", '{"global_step": 1'])
def test_a_checkpoint_without_a_whole_state_is_removed(run, state):
    broken = write_checkpoint(run, 11)
    (broken / "trainer_state.json").unlink()
    if state is not None:
        (broken / "trainer_state.json").write_text(state)
    assert broken not in complete_checkpoints(run)
    remove_unfinished(run)
    assert not broken.exists()
    assert len(complete_checkpoints(run)) == 2


@pytest.mark.parametrize("lost", ["rng_state_0.pth", "rng_state_2.pth"])
def test_a_checkpoint_needs_the_part_of_every_process_and_its_weights_are_kept_without(run, lost, caplog):
    whole = write_checkpoint(run, 11, processes=3)
    assert complete_checkpoints(run)[-1] == whole
    (whole / lost).unlink()
    assert whole not in complete_checkpoints(run)
    assert lost in caplog.text
    remove_unfinished(run)
    assert (whole / "model.safetensors").exists()


def test_a_checkpoint_of_another_trainer_counts(run):
    foreign = write_checkpoint(run, 11)
    (foreign / "emotion_qwen_run.json").unlink()
    assert complete_checkpoints(run)[-1] == foreign


def test_all_checkpoints_are_removed_and_nothing_else(run):
    (run / "config.json").write_text("{}")
    remove_checkpoints(run)
    assert [path.name for path in run.iterdir()] == ["config.json"]


def write_model(folder, files, text="new"):
    for name in files:
        (folder / name).write_text(text)


NEW = ("config.json", "model.safetensors", "tokenizer.json", "generation_config.json")


def test_a_model_takes_its_place_when_it_is_whole_and_its_config_comes_last(tmp_path, monkeypatch):
    unfinished = unfinished_folder(tmp_path)
    write_model(unfinished, NEW)
    moved = []
    replace = type(unfinished).replace
    monkeypatch.setattr(type(unfinished), "replace", lambda path, to: (moved.append(path.name), replace(path, to))[1])
    finish(tmp_path)
    assert moved[-1] == "config.json"
    assert not unfinished.exists()
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == dict.fromkeys(NEW, "new")


OLD = ("config.json", "adapter_config.json", "model.safetensors.index.json", "model-00001-of-00002.safetensors")


@pytest.mark.parametrize("kill_at", range(len(OLD) + len(NEW)))
def test_a_kill_while_a_model_replaces_another_leaves_the_old_one_or_none(tmp_path, monkeypatch, kill_at):
    write_model(tmp_path, OLD, "old")
    unfinished = unfinished_folder(tmp_path)
    write_model(unfinished, NEW)
    left = [kill_at]

    def counted(method):
        def step(*arguments):
            if not left[0]:
                raise KeyboardInterrupt
            left[0] -= 1
            return method(*arguments)

        return step

    for name in ("unlink", "replace"):
        monkeypatch.setattr(type(tmp_path), name, counted(getattr(type(tmp_path), name)))
    with pytest.raises(KeyboardInterrupt):
        finish(tmp_path)
    if kill_at:
        assert not (tmp_path / "config.json").exists()
        assert not holds_model(tmp_path) or (tmp_path / "adapter_config.json").read_text() == "old"
    else:
        assert {path.name for path in tmp_path.iterdir()} == {*OLD, unfinished.name}


def test_weights_of_a_replaced_model_do_not_stay(tmp_path):
    write_model(tmp_path, OLD, "old")
    write_model(unfinished_folder(tmp_path), NEW)
    finish(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == set(NEW)


def test_a_half_written_model_is_removed(tmp_path):
    (unfinished_folder(tmp_path) / "model.safetensors").write_bytes(b"half")
    remove_unfinished(tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("config", ["config.json", "adapter_config.json"])
def test_a_finished_model_is_trained_over_only_when_told_to(tmp_path, config):
    require_free(tmp_path, overwrite=False, resume=None)
    (tmp_path / config).write_text("{}")
    with pytest.raises(ValueError, match="holds a finished model.*overwrite_output_dir=true"):
        require_free(tmp_path, overwrite=False, resume=None)
    with pytest.raises(ValueError, match="holds a finished model"):
        require_free(tmp_path, overwrite=False, resume="true")
    require_free(tmp_path, overwrite=True, resume=None)
    write_checkpoint(tmp_path, 2)
    require_free(tmp_path, overwrite=False, resume="True")


def test_to_start_anew_and_to_go_on_exclude_each_other(tmp_path):
    with pytest.raises(ValueError, match="choose one"):
        require_free(tmp_path, overwrite=True, resume="true")
