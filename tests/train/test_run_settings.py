from dataclasses import dataclass, field

import pytest

from emotion_qwen.train.run_settings import lasting_settings, read_settings, require_same_settings, save_settings


@dataclass
class Settings:
    learning_rate: float = 1e-3
    modules: tuple[str, ...] = ("a", "b")
    data: list = field(default_factory=lambda: [{"reader": "csv", "path": "a/rather/long/path/to/the/data"}])
    save_steps: int = 5
    logging_steps: int = 5
    output_dir: str = "out"
    dataloader_num_workers: int = 2
    streaming: bool = False


def test_settings_are_the_same_after_they_were_written(tmp_path):
    settings = lasting_settings(Settings(), processes=2)
    save_settings(tmp_path / "checkpoint-1", settings)
    assert read_settings(tmp_path / "checkpoint-1") == settings
    require_same_settings(tmp_path / "checkpoint-1", settings)


def test_what_changes_no_weights_may_change(tmp_path):
    save_settings(tmp_path, lasting_settings(Settings()))
    changed = Settings(save_steps=1, logging_steps=2, output_dir="elsewhere", dataloader_num_workers=0)
    require_same_settings(tmp_path, lasting_settings(changed))


def test_what_changes_weights_is_named_with_short_values(tmp_path):
    save_settings(tmp_path, lasting_settings(Settings(), processes=1))
    changed = Settings(learning_rate=0.1, data=[], modules=("b", "a"))
    with pytest.raises(
        ValueError, match="other settings: data, learning_rate .0.001, now 0.1., modules .*, proc"
    ) as e:
        require_same_settings(tmp_path, lasting_settings(changed, processes=2))
    assert "rather" not in str(e.value)


def test_workers_read_their_own_part_of_a_stream(tmp_path):
    save_settings(tmp_path, lasting_settings(Settings(streaming=True)))
    with pytest.raises(ValueError, match="dataloader_num_workers"):
        require_same_settings(tmp_path, lasting_settings(Settings(streaming=True, dataloader_num_workers=3)))


def test_what_only_one_of_them_knows_is_no_change(tmp_path):
    save_settings(tmp_path, lasting_settings(Settings(), removed=1))
    require_same_settings(tmp_path, lasting_settings(Settings(), new=1))
    require_same_settings(tmp_path / "no checkpoint of ours", lasting_settings(Settings()))


def test_damaged_settings_name_their_file(tmp_path):
    (tmp_path / "emotion_qwen_run.json").write_text("{")
    with pytest.raises(ValueError, match="emotion_qwen_run.json' is damaged"):
        read_settings(tmp_path)
