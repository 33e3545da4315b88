from dataclasses import dataclass, field
from typing import Any

import pytest

from emotion_qwen.train.recipe import RecipeParser, find_recipe, read_recipe, shipped_recipes


@dataclass
class Settings:
    learning_rate: float = 1.0
    steps: int = 1
    modules: list[str] = field(default_factory=list)


@dataclass
class Mappings:
    rates: dict[str, float] = field(default_factory=dict)
    more_kwargs: dict[str, Any] | str | None = None
    data: list[Any] = field(default_factory=list)
    steps: int = 1


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "recipe.yaml"
    path.write_text("learning_rate: 2.0e-3\nmodules: [a, b]\n")
    return path


def parse(*words):
    (settings,) = RecipeParser([Settings]).parse_recipe([str(word) for word in words])
    return settings


def test_a_recipe_fills_the_settings_and_both_forms_of_the_command_line_override_it(path):
    assert parse(path) == Settings(2e-3, 1, ["a", "b"])
    assert parse(path, "steps=5", "--learning_rate", "3").steps == 5
    assert parse("--config", path, "--steps=6", "learning_rate=4") == Settings(4.0, 6, ["a", "b"])
    assert parse("steps=7", path, "learning_rate=5") == Settings(5.0, 7, ["a", "b"])


def test_a_recipe_takes_from_its_base_what_it_leaves_open(path, tmp_path):
    child = tmp_path / "deeper" / "child.yaml"
    child.parent.mkdir()
    child.write_text("base: ../recipe.yaml\nlearning_rate: 5\n")
    assert read_recipe(child) == {"learning_rate": 5, "modules": ["a", "b"]}


def test_a_base_may_be_a_shipped_recipe_and_a_missing_one_is_named(path):
    path.write_text("base: lora/dfew\nlora_r: 2\n")
    assert read_recipe(path) == read_recipe(find_recipe("lora/dfew")) | {"lora_r": 2}
    path.write_text("base: lora/dfwe\n")
    with pytest.raises(FileNotFoundError, match="Did you mean 'lora/dfew'"):
        read_recipe(path)


def test_of_several_bases_the_last_counts_most(path, tmp_path):
    (tmp_path / "other.yaml").write_text("learning_rate: 7\nsteps: 8\n")
    path.with_name("child.yaml").write_text("base: [recipe.yaml, other.yaml]\nsteps: 9\n")
    assert read_recipe(path.with_name("child.yaml")) == {"learning_rate": 7, "modules": ["a", "b"], "steps": 9}


@pytest.mark.parametrize("words", [["learning_rat=1"], ["--learning_rat", "1"], ["--learning_rat=1"]])
def test_an_unknown_setting_names_the_nearest(path, words):
    with pytest.raises(ValueError, match="'learning_rat'. Did you mean 'learning_rate'"):
        parse(path, *words)


def test_an_unknown_setting_in_the_recipe_names_the_nearest(path):
    path.write_text("stepz: 3\n")
    with pytest.raises(ValueError, match="'stepz'. Did you mean 'steps'"):
        parse(path)


def test_an_abbreviation_is_not_taken_for_a_setting(path):
    with pytest.raises(ValueError, match="Unknown setting 'step'"):
        parse(path, "--step", "3")


def test_a_base_of_itself_is_refused_and_one_of_two_heirs_is_not(path, tmp_path):
    for name, bases in (("a", "[b.yaml, recipe.yaml]"), ("b", "recipe.yaml"), ("c", "d.yaml"), ("d", "c.yaml")):
        (tmp_path / f"{name}.yaml").write_text(f"base: {bases}\n")
    assert read_recipe(tmp_path / "a.yaml") == read_recipe(path)
    with pytest.raises(ValueError, match="c.yaml is a base of itself"):
        read_recipe(tmp_path / "c.yaml")


@pytest.mark.parametrize("text", ["- 1\n- 2\n", "just words", "a: [1", ""])
def test_what_is_no_recipe_is_refused(path, text):
    path.write_text(text)
    with pytest.raises(ValueError, match="recipe.yaml"):
        parse(path)


def test_a_wrong_value_is_refused(path):
    with pytest.raises(ValueError, match="steps"):
        parse(path, "steps=many")


def test_no_recipe_or_an_unknown_one_names_the_shipped_ones():
    with pytest.raises(ValueError, match="nano/stage3"):
        parse()
    with pytest.raises(ValueError, match="Which recipe"):
        parse("steps=7")
    with pytest.raises(FileNotFoundError, match="Did you mean 'nano/stage3'"):
        parse("nano/stage33")


def test_shipped_recipes_are_found_by_name():
    assert "nano/stage3" in shipped_recipes()
    for name in shipped_recipes():
        assert read_recipe(find_recipe(name))


@pytest.fixture
def mappings(tmp_path):
    """Parses the words after a recipe with a mapping."""
    path = tmp_path / "recipe.yaml"
    path.write_text("rates: {a.b: 1.0, c: 2.0}\n")

    def parse_mappings(*words):
        (settings,) = RecipeParser([Mappings]).parse_recipe([str(path), *words])
        return settings

    return parse_mappings


@pytest.mark.parametrize("words", [["rates.a.b=1e-4"], ["--rates.a.b", "1e-4"], ["--rates.a.b=1e-4"]])
def test_one_entry_of_a_mapping_is_set_and_the_others_stay(mappings, words):
    assert mappings(*words) == Mappings({"a.b": 1e-4, "c": 2.0})
    assert mappings("steps=3", *words, "rates.d.0=5", "--steps=4").rates == {"a.b": 1e-4, "c": 2.0, "d.0": 5}


def test_entries_are_json_where_they_can_be_and_else_text(mappings):
    words = ("more_kwargs.on=true", "--more-kwargs.sizes", "[1, 2]", "more_kwargs.name=a=b", "more_kwargs.none=null")
    assert mappings(*words).more_kwargs == {"on": True, "sizes": [1, 2], "name": "a=b", "none": None}


def test_a_whole_mapping_and_the_items_of_a_list_are_json(mappings):
    assert mappings('rates={"d": 3}').rates == {"d": 3}
    assert mappings("--data", '{"reader": "csv"}', "[1]").data == [{"reader": "csv"}, [1]]
    with pytest.raises(ValueError, match="--rates: '{d: 3}' is not JSON"):
        mappings("rates={d: 3}")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["steps.a=1"], "The setting 'steps' has no entries"),
        (["rate.a=1"], "Unknown setting 'rate'. Did you mean 'rates'"),
        (["--rates.a"], "rates.a needs a value"),
        (["rates.a=1", "rates={}"], "Either rates is given as a whole or its entry 'a' is set"),
    ],
)
def test_an_entry_that_can_not_be_set_is_refused(mappings, words, message):
    with pytest.raises(ValueError, match=message):
        mappings(*words)


def test_of_a_mapping_that_the_recipe_gives_as_a_path_no_entry_is_set(path):
    path.write_text("more_kwargs: settings.json\n")
    with pytest.raises(ValueError, match="'more_kwargs' has no entries"):
        RecipeParser([Mappings]).parse_recipe([str(path), "more_kwargs.a=1"])
