from pathlib import Path

import pytest
import yaml

from emotion_qwen.train.data.readers import READERS
from emotion_qwen.train.data.source_settings import SourceSettings

README = (Path(__file__).parents[3] / "train" / "data" / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", READERS)
def test_every_reader_is_described_with_all_it_can_be_told(name):
    (row,) = [line for line in README.splitlines() if line.startswith(f"| `{name}` |")]
    for option in READERS[name].options:
        assert f"`{option}`" in row or f"| `{option}` |" in README, option


def test_the_recipe_shown_is_one_that_can_be_read():
    recipe = yaml.safe_load(README.split("```yaml\n")[1].split("```")[0])
    for source in recipe["data"]:
        assert SourceSettings.parse(source).weight
