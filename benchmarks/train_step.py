"""Throughput of a training step of our trainer against TRL's stock SFTTrainer with stock Qwen2.5-VL of the same size.

`OMP_NUM_THREADS=1 python benchmarks/train_step.py --output benchmarks/train_step.md`

Both train on the same pictures, read from the same Parquet file in the training process, with vision towers and
language models of the same shapes; Facial Emotion Capture is off, since stock Qwen2.5-VL has none. Their runs
alternate in one process, and each pair gives one ratio.
"""

import argparse
import platform
import statistics
import tempfile
import time
from collections.abc import Callable
from datetime import date
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
import torch
from datasets import Dataset, Features, Image, List, Value, load_dataset
from transformers import (
    Qwen2_5_VLConfig,
    Qwen2_5_VLForConditionalGeneration,
    Qwen2_5_VLProcessor,
    Qwen2VLImageProcessor,
    Qwen2VLVideoProcessor,
    TrainerCallback,
    set_seed,
)
from trl import SFTConfig, SFTTrainer

from emotion_qwen import EmotionQwenConfig, EmotionQwenForConditionalGeneration
from emotion_qwen.processing import EmotionQwenProcessor
from emotion_qwen.train.collator import ConversationCollator
from emotion_qwen.train.data.mixture import build_mixture
from emotion_qwen.train.trainer import EmotionQwenTrainer

TEXT = {
    "hidden_size": 384,
    "intermediate_size": 1024,
    "num_hidden_layers": 6,
    "num_attention_heads": 6,
    "num_key_value_heads": 2,
    "rope_parameters": {"rope_type": "default", "rope_theta": 10000.0, "mrope_section": [8, 12, 12]},
}
VISION = {
    "hidden_size": 256,
    "intermediate_size": 768,
    "depth": 6,
    "num_heads": 4,
    "patch_size": 10,
    "window_size": 160,
    "fullatt_block_indexes": [2, 5],
}
SIDE = 120
BATCH = 4


class StepClock(TrainerCallback):
    """Marks the end of each step."""

    def __init__(self) -> None:
        self.marks: list[float] = []

    def on_train_begin(self, *_: Any, **__: Any) -> None:
        """Forgets the run before."""
        self.marks = []

    def on_step_end(self, *_: Any, **__: Any) -> None:
        """Marks a step."""
        self.marks.append(time.perf_counter())


def write_pictures(path: Path, number: int) -> None:
    """Writes pictures of noise with a question and an answer each, in TRL's columns."""
    rng = np.random.default_rng(0)
    features = Features(
        {"messages": List({"role": Value("string"), "content": Value("string")}), "images": List(Image())}
    )
    pictures = rng.integers(0, 256, (number, SIDE, SIDE, 3), dtype=np.uint8)
    turns = [
        {"role": "user", "content": "What does the face show, and which emotion is it?"},
        {"role": "assistant", "content": "The brows are lowered and the lips are pressed. The emotion is anger."},
    ]
    rows = {"messages": [turns] * number, "images": [[Image().encode_example(picture)] for picture in pictures]}
    Dataset.from_dict(rows, features=features).to_parquet(str(path))


def settings(folder: Path, steps: int) -> SFTConfig:
    """The same training for both."""
    return SFTConfig(
        output_dir=str(folder),
        per_device_train_batch_size=BATCH,
        max_steps=steps,
        max_length=None,
        assistant_only_loss=True,
        gradient_checkpointing=False,
        bf16=False,
        use_cpu=not torch.accelerator.is_available(),
        save_strategy="no",
        logging_strategy="no",
        report_to="none",
        disable_tqdm=True,
        remove_unused_columns=False,
        dataset_kwargs={"skip_prepare_dataset": True},
    )


def our_trainer(data: Path, folder: Path, steps: int, processor: EmotionQwenProcessor) -> SFTTrainer:
    """Emotion-Qwen with the mixture, the collator and the trainer of `train/sft.py`."""
    mixture = build_mixture([{"reader": "trl", "path": str(data)}], processor, seed=0)
    training = settings(folder, steps)
    training.assistant_only_loss = False  # the collator masks all other words itself
    set_seed(0)
    config = EmotionQwenConfig(text_config=_text(processor), vision_config=VISION, **_media_tokens(processor))
    return EmotionQwenTrainer(
        groups=mixture.groups,
        learning_rates={},
        muon_learning_rates={},
        run_settings={},
        model=EmotionQwenForConditionalGeneration(config),
        args=training,
        train_dataset=mixture.as_data_set(training.num_train_epochs),
        data_collator=ConversationCollator(processor, facial_emotion_capture=False),
        processing_class=processor,
    )


