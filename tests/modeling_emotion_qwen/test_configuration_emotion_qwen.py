import pytest
from huggingface_hub.errors import StrictDataclassError
from transformers import LlamaConfig

from emotion_qwen import EmotionQwenConfig, EmotionQwenVisionConfig

from .tiny import LLAMA_TEXT, VISION, tiny_config


def test_the_defaults_are_the_7b_shape():
    config = EmotionQwenConfig()
    assert (config.vision_config.hidden_size, config.vision_config.out_hidden_size) == (1280, 3584)
    assert config.text_config.hidden_size == 3584
    assert config.vision_config.gate_num_heads == 16
    assert config.projector_type == "hybrid"
    assert config.uses_mrope


@pytest.mark.parametrize("backbone", ["qwen", "llama"])
def test_survives_saving(tmp_path, backbone):
    config = tiny_config(backbone, projector_type="fusion", gate_num_heads=2, tie_word_embeddings=True)
    config.save_pretrained(tmp_path)
    reloaded = EmotionQwenConfig.from_pretrained(tmp_path)
    assert reloaded.to_dict() == config.to_dict()
    assert type(reloaded.text_config) is type(config.text_config)
    assert reloaded.vision_config.gate_num_heads == 2


def test_compressor_settings_reach_the_vision_config():
    settings = {"projector_type": "fusion", "gate_num_heads": 2, "gate_hidden_size": 8, "fusion_hidden_size": 3}
    from_dict = EmotionQwenConfig(text_config=dict(LLAMA_TEXT), vision_config=dict(VISION), **settings)
    from_object = EmotionQwenConfig(
        text_config=LlamaConfig(**LLAMA_TEXT), vision_config=EmotionQwenVisionConfig(**VISION), **settings
    )
    for config in (from_dict, from_object):
        assert {name: getattr(config.vision_config, name) for name in settings} == settings


def test_visual_tokens_follow_the_width_of_the_text_backbone():
    vision = {name: value for name, value in VISION.items() if name != "out_hidden_size"}
    config = EmotionQwenConfig(text_config=dict(LLAMA_TEXT), vision_config=vision)
    assert config.vision_config.out_hidden_size == LLAMA_TEXT["hidden_size"]


def test_only_backbones_with_three_axes_use_mrope():
    assert tiny_config("qwen").uses_mrope
    assert not tiny_config("llama").uses_mrope


@pytest.mark.parametrize(
    ("vision", "message"),
    [
        ({"out_hidden_size": 40}, "must equal text_config.hidden_size"),
        ({"gate_num_heads": 5}, "must divide the vision hidden_size"),
        ({"gate_num_heads": 0}, "must divide the vision hidden_size"),
        ({"projector_type": "conv"}, "projector_type"),
        ({"gate_hidden_size": "wide"}, "gate_hidden_size"),
    ],
)
def test_impossible_settings_are_refused(vision, message):
    with pytest.raises(StrictDataclassError, match=message):
        EmotionQwenConfig(text_config=dict(LLAMA_TEXT), vision_config=VISION | vision)
