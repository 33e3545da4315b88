import pytest
from trl import SFTConfig

from emotion_qwen.train.idle_settings import IDLE, require_effect


def training(tmp_path, **settings) -> SFTConfig:
    return SFTConfig(str(tmp_path), bf16=False, use_cpu=True, **{"max_length": None, **settings})


@pytest.mark.parametrize(
    "settings",
    [
        {"max_length": 2048},
        {"max_length": 1024},
        {"data_seed": 0},
        {"packing": True},
        {"eval_packing": True},
        {"completion_only_loss": True},
        {"completion_only_loss": False},
        {"assistant_only_loss": True},
        {"shuffle_dataset": True},
        {"train_sampling_strategy": "group_by_length"},
        {"pad_to_multiple_of": 8},
    ],
    ids=str,
)
def test_a_setting_that_changes_nothing_is_refused(settings, tmp_path):
    (name,) = settings
    with pytest.raises(ValueError, match=f"{name} has no effect here, so leave it out: {IDLE[name][:20]}"):
        require_effect(training(tmp_path, **settings))


def test_what_is_left_out_or_turned_off_passes(tmp_path):
    require_effect(training(tmp_path, max_length=None, packing=False))
