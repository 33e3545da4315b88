"""Probabilities over a label set from the model's own likelihoods.

A label's score is the log-likelihood of its tokens and the end of the turn, as the answer to the label question.
A softmax over the set turns scores into probabilities. No generated text is parsed, so every label gets one.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
import torch.nn.functional as F

from emotion_qwen import EmotionQwenForConditionalGeneration
from emotion_qwen.outputs_emotion_qwen import CACHE

_PLACING = ("mm_token_type_ids", "attention_mask", "image_grid_thw", "video_grid_thw", "second_per_grid_ts")
"""Inputs of a prompt that, with its tokens, determine their positions."""


@torch.inference_mode()
def label_probabilities(
    model: EmotionQwenForConditionalGeneration, prompt: Mapping[str, Any], answers: Sequence[Sequence[int]]
) -> torch.Tensor:
    """Probability of each answer among a set of answers to one prompt.

    Args:
        model: The model.
        prompt: Model inputs of one prompt (batch of 1, up to where the answer starts), such as `input_ids`,
            `mm_token_type_ids`, grids and `mm_encoder_outputs`.
        answers: Token ids per answer, each ending with the end-of-turn token.

    Returns:
        Probabilities (num_answers,), float32 on the CPU, summing to 1.
    """
    return answer_log_likelihoods(model, prompt, answers).softmax(dim=0)


@torch.inference_mode()
def answer_log_likelihoods(
    model: EmotionQwenForConditionalGeneration, prompt: Mapping[str, Any], answers: Sequence[Sequence[int]]
) -> torch.Tensor:
    """Log-likelihood of each answer after a prompt.

    The prompt, with all its visual tokens, is read once; its cache is then shared by one batch of all answers.

    Args:
        model: The model.
        prompt: Model inputs of one prompt (batch of 1).
        answers: Token ids per answer; none may be empty.

    Returns:
        Sums of token log-probabilities (num_answers,), float32 on the CPU.

    Raises:
        ValueError: If there is no answer, or an empty one.
    """
    if not answers or not all(answers):
        raise ValueError("Every answer needs at least one token.")
    lengths = torch.tensor([len(answer) for answer in answers])
    targets = torch.nn.utils.rnn.pad_sequence([torch.tensor(answer) for answer in answers], batch_first=True)
    in_answer = torch.arange(targets.shape[1]) < lengths[:, None]

    read = model(**prompt, use_cache=True, logits_to_keep=1)
    logits = read.logits.expand(len(answers), -1, -1)
    if targets.shape[1] > 1:
        cache = read[CACHE]
        cache.batch_repeat_interleave(len(answers))
        said = targets[:, :-1].to(logits.device)
        # Padding stands on the right, so no real token attends to it and no mask is needed.
        following = _positions_after(model, prompt, said)
        rest = model(input_ids=said, position_ids=following, use_cache=True, **{CACHE: cache})
        logits = torch.cat([logits, rest.logits], dim=1)
    log_probabilities = F.log_softmax(logits.float(), dim=-1).cpu()
    chosen = log_probabilities.gather(-1, targets[..., None])[..., 0]
    return (chosen * in_answer).sum(dim=1)


def _positions_after(
    model: EmotionQwenForConditionalGeneration, prompt: Mapping[str, Any], tokens: torch.Tensor
) -> torch.Tensor:
    """Positions of tokens (rows, length) that follow a prompt, of the kind that the text backbone takes.

    Without them the model would continue from the prompt that it read last, which may be another thread's.
    """
    text = prompt["input_ids"]
    placing = {"mm_token_type_ids": torch.zeros_like(text)} | {
        name: prompt[name] for name in _PLACING if name in prompt
    }
    positions, _ = model.model.get_rope_index(text, **placing)
    following = positions.max() + 1 + torch.arange(tokens.shape[1], device=positions.device)
    return following.expand(*positions.shape[:-2], *tokens.shape)
