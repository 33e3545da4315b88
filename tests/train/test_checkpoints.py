import json

import pytest

from emotion_qwen.train.checkpoints import complete_checkpoints, finish, remove_unfinished, unfinished_folder


@pytest.fixture
def run(tmp_path):
    for step in (9, 10):
        folder = tmp_path / f"checkpoint-{step}"
        folder.mkdir()
        (folder / "model.safetensors").write_bytes(b"weights")
        (folder / "trainer_state.json").write_text(json.dumps({"global_step": step}))
    return tmp_path


def test_checkpoints_are_sorted_by_their_step(run):
    assert [path.name for path in complete_checkpoints(run)] == ["checkpoint-9", "checkpoint-10"]


@pytest.mark.parametrize("state", [None, "", '{"global_step": 1'])
def test_a_checkpoint_without_a_whole_state_is_removed(run, state):
    broken = run / "checkpoint-11"
    broken.mkdir()
    if state is not None:
        (broken / "trainer_state.json").write_text(state)
    assert broken not in complete_checkpoints(run)
    remove_unfinished(run)
    assert not broken.exists()
    assert len(complete_checkpoints(run)) == 2


def test_a_model_takes_its_place_when_it_is_whole_and_its_config_comes_last(tmp_path, monkeypatch):
    unfinished = unfinished_folder(tmp_path)
    for name in ("config.json", "model.safetensors", "tokenizer.json", "generation_config.json"):
        (unfinished / name).write_text(name)
    assert not (tmp_path / "config.json").exists()
    moved = []
    replace = type(unfinished).replace
    monkeypatch.setattr(type(unfinished), "replace", lambda path, to: (moved.append(path.name), replace(path, to))[1])
    finish(tmp_path)
    assert set(moved[-2:]) == {"config.json", "generation_config.json"}
    assert not unfinished.exists()
    assert (tmp_path / "config.json").read_text() == "config.json"


def test_a_half_written_model_is_removed(tmp_path):
    (unfinished_folder(tmp_path) / "model.safetensors").write_bytes(b"half")
    remove_unfinished(tmp_path)
    assert list(tmp_path.iterdir()) == []
