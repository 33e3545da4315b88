"""The vision tower of Emotion-Qwen: Qwen2.5-VL's, with a compressor where that has its patch merger."""

import torch
from torch import nn
from transformers.models.qwen2_5_vl.modeling_qwen2_5_vl import (
    Qwen2_5_VisionTransformerPretrainedModel,
    Qwen2_5_VLPreTrainedModel,
)
from transformers.processing_utils import Unpack
from transformers.utils import TransformersKwargs
from transformers.utils.generic import get_max_seqlen, merge_with_config_defaults
from transformers.utils.output_capturing import capture_outputs
from transformers.vision_utils import get_vision_attention_seqlens, get_vision_position_ids, get_vision_window_index

from .configuration_emotion_qwen import EmotionQwenConfig, EmotionQwenVisionConfig
from .frame_attention import VisionAttention
from .hybrid_compressor import HybridCompressor
from .outputs_emotion_qwen import EmotionQwenVisionOutput
from .projectors import FusionProjector, MLPProjector

PROJECTORS = {"hybrid": HybridCompressor, "mlp": MLPProjector, "fusion": FusionProjector}


class EmotionQwenPreTrainedModel(Qwen2_5_VLPreTrainedModel):
    """What all Emotion-Qwen models share."""

    config: EmotionQwenConfig
    _no_split_modules = ["Qwen2_5_VLDecoderLayer", "Qwen2_5_VLVisionBlock", *(p.__name__ for p in PROJECTORS.values())]


class PatchProjection(nn.Conv3d):
    """A convolution over patches that its kernel covers whole: one product of matrices.

    As a convolution it takes several times as long on a CPU, and in bfloat16 many times.
    """

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        """Embeds each patch.

        Args:
            input: `(num_patches, in_channels, *kernel_size)`.

        Returns:
            `(num_patches, out_channels, 1, 1, 1)`.
        """
        return nn.functional.linear(input.flatten(1), self.weight.flatten(1), self.bias)[..., None, None, None]


class EmotionQwenVisionModel(EmotionQwenPreTrainedModel, Qwen2_5_VisionTransformerPretrainedModel):
    """Qwen2.5-VL's vision tower with a compressor where that has its patch merger.

    Args:
        config: The vision config; its `projector_type` chooses the compressor.
    """

    config: EmotionQwenVisionConfig
    _no_split_modules = ["Qwen2_5_VLVisionBlock", *(p.__name__ for p in PROJECTORS.values())]

    def __init__(self, config: EmotionQwenVisionConfig) -> None:
        super().__init__(config)
        patches = self.patch_embed.proj
        self.patch_embed.proj = PatchProjection(
            patches.in_channels, patches.out_channels, patches.kernel_size, patches.stride, bias=False
        )
        for block in self.blocks:
            block.attn = VisionAttention(config)
        del self.merger
        self.compressor = PROJECTORS[config.projector_type](config)
        self.post_init()

    @merge_with_config_defaults
    @capture_outputs
    def forward(
        self,
        hidden_states: torch.Tensor,
        grid_thw: torch.Tensor,
        output_gate_weights: bool = False,
        **kwargs: Unpack[TransformersKwargs],
    ) -> tuple | EmotionQwenVisionOutput:
        """Turns pixels into visual tokens.

        Unlike Qwen2.5-VL, which merges patches in window order and sorts afterwards, this restores the order of the
        frames first: the gate attends across a frame.

        Args:
            hidden_states: Flattened patches of pixels, `(num_patches, channels · temporal_patch · patch²)`.
            grid_thw: Patches along time, height and width of each item, int64 `(num_items, 3)`.
            output_gate_weights: Whether to return the weights of the two experts.
            **kwargs: As in Qwen2.5-VL: `position_ids`, `cu_seqlens`, `max_seqlen`, `window_index`,
                `cu_window_seqlens` and `max_window_seqlen` may be precomputed from `grid_thw`.

        Returns:
            The tokens, and what else was asked for.
        """
        position_ids = get_vision_position_ids(grid_thw, self.spatial_merge_size, kwargs=kwargs)
        cu_seqlens, max_seqlen = get_vision_attention_seqlens(grid_thw, self.config, kwargs=kwargs)
        window_index, cu_window_seqlens = get_vision_window_index(
            grid_thw, self.spatial_merge_size, self.window_size, self.patch_size, kwargs=kwargs
        )
        max_window_seqlen = get_max_seqlen(
            cu_window_seqlens, self.config, kwargs=kwargs, kwarg_name="max_window_seqlen"
        )

        hidden_states = self.patch_embed(hidden_states)
        num_patches = hidden_states.shape[0]
        position_embeddings = tuple(
            self.permute_input_for_window_attn(angles, window_index, num_patches)
            for angles in self.rotary_pos_emb(hidden_states, position_ids)
        )
        hidden_states = self.permute_input_for_window_attn(hidden_states, window_index, num_patches)
        for index, block in enumerate(self.blocks):
            attends_to_frame = index in self.fullatt_block_indexes
            hidden_states = block(
                hidden_states,
                cu_seqlens=cu_seqlens if attends_to_frame else cu_window_seqlens,
                max_seqlen=max_seqlen if attends_to_frame else max_window_seqlen,
                position_embeddings=position_embeddings,
                **kwargs,
            )

        patches = self.permute_input_for_window_attn(hidden_states, window_index.argsort(), num_patches)
        tokens, gate_weights = self._compress(patches, cu_seqlens, max_seqlen)
        return EmotionQwenVisionOutput(
            last_hidden_state=hidden_states,
            pooler_output=tokens,
            gate_weights=gate_weights if output_gate_weights else None,
        )

    def _compress(
        self, patches: torch.Tensor, cu_seqlens: torch.Tensor, max_seqlen: int | None
    ) -> tuple[torch.Tensor, torch.Tensor | None]:
        """Calls the compressor by the interface of its kind (described in `projectors.py`)."""
        if not getattr(self.compressor, "is_gated", False):
            return self.compressor(patches), None
        return self.compressor(patches, cu_seqlens=cu_seqlens, max_seqlen=max_seqlen)


def split_gate_weights(outputs: EmotionQwenVisionOutput) -> EmotionQwenVisionOutput:
    """Splits the gate weights of a batch into one tensor per item, as `pooler_output` is split."""
    if outputs.gate_weights is not None:
        tokens_per_item = [len(tokens) for tokens in outputs.pooler_output]
        outputs.gate_weights = torch.split(outputs.gate_weights, tokens_per_item)
    return outputs


__all__ = ["EmotionQwenPreTrainedModel", "EmotionQwenVisionModel", "split_gate_weights"]
