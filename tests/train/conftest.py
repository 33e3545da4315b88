"""A small rendered data set, and a Nano with random weights that is a little smaller than the real one."""

from pathlib import Path

import pytest
import yaml

from emotion_qwen.train.nano import NanoArguments, build
from emotion_qwen.train.synthetic.data_set import DataSetPlan, write_data_set

RECIPES = Path(__file__).parents[2] / "train" / "recipes" / "nano"


@pytest.fixture(scope="package")
def faces(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Stills, clips and drawn shapes of one person for training and one held out."""
    folder = tmp_path_factory.mktemp("faces")
    plan = DataSetPlan(
        identities=1,
        held_out_identities=1,
        stills_per_label=1,
        clips_per_identity=1,
        shapes=10,
        size=80,
        clip_frames=4,
        face_height=(0.6, 0.9),
    )
    write_data_set(folder, plan)
    return folder


@pytest.fixture(scope="package")
def nano(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The shipped model's recipe with fewer layers."""
    settings = yaml.safe_load((RECIPES / "model.yaml").read_text(encoding="utf-8"))
    folder = tmp_path_factory.mktemp("nano")
    settings |= {"output_dir": str(folder), "sample_answers": 40, "vocabulary_size": 400}
    settings["text_config"]["num_hidden_layers"] = 1
    settings["vision_config"] |= {"depth": 1, "fullatt_block_indexes": [0]}
    return build(NanoArguments(**settings))
