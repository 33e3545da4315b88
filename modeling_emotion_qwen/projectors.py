"""The baseline projectors of Tables 5 and 6 (Figure 5), and the projection that every compressor is made of.

A compressor maps the patches of a batch, `(num_patches, d_v)`, to visual tokens, `(num_patches / merge², d_t)`.
Patches come item by item and frame by frame, in raster order of 2x2 blocks, the four patches of a block together.
There are two kinds of compressor, told apart by the class attribute `is_gated`:

- not gated (`MLPProjector`, and Qwen2.5-VL's own patch merger): `tokens = compressor(patches)`;
- gated (`FusionProjector`, `HybridCompressor`): `tokens, gate_weights = compressor(patches, cu_seqlens, max_seqlen)`,
  where `cu_seqlens` marks where frames begin and `gate_weights` is float32 `(num_tokens, 2)`.

A module without the attribute counts as not gated, so `model.model.visual.compressor` can be replaced by Qwen2.5-VL's
`visual.merger` as it is, and the model then computes what Qwen2.5-VL computes.
"""

from typing import ClassVar

import torch
from torch import nn
from transformers.modeling_layers import GradientCheckpointingLayer
from transformers.models.qwen2_5_vl.modeling_qwen2_5_vl import Qwen2_5_VLRMSNorm

from .configuration_emotion_qwen import EmotionQwenVisionConfig


class BlockProjection(nn.Module):
    """Concatenates the patches of a 2x2 block and projects them: Linear(4·d_v, 4·d_v), activation, Linear(4·d_v, d_t).

    Args:
        config: Gives d_v (`hidden_size`), d_t (`out_hidden_size`) and the block's side (`spatial_merge_size`).
        activation: The module between the two linear layers.
    """

    def __init__(self, config: EmotionQwenVisionConfig, activation: nn.Module) -> None:
        super().__init__()
        self.block_size = config.hidden_size * config.spatial_merge_size**2
        self.linear_in = nn.Linear(self.block_size, self.block_size)
        self.activation = activation
        self.linear_out = nn.Linear(self.block_size, config.out_hidden_size)

    def forward(self, hidden_states: torch.Tensor) -> torch.Tensor:
        """Maps patches `(num_patches, d_v)` to tokens `(num_tokens, d_t)`."""
        return self.linear_out(self.activation(self.linear_in(hidden_states.reshape(-1, self.block_size))))


class MLPProjector(GradientCheckpointingLayer):
    """The MLP projector of Table 6: RMSNorm, then two linear layers with a ReLU (44.57 M parameters at 7B).

    Args:
        config: The vision config.
    """

    is_gated: ClassVar[bool] = False

    def __init__(self, config: EmotionQwenVisionConfig) -> None:
        super().__init__()
        self.norm = Qwen2_5_VLRMSNorm(config.hidden_size, eps=1e-6)
        self.projection = BlockProjection(config, nn.ReLU())

    def forward(self, hidden_states: torch.Tensor) -> torch.Tensor:
        """Maps patches `(num_patches, d_v)` to tokens `(num_tokens, d_t)`."""
        return self.projection(self.norm(hidden_states))


class FusionRatio(nn.Module):
    """The ratio of the Fusion projector, computed by an MLP: block mean, Linear(d_v, w), ReLU, Linear(w, 2), softmax.

    Args:
        config: The vision config; `fusion_hidden_size` is w.
    """

    def __init__(self, config: EmotionQwenVisionConfig) -> None:
        super().__init__()
        self.merge_unit = config.spatial_merge_size**2
        self.linear_in = nn.Linear(config.hidden_size, config.fusion_hidden_size)
        self.linear_out = nn.Linear(config.fusion_hidden_size, 2)

    def forward(self, hidden_states: torch.Tensor) -> torch.Tensor:
        """Maps patches `(num_patches, d_v)` to float32 ratios `(num_tokens, 2)` whose rows sum to 1."""
        blocks = hidden_states.reshape(-1, self.merge_unit, hidden_states.shape[-1]).mean(dim=1)
        return self.linear_out(self.linear_in(blocks).relu()).softmax(dim=-1, dtype=torch.float32)


class FusionProjector(GradientCheckpointingLayer):
    """The Fusion projector of Table 6: two parallel MLP projectors, mixed by a ratio (89.15 M parameters at 7B).

    Args:
        config: The vision config.
    """

    is_gated: ClassVar[bool] = True

    def __init__(self, config: EmotionQwenVisionConfig) -> None:
        super().__init__()
        self.norm = Qwen2_5_VLRMSNorm(config.hidden_size, eps=1e-6)
        self.first_projection = BlockProjection(config, nn.ReLU())
        self.second_projection = BlockProjection(config, nn.ReLU())
        self.ratio = FusionRatio(config)

    def forward(
        self, hidden_states: torch.Tensor, cu_seqlens: torch.Tensor, max_seqlen: int | None = None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Maps patches to tokens, and returns the ratio by which the two projections were mixed.

        Args:
            hidden_states: Patches, `(num_patches, d_v)`.
            cu_seqlens: Frame boundaries of the gated interface; the ratio looks at one block only and needs none.
            max_seqlen: As `cu_seqlens`.

        Returns:
            The tokens `(num_tokens, d_t)` and the float32 ratios `(num_tokens, 2)`, first projection first.
        """
        hidden_states = self.norm(hidden_states)
        ratio = self.ratio(hidden_states)
        return mix(ratio, self.first_projection(hidden_states), self.second_projection(hidden_states)), ratio


def mix(weights: torch.Tensor, first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
    """Adds two token sequences, each token weighted by its row: `w[:, 0] · first + w[:, 1] · second` (Eq. 4).

    Args:
        weights: `(num_tokens, 2)`, rows summing to 1.
        first: `(num_tokens, d_t)`.
        second: `(num_tokens, d_t)`.

    Returns:
        `(num_tokens, d_t)` in the dtype of `first`.
    """
    first_weight, second_weight = weights.to(first.dtype).unsqueeze(-1).unbind(dim=1)
    return first_weight * first + second_weight * second


__all__ = ["BlockProjection", "FusionProjector", "MLPProjector", "mix"]
