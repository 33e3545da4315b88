"""Time of a training step of the Nano in float32 and bfloat16, with the attentions that need no GPU.

`python benchmarks/precision.py --output benchmarks/precision.md`

Forward and backward of the shipped model on noise, pictures and clips a batch each, float32 weights throughout. The
variants alternate in one process, so that each round gives one ratio to float32 with sdpa.
"""

import argparse
import platform
import statistics
import time
from collections.abc import Iterator
from datetime import date
from itertools import product
from pathlib import Path
from typing import NamedTuple

import torch
from transformers import BatchFeature

from emotion_qwen import EmotionQwenForConditionalGeneration
from emotion_qwen.inference.checkpoint import load_checkpoint, shipped_checkpoint
from emotion_qwen.processing import EmotionQwenProcessor
from emotion_qwen.train.attention import EAGER_BF16
from emotion_qwen.train.precision import multiplies_bf16

QUESTION, ANSWER = (
    "Which emotion does the person show, and why?",
    "The lip corners are pulled up. The emotion is happy.",
)


class Variant(NamedTuple):
    """How a step is computed."""

    bf16: bool
    attention: str

    def __str__(self) -> str:
        return f"{'bfloat16' if self.bf16 else 'float32'}, {self.attention}"


VARIANTS = [Variant(bf16, attention) for bf16, attention in product((False, True), ("sdpa", "eager", EAGER_BF16))]


def batches(processor: EmotionQwenProcessor, size: int) -> Iterator[tuple[str, BatchFeature]]:
    """Batches by what is in them, each of so many samples."""
    noise = torch.Generator().manual_seed(0)
    for name, kind, shape in (
        ("pictures of 80×80", "image", (3, 80, 80)),
        ("clips of 8 frames of 120×120", "video", (8, 3, 120, 120)),
    ):
        media = [torch.randint(0, 256, shape, dtype=torch.uint8, generator=noise) for _ in range(size)]
        turns = [
            {"role": "user", "content": [{"type": kind}, {"type": "text", "text": QUESTION}]},
            {"role": "assistant", "content": [{"type": "text", "text": ANSWER}]},
        ]
        options = {"images": media} if kind == "image" else {"videos": media, "do_sample_frames": False}
        batch = processor(
            text=[processor.apply_chat_template(turns)] * size,
            facial_emotion_capture=False,
            padding=True,
            return_tensors="pt",
            **options,
        )
        batch["labels"] = batch["input_ids"].clone()
        yield name, batch


def step_seconds(model: EmotionQwenForConditionalGeneration, batch: BatchFeature, variant: Variant) -> float:
    """Seconds of a forward and a backward."""
    model.set_attn_implementation(variant.attention)
    model.zero_grad()
    start = time.perf_counter()
    with torch.autocast(model.device.type, torch.bfloat16, enabled=variant.bf16):
        loss = model(**batch).loss
    loss.backward()
    return time.perf_counter() - start


def compare(rounds: int, size: int) -> str:
    """Runs the variants in turn and writes the comparison as Markdown."""
    model, processor = load_checkpoint(shipped_checkpoint(), "cpu", torch.float32)
    model.train()
    lines = [
        "# A training step of the Nano by precision and attention",
        f"Measured on {date.today().isoformat()} by `python benchmarks/precision.py --output benchmarks/precision.md` "
        f"({platform.machine()}, {torch.get_num_threads()} threads, "
        f"{'with' if multiplies_bf16() else 'without'} instructions for bfloat16), {rounds} rounds, {size} samples a "
        "step: forward and backward, without the optimizer. Median time as a ratio to float32 with sdpa in the same "
        "round; below 1 is faster. It is why the Nano's recipes say `bf16: auto` and "
        f"`attn_implementation: {EAGER_BF16}`.",
        "| | " + " | ".join(map(str, VARIANTS)) + " |\n|---|" + "---|" * len(VARIANTS),
    ]
    for name, batch in batches(processor, size):
        for variant in VARIANTS:  # what is done once is done here
            step_seconds(model, batch, variant)
        seconds = [[step_seconds(model, batch, variant) for variant in VARIANTS] for _ in range(rounds)]
        ratios = [statistics.median(times[place] / times[0] for times in seconds) for place in range(len(VARIANTS))]
        lines[-1] += f"\n| {name} | " + " | ".join(f"{ratio:.2f}" for ratio in ratios) + " |"
    return "\n\n".join(lines) + "\n"


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--size", type=int, default=32, help="samples a step")
    parser.add_argument("--output", type=Path)
    arguments = parser.parse_args()
    text = compare(arguments.rounds, arguments.size)
    print(text)
    if arguments.output:
        arguments.output.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
