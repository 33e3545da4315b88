import pytest
from peft import LoraConfig, get_peft_model

from emotion_qwen import EmotionQwenForConditionalGeneration
from emotion_qwen.train.trainable_modules import learning_rate_of, require_trained, set_trainable, trainable_table

EXPERT = "model.visual.compressor.emotion_expert"


@pytest.fixture
def model(nano):
    return EmotionQwenForConditionalGeneration.from_pretrained(nano)


def trained(model):
    return {name for name, parameter in model.named_parameters() if parameter.requires_grad}


def test_what_is_named_is_trained_and_nothing_else(model):
    set_trainable(model, [EXPERT, "model.visual.blocks"])
    names = trained(model)
    assert names
    assert all(name.startswith((EXPERT, "model.visual.blocks")) for name in names)
    require_trained(model, [EXPERT, "model.visual.blocks"], adapts=False)


def test_the_empty_name_is_the_whole_model(model):
    set_trainable(model, [""])
    assert trained(model) == dict(model.named_parameters()).keys()


def test_an_output_head_tied_to_the_embeddings_is_trained_where_either_is_named(model):
    assert model.lm_head.weight is model.model.language_model.embed_tokens.weight
    set_trainable(model, ["lm_head"])
    require_trained(model, ["lm_head"], adapts=False)
    assert trained(model) == {"model.language_model.embed_tokens.weight"}


@pytest.mark.parametrize("name", ["model.visual.merger", "model.visual.block", "emotion_expert"])
def test_a_name_without_parameters_is_refused(model, name):
    with pytest.raises(ValueError, match=name):
        set_trainable(model, [name])


def test_a_run_that_trains_nothing_or_the_wrong_thing_stops(model):
    set_trainable(model, [])
    with pytest.raises(ValueError, match="trains nothing"):
        require_trained(model, [], adapts=False)
    set_trainable(model, ["model.visual"])
    with pytest.raises(ValueError, match="does not name"):
        require_trained(model, [EXPERT], adapts=False)
    with pytest.raises(ValueError, match="would be trained"):
        require_trained(model, [], adapts=True)


def test_an_adapter_trains_itself_alone(model):
    adapted = get_peft_model(model, LoraConfig(r=2, target_modules=["q_proj"]))
    require_trained(adapted, [], adapts=True)
    with pytest.raises(ValueError, match="leave `trainable` out, with 'model.visual'"):
        require_trained(adapted, ["model.visual"], adapts=True)
    rows = trainable_table(adapted, {}, 1e-4).splitlines()
    assert [row.split()[-1] for row in rows if row.startswith("adapter")] == ["0.0001"]


def test_the_table_counts_every_parameter_once(model):
    set_trainable(model, [EXPERT])
    rows = {row.split()[0]: row.split()[1:] for row in trainable_table(model, {EXPERT: 0.5}, 1.0).splitlines()}
    counted = [int(row[0].replace(",", "")) for part, row in rows.items() if part not in ("module", "all")]
    assert sum(counted) == sum(p.numel() for p in model.parameters()) == int(rows["all"][0].replace(",", ""))
    assert rows[EXPERT][0] == rows[EXPERT][1] == rows["all"][1]
    assert rows[EXPERT][2] == "0.5"
    assert rows["model.language_model"][1:] == ["0", "–"]


def test_the_longest_name_gives_the_rate():
    rates = {"model.visual": 1.0, EXPERT: 2.0}
    assert learning_rate_of(f"{EXPERT}.norm.weight", rates, 3.0) == 2.0
    assert learning_rate_of("model.visual.blocks.0.norm1.weight", rates, 3.0) == 1.0
    assert learning_rate_of("model.language_model.norm.weight", rates, 3.0) == 3.0
