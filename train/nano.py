"""Builds a small Emotion-Qwen with random weights, its tokenizer and its processor, from a recipe.

`python -m emotion_qwen.train.nano nano/model`
"""

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from transformers import set_seed

from emotion_qwen import EmotionQwenConfig, EmotionQwenForConditionalGeneration
from emotion_qwen.inference.exit_codes import exit_code
from emotion_qwen.inference.prompts import EMOTION_LABELS, LANGUAGES, label_name, label_question
from emotion_qwen.processing import (
    EmotionQwenImageProcessor,
    EmotionQwenProcessor,
    EmotionQwenVideoProcessor,
    load_chat_template,
)
from emotion_qwen.train.recipe import RecipeParser
from emotion_qwen.train.synthetic.sentences import record_turns
from emotion_qwen.train.synthetic.truths import sample_truths
from emotion_qwen.train.tokenizer import END_OF_TEXT, END_OF_TURN, MEDIA_TOKENS, train_tokenizer


@dataclass
class NanoArguments:
    """A small model from nothing.

    Attributes:
        output_dir: Where the model and its processor go.
        text_config: Fields of `Qwen2_5_VLTextConfig`; the vocabulary and its special tokens follow the tokenizer.
        vision_config: Fields of `EmotionQwenVisionConfig`.
        image_processor: Fields of `EmotionQwenImageProcessor`; patches follow `vision_config`.
        video_processor: Fields of `EmotionQwenVideoProcessor`; patches follow `vision_config`.
        generation: Fields of `GenerationConfig`.
        vocabulary_size: Tokens of the tokenizer.
        sample_answers: Answers of each kind that the tokenizer learns from.
        generic_text: Sentences beyond the task that the tokenizer learns from.
        seed: Of the weights and the sampled answers.
    """

    output_dir: str
    text_config: dict
    vision_config: dict
    image_processor: dict
    video_processor: dict
    generation: dict
    vocabulary_size: int
    sample_answers: int
    generic_text: list[str]
    seed: int = 0


def sample_sentences(number: int, seed: int) -> Iterator[str]:
    """Draws what the model will read and say, in every language.

    Args:
        number: Answers of each kind.
        seed: Of the draw.
    """
    rng = np.random.default_rng(seed)
    yield from ["system", "You are a helpful assistant.", "user", "assistant"] * number
    for _ in range(number):
        for record in sample_truths(rng):
            for language in LANGUAGES:
                yield from record_turns(record, rng, language, label_share=0.0, general_share=0.2)
        for language in LANGUAGES:
            yield label_question(language)


def build_processor(arguments: NanoArguments) -> EmotionQwenProcessor:
    """Learns the tokenizer and joins it with the image and the video processor."""
    labels = [name for language in LANGUAGES for name in _label_names(language)] * arguments.sample_answers
    sentences = [*sample_sentences(arguments.sample_answers, arguments.seed), *labels, *arguments.generic_text]
    patches = {
        "patch_size": arguments.vision_config["patch_size"],
        "temporal_patch_size": arguments.vision_config["temporal_patch_size"],
        "merge_size": arguments.vision_config["spatial_merge_size"],
    }
    return EmotionQwenProcessor(
        image_processor=EmotionQwenImageProcessor(**patches, **arguments.image_processor),
        tokenizer=train_tokenizer(sentences, arguments.vocabulary_size),
        video_processor=EmotionQwenVideoProcessor(**patches, **arguments.video_processor),
        chat_template=load_chat_template(),
    )


def build_model(arguments: NanoArguments, processor: EmotionQwenProcessor) -> EmotionQwenForConditionalGeneration:
    """Makes the model with random weights.

    Args:
        arguments: Its shape and the seed of its weights.
        processor: What it is made for: the vocabulary and the special tokens are this one's.
    """
    token_ids = processor.tokenizer.convert_tokens_to_ids
    end_of_turn, end_of_text = token_ids(END_OF_TURN), token_ids(END_OF_TEXT)
    text = {
        **arguments.text_config,
        "vocab_size": len(processor.tokenizer),
        "bos_token_id": None,
        "eos_token_id": end_of_turn,
        "pad_token_id": end_of_text,
    }
    config = EmotionQwenConfig(
        text_config=text,
        vision_config=arguments.vision_config,
        image_token_id=token_ids(MEDIA_TOKENS["image_token"]),
        video_token_id=token_ids(MEDIA_TOKENS["video_token"]),
        vision_start_token_id=token_ids(MEDIA_TOKENS["vision_bos_token"]),
        vision_end_token_id=token_ids(MEDIA_TOKENS["vision_eos_token"]),
        tie_word_embeddings=True,
    )
    set_seed(arguments.seed)
    model = EmotionQwenForConditionalGeneration(config)
    stops = {"eos_token_id": [end_of_turn, end_of_text], "pad_token_id": end_of_text}
    model.generation_config.update(**stops, **arguments.generation)
    return model


def build(arguments: NanoArguments) -> Path:
    """Writes the model and its processor.

    Returns:
        The folder.
    """
    processor = build_processor(arguments)
    model = build_model(arguments, processor)
    folder = Path(arguments.output_dir)
    model.save_pretrained(folder)
    processor.save_pretrained(folder)
    return folder


def _label_names(language: str) -> list[str]:
    return [label_name(label, language) for label in EMOTION_LABELS]


def main() -> None:
    """The command line."""
    (arguments,) = RecipeParser((NanoArguments,)).parse_recipe(sys.argv[1:])
    folder = build(arguments)
    print(f"A model with random weights: {folder}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(exit_code(main))
