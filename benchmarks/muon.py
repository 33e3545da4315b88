"""Time of a step of our Muon, which takes matrices of one shape together, against torch's own on the Nano's matrices.

`python benchmarks/muon.py --output benchmarks/muon.md`

Both get the same gradients and step in turn in one process, so that each round gives one ratio.
"""

import argparse
import platform
import statistics
import time
from collections.abc import Sequence
from datetime import date
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import Parameter
from torch.optim import Muon, Optimizer

from emotion_qwen.inference.checkpoint import load_model, shipped_checkpoint
from emotion_qwen.train.batched_muon import BatchedMuon
from emotion_qwen.train.recipe import find_recipe, read_recipe
from emotion_qwen.train.trainable_modules import matrices_by_rate

RECIPE = "nano/warm_up"


def muons_matrices() -> list[Parameter]:
    """The shipped model's matrices that the recipe gives to Muon."""
    model = load_model(shipped_checkpoint(), torch.float32)
    rates = read_recipe(find_recipe(RECIPE))["muon_learning_rates"]
    return [matrix for group in matrices_by_rate(model.named_parameters(), rates).values() for matrix in group]


def step_seconds(optimizer: Optimizer, matrices: Sequence[Parameter], gradients: Sequence[Tensor]) -> float:
    """Seconds of a step."""
    for matrix, gradient in zip(matrices, gradients, strict=True):
        matrix.grad = gradient.clone()
    start = time.perf_counter()
    optimizer.step()
    return time.perf_counter() - start


def compare(rounds: int) -> str:
    """Steps with both in turn and writes the comparison as Markdown."""
    ours, theirs = muons_matrices(), muons_matrices()
    batched = BatchedMuon([{"params": ours, "lr": 1e-3}], weight_decay=0.05)
    single = Muon(theirs, lr=1e-3, weight_decay=0.05, adjust_lr_fn="match_rms_adamw")
    noise = torch.Generator().manual_seed(0)
    ratios = []
    for _ in range(rounds + 1):
        gradients = [torch.randn(matrix.shape, generator=noise) for matrix in ours]
        ratios.append(step_seconds(batched, ours, gradients) / step_seconds(single, theirs, gradients))
    apart = max((a - b).abs().max().item() for a, b in zip(ours, theirs, strict=True))
    del ratios[0]  # what is done once is done in the first round
    return (
        "# A step of Muon with the matrices of one shape together\n\n"
        f"Measured on {date.today().isoformat()} by `python benchmarks/muon.py --output benchmarks/muon.md` "
        f"({platform.machine()}, {torch.get_num_threads()} threads), {rounds} rounds on the {len(ours)} matrices of "
        f"the Nano that Muon trains.\n\n**Time as a ratio to torch's Muon: median {statistics.median(ratios):.2f}** "
        f"(lowest {min(ratios):.2f}, highest {max(ratios):.2f}; below 1 ours is faster). After {rounds + 1} steps the "
        f"weights of both differ by at most {apart:.0e}.\n"
    )


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--output", type=Path)
    arguments = parser.parse_args()
    text = compare(arguments.rounds)
    print(text)
    if arguments.output:
        arguments.output.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