def stock_trainer(data: Path, folder: Path, steps: int, processor: EmotionQwenProcessor) -> SFTTrainer:
    """Qwen2.5-VL with TRL's own collator, and the tokenizer, template and picture size of the other."""
    patches = {"patch_size": VISION["patch_size"], "size": dict(processor.image_processor.size)}
    stock = Qwen2_5_VLProcessor(
        image_processor=Qwen2VLImageProcessor(**patches),
        tokenizer=processor.tokenizer,
        video_processor=Qwen2VLVideoProcessor(patch_size=VISION["patch_size"]),
        chat_template=processor.chat_template,
    )
    set_seed(0)
    vision = {**VISION, "out_hidden_size": TEXT["hidden_size"]}
    config = Qwen2_5_VLConfig(text_config=_text(processor), vision_config=vision, **_media_tokens(processor))
    return SFTTrainer(
        model=Qwen2_5_VLForConditionalGeneration(config),
        args=settings(folder, steps),
        train_dataset=load_dataset("parquet", data_files=str(data), split="train"),
        processing_class=stock,
    )


def step_seconds(trainer: SFTTrainer, clock: StepClock) -> float:
    """Mean seconds of a step, data included, of a run without its first step."""
    trainer.train()
    return (clock.marks[-1] - clock.marks[0]) / (len(clock.marks) - 1)


def tokens_of_a_batch(trainer: SFTTrainer) -> tuple[int, int]:
    """Tokens, and tokens that are learnt, of a batch."""
    batch = trainer.data_collator([trainer.train_dataset[number] for number in range(BATCH)])
    return batch["input_ids"].numel(), int((batch["labels"] != -100).sum())


def compare(rounds: int, steps: int) -> str:
    """Runs both in turn and writes the comparison as Markdown.

    Raises:
        RuntimeError: If the two don't train on the same numbers of tokens.
    """
    processor = EmotionQwenProcessor.from_pretrained(str(resources.files("emotion_qwen") / "nano"))
    makers: dict[str, Callable[..., SFTTrainer]] = {"Emotion-Qwen": our_trainer, "stock": stock_trainer}
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "pictures.parquet"
        write_pictures(data, BATCH * steps)
        trainers = {name: make(data, Path(folder) / name, steps, processor) for name, make in makers.items()}
        tokens = {name: tokens_of_a_batch(trainer) for name, trainer in trainers.items()}
        if len(set(tokens.values())) > 1:
            raise RuntimeError(f"The two train on different numbers of tokens: {tokens}.")
        clocks = {name: StepClock() for name in trainers}
        for name, trainer in trainers.items():
            trainer.add_callback(clocks[name])
            step_seconds(trainer, clocks[name])  # what is done once is done here
        seconds: dict[str, list[float]] = {name: [] for name in trainers}
        for number in range(rounds):
            for name in list(trainers)[:: 1 if number % 2 == 0 else -1]:
                seconds[name].append(step_seconds(trainers[name], clocks[name]))
        parameters = {name: trainer.model.num_parameters() for name, trainer in trainers.items()}
    return report(seconds, parameters, tokens["stock"], steps)


def report(seconds: dict[str, list[float]], parameters: dict[str, int], tokens: tuple[int, int], steps: int) -> str:
    """The figures as Markdown."""
    ratios = [theirs / ours for ours, theirs in zip(seconds["Emotion-Qwen"], seconds["stock"], strict=True)]
    lines = [
        "# A training step against TRL's stock SFTTrainer with Qwen2.5-VL",
        f"Measured on {date.today().isoformat()} by `OMP_NUM_THREADS=1 python benchmarks/train_step.py --output "
        f"benchmarks/train_step.md` ({platform.machine()}, {torch.get_num_threads()} threads, "
        f"{torch.get_default_device()}), {len(ratios)} pairs of runs of {steps} steps in turn, {BATCH} pictures of "
        f"{SIDE}×{SIDE} a step, {tokens[0]} tokens of which {tokens[1]} learnt.",
        f"**Throughput as a ratio to stock: median {statistics.median(ratios):.3f}** "
        f"(lowest {min(ratios):.3f}, highest {max(ratios):.3f}; above 1 ours is faster).",
        "| | parameters | seconds a step, median |\n|---|---|---|\n"
        + "\n".join(f"| {n} | {parameters[n]:,} | {statistics.median(seconds[n]):.4f} |" for n in seconds),
    ]
    return "\n\n".join(lines) + "\n"


def _text(processor: EmotionQwenProcessor) -> dict[str, Any]:
    tokenizer = processor.tokenizer
    ends = {"eos_token_id": tokenizer.eos_token_id, "pad_token_id": tokenizer.pad_token_id, "bos_token_id": None}
    return {**TEXT, **ends, "vocab_size": len(tokenizer)}


def _media_tokens(processor: EmotionQwenProcessor) -> dict[str, int]:
    start, end = processor.tokenizer.convert_tokens_to_ids(["<|vision_start|>", "<|vision_end|>"])
    return {
        "image_token_id": processor.image_token_id,
        "video_token_id": processor.video_token_id,
        "vision_start_token_id": start,
        "vision_end_token_id": end,
    }


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7, help="pairs of runs")
    parser.add_argument("--steps", type=int, default=6, help="of a run; the first is not counted")
    parser.add_argument("--output", type=Path)
    arguments = parser.parse_args()
    text = compare(arguments.rounds, arguments.steps)
    print(text)
    if arguments.output:
        arguments.output.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
