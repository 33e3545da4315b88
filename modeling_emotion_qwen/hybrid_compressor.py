"""The Hybrid Compressor (Figure 2, Eqs. 1-4): an emotion expert and a general expert, mixed by an attention gate."""

from typing import ClassVar

import torch
from torch import nn
from transformers.modeling_layers import GradientCheckpointingLayer
from transformers.models.qwen2_5_vl.modeling_qwen2_5_vl import Qwen2_5_VLRMSNorm

from .configuration_emotion_qwen import EmotionQwenVisionConfig
from .frame_attention import attend_within_frames
from .projectors import BlockProjection, mix


class Expert(nn.Module):
    """One expert (Eqs. 1-2): a block projection with GELU, then LayerNorm(d_t).

    Args:
        config: The vision config.
    """

    def __init__(self, config: EmotionQwenVisionConfig) -> None:
        super().__init__()
        self.projection = BlockProjection(config, nn.GELU())
        self.norm = nn.LayerNorm(config.out_hidden_size)

    def forward(self, hidden_states: torch.Tensor) -> torch.Tensor:
        """Maps patches `(num_patches, d_v)` to tokens `(num_tokens, d_t)`."""
        return self.norm(self.projection(hidden_states))


class FrameSelfAttention(nn.Module):
    """Multi-head self-attention over the patches of one frame, for all frames of a batch at once.

    A frame is a temporal patch of a video, or an image.

    Args:
        config: The vision config; `gate_num_heads` heads, and its attention implementation.
    """

    def __init__(self, config: EmotionQwenVisionConfig) -> None:
        super().__init__()
        self.config = config
        self.num_heads = config.gate_num_heads
        self.head_dim = config.hidden_size // config.gate_num_heads
        self.scaling = self.head_dim**-0.5
        self.num_key_value_groups = 1  # read by the attention functions of transformers
        self.is_causal = False
        self.query = nn.Linear(config.hidden_size, config.hidden_size)
        self.key = nn.Linear(config.hidden_size, config.hidden_size)
        self.value = nn.Linear(config.hidden_size, config.hidden_size)
        self.output = nn.Linear(config.hidden_size, config.hidden_size)

    def forward(
        self, hidden_states: torch.Tensor, cu_seqlens: torch.Tensor, max_seqlen: int | None = None
    ) -> torch.Tensor:
        """Lets every patch attend to the patches of its own frame.

        Args:
            hidden_states: Patches of all frames, `(num_patches, d_v)`.
            cu_seqlens: Where frames begin, and the end of the last one: integer `(num_frames + 1,)`.
            max_seqlen: Patches of the largest frame; used by flash attention, computed where it is None.

        Returns:
            Attended patches, `(num_patches, d_v)`.
        """
        heads = (self.num_heads, self.head_dim)
        states = [layer(hidden_states).unflatten(-1, heads) for layer in (self.query, self.key, self.value)]
        return self.output(attend_within_frames(self, states, cu_seqlens, max_seqlen))


class GatingNetwork(nn.Module):
    """Gives every visual token the weights of the two experts (Eq. 3, right side of Figure 2).

    Self-attention within the frame, mean over each 2x2 block, two blocks of Linear, ReLU and LayerNorm, Linear to 2,
    softmax.

    Args:
        config: The vision config; `gate_hidden_size` is the width of the two blocks.
    """

    def __init__(self, config: EmotionQwenVisionConfig) -> None:
        super().__init__()
        width = config.gate_hidden_size
        self.merge_unit = config.spatial_merge_size**2
        self.attention = FrameSelfAttention(config)
        self.blocks = nn.ModuleList(
            nn.Sequential(nn.Linear(inputs, width), nn.ReLU(), nn.LayerNorm(width))
            for inputs in (config.hidden_size, width)
        )
        self.router = nn.Linear(width, 2)

    def forward(
        self, hidden_states: torch.Tensor, cu_seqlens: torch.Tensor, max_seqlen: int | None = None
    ) -> torch.Tensor:
        """Maps patches `(num_patches, d_v)` to float32 weights `(num_tokens, 2)` whose rows sum to 1."""
        attended = self.attention(hidden_states, cu_seqlens, max_seqlen)
        tokens = attended.reshape(-1, self.merge_unit, attended.shape[-1]).mean(dim=1)
        for block in self.blocks:
            tokens = block(tokens)
        return self.router(tokens).softmax(dim=-1, dtype=torch.float32)


class HybridCompressor(GradientCheckpointingLayer):
    """Compresses 2x2 patches into one token by two experts and a gate (95.74 M parameters at 7B, Table 6).

    `V_out = g · V_emotion + (1 - g) · V_general` (Eq. 4), with one `g` per visual token.

    Args:
        config: The vision config.
    """

    is_gated: ClassVar[bool] = True

    def __init__(self, config: EmotionQwenVisionConfig) -> None:
        super().__init__()
        # Eqs. 1-2 leave this norm out; Qwen2.5-VL's merger has it, and the count of Table 6 includes it.
        self.norm = Qwen2_5_VLRMSNorm(config.hidden_size, eps=1e-6)
        self.emotion_expert = Expert(config)
        self.general_expert = Expert(config)
        self.gating_network = GatingNetwork(config)

    def forward(
        self, hidden_states: torch.Tensor, cu_seqlens: torch.Tensor, max_seqlen: int | None = None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Compresses the patches of a batch of frames.

        Args:
            hidden_states: Patches of all frames, `(num_patches, d_v)`, the four patches of a 2x2 block side by side.
            cu_seqlens: Where frames begin, and the end of the last one: integer `(num_frames + 1,)`.
            max_seqlen: Patches of the largest frame; used by flash attention, computed where it is None.

        Returns:
            The tokens `(num_tokens, d_t)` and the float32 gate weights `(num_tokens, 2)`: emotion, general.
        """
        hidden_states = self.norm(hidden_states)
        gate_weights = self.gating_network(hidden_states, cu_seqlens, max_seqlen)
        tokens = mix(gate_weights, self.emotion_expert(hidden_states), self.general_expert(hidden_states))
        return tokens, gate_weights


def mean_gate_weights(gate_weights: tuple[torch.Tensor, ...]) -> torch.Tensor:
    """Averages the gate over the visual tokens of each item, as in Table 7.

    Args:
        gate_weights: One `(num_tokens, 2)` tensor per image or video, as `output_gate_weights=True` gives them.

    Returns:
        `(num_items, 2)`: the mean weights of the emotion and the general expert.
    """
    return torch.stack([weights.mean(dim=0) for weights in gate_weights])


__all__ = ["HybridCompressor", "mean_gate_weights"]
