"""Attention within frames or windows of frames, those of one length together, for the gate and the vision tower."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import nn
from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS
from transformers.models.qwen2_5_vl.modeling_qwen2_5_vl import (
    Qwen2_5_VLVisionAttention,
    apply_rotary_pos_emb_vision,
    eager_attention_forward,
)
from transformers.utils.generic import get_max_seqlen, is_flash_attention_requested

_SCORES_AT_ONCE = 2**19
"""Pairs of patches in a call, for each head: eager attention holds them all, and is slow beyond a CPU's cache."""


class VisionAttention(Qwen2_5_VLVisionAttention):
    """The vision tower's self-attention. Qwen2.5-VL's own calls the attention once for every window of every frame."""

    def forward(
        self,
        hidden_states: torch.Tensor,
        cu_seqlens: torch.Tensor,
        position_embeddings: tuple[torch.Tensor, torch.Tensor],
        max_seqlen: int | None = None,
        **kwargs: Any,
    ) -> torch.Tensor:
        """Lets every patch attend to the patches of its own frame or window.

        Args:
            hidden_states: Patches of all frames, `(num_patches, d_v)`.
            cu_seqlens: Where frames or windows begin, and the end of the last one: integer `(num_frames + 1,)`.
            position_embeddings: Cosines and sines, `(num_patches, head_dim)` each.
            max_seqlen: Patches of the largest frame; used by flash attention, computed where it is None.
            **kwargs: Passed to the attention function.

        Returns:
            Attended patches, `(num_patches, d_v)`.
        """
        states = self.qkv(hidden_states).unflatten(-1, (3, self.num_heads, -1))
        query, key, value = states.unbind(1)
        query, key = apply_rotary_pos_emb_vision(query, key, *position_embeddings)
        return self.proj(attend_within_frames(self, (query, key, value), cu_seqlens, max_seqlen, **kwargs))


def attend_within_frames(
    module: nn.Module,
    states: Sequence[torch.Tensor],
    cu_seqlens: torch.Tensor,
    max_seqlen: int | None = None,
    **kwargs: Any,
) -> torch.Tensor:
    """Lets every patch attend to the patches of its own frame, by the attention of the module's config.

    No patch ever sees another frame, so the cost grows with the number of frames and no mask over a whole video is
    built.

    Args:
        module: Its `config`, its `scaling` and what the attention functions of transformers read are used.
        states: Queries, keys and values of the patches of all frames, `(num_patches, heads, head_dim)` each.
        cu_seqlens: Where frames begin, and the end of the last one: integer `(num_frames + 1,)`.
        max_seqlen: Patches of the largest frame; used by flash attention, computed where it is None.
        **kwargs: Passed to the attention function.

    Returns:
        `(num_patches, heads · head_dim)`.
    """
    attention = ALL_ATTENTION_FUNCTIONS.get_interface(module.config._attn_implementation, eager_attention_forward)

    def attend(rows: Sequence[torch.Tensor], **lengths: torch.Tensor | int) -> torch.Tensor:
        """Attends within each row of `(rows, length, heads, head_dim)` states; returns that shape."""
        query, key, value = (state.transpose(1, 2) for state in rows)
        options = {"attention_mask": None, "scaling": module.scaling, "dropout": 0.0, "is_causal": False}
        return attention(module, query, key, value, **options, **lengths, **kwargs)[0]

    if not is_flash_attention_requested(module.config):
        return _attend_grouped(attend, states, cu_seqlens).flatten(1)
    max_seqlen = get_max_seqlen(cu_seqlens, module.config, kwargs={"max_seqlen": max_seqlen})
    return attend(
        [state.unsqueeze(0) for state in states],
        cu_seq_lens_q=cu_seqlens,
        cu_seq_lens_k=cu_seqlens,
        max_length_q=max_seqlen,
        max_length_k=max_seqlen,
    ).reshape(states[0].shape[0], -1)


def _attend_grouped(
    attend: Callable[[Sequence[torch.Tensor]], torch.Tensor], states: Sequence[torch.Tensor], cu_seqlens: torch.Tensor
) -> torch.Tensor:
    """Batched calls for each length of frame; the frames of a video share theirs. `(num_patches, heads, head_dim)`."""
    if torch.compiler.is_exporting():
        return attend(_rows(states, _count_equal_frames(cu_seqlens))).flatten(0, 1)
    lengths = cu_seqlens.diff().tolist()
    places_by_length = defaultdict(list)
    for place, length in enumerate(lengths):
        places_by_length[length].append(place)
    if len(places_by_length) == 1:
        return _attend_in_batches(attend, _rows(states, len(lengths))).flatten(0, 1)
    frames = [state.split(lengths) for state in states]
    attended: dict[int, torch.Tensor] = {}
    for places in places_by_length.values():
        rows = _attend_in_batches(attend, [torch.stack([state[place] for place in places]) for state in frames])
        attended.update(zip(places, rows.unbind(), strict=True))
    return torch.cat([attended[place] for place in range(len(lengths))])


def _rows(states: Sequence[torch.Tensor], num_frames: int) -> list[torch.Tensor]:
    """Splits states by frames of equal length: `(num_frames, length, heads, head_dim)` each."""
    return [state.unflatten(0, (num_frames, state.shape[0] // num_frames)) for state in states]


def _attend_in_batches(
    attend: Callable[[Sequence[torch.Tensor]], torch.Tensor], rows: Sequence[torch.Tensor]
) -> torch.Tensor:
    """Attends within each row of `(rows, length, heads, head_dim)` states, many short or few long ones in a call."""
    batch = max(1, _SCORES_AT_ONCE // rows[0].shape[1] ** 2)
    return torch.cat([attend(part) for part in zip(*(row.split(batch) for row in rows), strict=True)])


def _count_equal_frames(cu_seqlens: torch.Tensor) -> int:
    """Counts frames that all have one length, without looking at the values of `cu_seqlens`.

    An exported graph cannot depend on them; transformers' exporters ask the same of Qwen2.5-VL's own attention.

    Raises:
        RuntimeError: The frames differ in length; also when the exported graph runs.
    """
    lengths = cu_seqlens.diff()
    torch._assert_async((lengths == lengths[0]).all(), "An exported model needs frames of equal length.")
    return lengths.shape[0]
