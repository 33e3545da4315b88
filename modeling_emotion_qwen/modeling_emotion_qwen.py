"""Emotion-Qwen on top of transformers' Qwen2.5-VL: its own vision tower, and a choice of text backbones."""

from typing import Any

import torch
from torch import nn
from transformers import AutoModel, Cache, GenerationMixin
from transformers.modeling_outputs import BaseModelOutputWithPooling
from transformers.models.qwen2_5_vl.modeling_qwen2_5_vl import Qwen2_5_VLForConditionalGeneration, Qwen2_5_VLModel
from transformers.processing_utils import Unpack
from transformers.utils import TransformersKwargs, can_return_tuple

from .configuration_emotion_qwen import EmotionQwenConfig
from .outputs_emotion_qwen import (
    CACHE,
    EmotionQwenCausalLMOutputWithPast,
    EmotionQwenModelOutputWithPast,
    EmotionQwenVisionOutput,
)
from .sharded_weights import is_sharded
from .vision_emotion_qwen import EmotionQwenPreTrainedModel, EmotionQwenVisionModel, split_gate_weights


class EmotionQwenModel(EmotionQwenPreTrainedModel, Qwen2_5_VLModel):
    """The vision tower and the text backbone, without an output head.

    Args:
        config: The config; its `text_config` chooses the text backbone.
    """

    def __init__(self, config: EmotionQwenConfig) -> None:
        # Past Qwen2_5_VLModel.__init__, which would build Qwen2.5-VL's own tower and text model.
        super(Qwen2_5_VLModel, self).__init__(config)
        self.visual = EmotionQwenVisionModel._from_config(config.vision_config)
        self.language_model = AutoModel.from_config(config.text_config)
        self.rope_deltas = None
        self.post_init()

    @can_return_tuple
    def get_image_features(
        self,
        pixel_values: torch.FloatTensor,
        image_grid_thw: torch.LongTensor | None = None,
        **kwargs: Unpack[TransformersKwargs],
    ) -> tuple | EmotionQwenVisionOutput:
        """Computes the visual tokens of images.

        Args:
            pixel_values: Flattened patches of all images, `(num_patches, channels · temporal_patch · patch²)`.
            image_grid_thw: Patches along time, height and width of each image, int64 `(num_images, 3)`.
            **kwargs: `output_gate_weights=True` for the gate; the rest goes to the vision tower.

        Returns:
            `pooler_output` and `gate_weights` hold one tensor per image.
        """
        outputs = super().get_image_features(pixel_values, image_grid_thw, return_dict=True, **kwargs)
        return split_gate_weights(outputs)

    @can_return_tuple
    def get_video_features(
        self,
        pixel_values_videos: torch.FloatTensor,
        video_grid_thw: torch.LongTensor | None = None,
        **kwargs: Unpack[TransformersKwargs],
    ) -> tuple | EmotionQwenVisionOutput:
        """Computes the visual tokens of videos.

        Args:
            pixel_values_videos: Flattened patches of all videos, `(num_patches, channels · temporal_patch · patch²)`.
            video_grid_thw: Patches along time, height and width of each video, int64 `(num_videos, 3)`.
            **kwargs: `output_gate_weights=True` for the gate; the rest goes to the vision tower.

        Returns:
            `pooler_output` and `gate_weights` hold one tensor per video.
        """
        outputs = super().get_video_features(pixel_values_videos, video_grid_thw, return_dict=True, **kwargs)
        return split_gate_weights(outputs)

    def get_rope_index(
        self,
        input_ids: torch.LongTensor,
        mm_token_type_ids: torch.IntTensor | None = None,
        image_grid_thw: torch.LongTensor | None = None,
        video_grid_thw: torch.LongTensor | None = None,
        second_per_grid_ts: torch.Tensor | None = None,
        attention_mask: torch.Tensor | None = None,
        **kwargs: Any,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Computes the positions of a whole prompt, of the kind that the text backbone has.

        The arguments are named and ordered as in Qwen2.5-VL: transformers reads their names to prepare an export.

        Args:
            input_ids: `(batch, length)`.
            mm_token_type_ids: `(batch, length)`: 0 text, 1 image, 2 video; needed with mrope.
            image_grid_thw: Patches along time, height and width of each image, int64 `(num_images, 3)`.
            video_grid_thw: Patches along time, height and width of each video, int64 `(num_videos, 3)`.
            second_per_grid_ts: Seconds per temporal patch of each video, `(num_videos,)`.
            attention_mask: `(batch, length)`, 1 for tokens and 0 for padding.
            **kwargs: Other inputs of the model, which have no part in positions.

        Returns:
            int64 positions, `(3, batch, length)` with mrope and `(batch, length)` without, and by how much the
            position after the prompt differs from its length, int64 `(batch, 1)`.

        Raises:
            ValueError: With mrope, an image or video has no grid.
        """
        if self.config.uses_mrope:
            try:
                return super().get_rope_index(
                    input_ids,
                    mm_token_type_ids,
                    image_grid_thw=image_grid_thw,
                    video_grid_thw=video_grid_thw,
                    second_per_grid_ts=second_per_grid_ts,
                    attention_mask=attention_mask,
                )
            except StopIteration as error:
                raise ValueError(
                    "mm_token_type_ids marks more images or videos than have a grid: give the grids of all that the "
                    "prompt holds, those in the cache too."
                ) from error
        mask = torch.ones_like(input_ids) if attention_mask is None else attention_mask.long()
        return (mask.cumsum(dim=-1) - 1).clamp(min=0), torch.zeros_like(input_ids[:, :1])

    def compute_3d_position_ids(self, **inputs: torch.Tensor | Cache | None) -> torch.Tensor | None:
        """Computes Qwen2.5-VL's positions along time, height and width.

        Args:
            **inputs: As in Qwen2.5-VL.

        Returns:
            int64 `(3, batch, length)`, or None where the text backbone is to count positions itself: one with plain
            positions (Llama) always, one with mrope for text without images and videos.
        """
        if not self.config.uses_mrope:
            return None
        cache = inputs.get(CACHE)
        if cache is None or cache.get_seq_length() == 0:
            # A new sequence: the offset that an earlier one left behind would shift this one's later tokens.
            self.rope_deltas = None
        position_ids = super().compute_3d_position_ids(**inputs)
        # A mask spans what the cache holds too, and Qwen2.5-VL computes positions for all that it spans.
        return None if position_ids is None else position_ids[..., -inputs["inputs_embeds"].shape[1] :]

    @can_return_tuple
    def forward(
        self,
        input_ids: torch.LongTensor | None = None,
        attention_mask: torch.Tensor | None = None,
        position_ids: torch.LongTensor | None = None,
        past_key_values: Cache | None = None,
        inputs_embeds: torch.FloatTensor | None = None,
        use_cache: bool | None = None,
        pixel_values: torch.Tensor | None = None,
        pixel_values_videos: torch.FloatTensor | None = None,
        image_grid_thw: torch.LongTensor | None = None,
        video_grid_thw: torch.LongTensor | None = None,
        mm_token_type_ids: torch.IntTensor | None = None,
        second_per_grid_ts: torch.Tensor | None = None,
        mm_encoder_outputs: dict[str, BaseModelOutputWithPooling] | None = None,
        output_gate_weights: bool = False,
        **kwargs: Unpack[TransformersKwargs],
    ) -> tuple | EmotionQwenModelOutputWithPast:
        """Runs the whole model up to its last hidden state.

        Args:
            input_ids: `(batch, length)`.
            attention_mask: `(batch, length)`, 1 for tokens and 0 for padding.
            position_ids: `(batch, length)`, or `(3 or 4, batch, length)` with mrope.
            past_key_values: The cache; since transformers 5.24 it may also be given as `cache`.
            inputs_embeds: `(batch, length, d_t)`, in place of the embeddings of `input_ids`.
            use_cache: Whether to return a cache.
            pixel_values: Flattened patches of all images.
            pixel_values_videos: Flattened patches of all videos.
            image_grid_thw: `(num_images, 3)`.
            video_grid_thw: `(num_videos, 3)`.
            mm_token_type_ids: `(batch, length)`: 0 text, 1 image, 2 video.
            second_per_grid_ts: Seconds per temporal patch of each video, `(num_videos,)`.
            mm_encoder_outputs: Outputs of `get_image_features` under `"image"` and `get_video_features` under
                `"video"`, computed before; instead of pixels.
            output_gate_weights: Whether to return the gate.
            **kwargs: Passed to the vision tower and the text backbone.

        Returns:
            The hidden states, the cache, what the vision tower made of images and of videos and, if asked for, the
            gate of each item.

        Raises:
            ValueError: Both pixels and `mm_encoder_outputs` are given, or placeholders and visual tokens do not match.
        """
        # Not left among the rest, which goes to the vision tower too.
        cache = kwargs.pop(CACHE, past_key_values)
        if mm_encoder_outputs is None:
            mm_encoder_outputs = self._encode_media(
                pixel_values, image_grid_thw, pixel_values_videos, video_grid_thw, output_gate_weights, **kwargs
            )
        elif pixel_values is not None or pixel_values_videos is not None:
            raise ValueError("Give either pixel values or mm_encoder_outputs, not both.")
        # Before the embeddings, as media are: the gradients of all batches then come in the same order. ZeRO-2 adds up
        # those of several processes by their order, and with another one would add those of different parameters.
        zeros = [self._zero_from_vision() for _ in range(self._looks_to_make_up(mm_encoder_outputs, cache))]

        if inputs_embeds is None:
            inputs_embeds = self.get_input_embeddings()(input_ids)
        for zero in zeros:
            inputs_embeds = inputs_embeds + zero.to(inputs_embeds)

        outputs = super().forward(
            input_ids=input_ids,
            attention_mask=attention_mask,
            position_ids=position_ids,
            inputs_embeds=inputs_embeds,
            use_cache=use_cache,
            image_grid_thw=image_grid_thw,
            video_grid_thw=video_grid_thw,
            mm_token_type_ids=mm_token_type_ids,
            second_per_grid_ts=second_per_grid_ts,
            mm_encoder_outputs=mm_encoder_outputs,
            return_dict=True,
            **{CACHE: cache},
            **kwargs,
        )
        return EmotionQwenModelOutputWithPast(
            last_hidden_state=outputs.last_hidden_state,
            hidden_states=outputs.hidden_states,
            attentions=outputs.attentions,
            gate_weights=collect_gate_weights(mm_encoder_outputs) if output_gate_weights else None,
            image_outputs=mm_encoder_outputs.get("image"),
            video_outputs=mm_encoder_outputs.get("video"),
            **{CACHE: outputs.get(CACHE)},
        )

    def _encode_media(
        self,
        pixel_values: torch.Tensor | None,
        image_grid_thw: torch.Tensor | None,
        pixel_values_videos: torch.Tensor | None,
        video_grid_thw: torch.Tensor | None,
        output_gate_weights: bool,
        **kwargs: Any,
    ) -> dict[str, EmotionQwenVisionOutput]:
        """Computes the features of whatever media there are, under the names that `mm_encoder_outputs` has."""
        options = kwargs | {"return_dict": True}
        if output_gate_weights:
            options["output_gate_weights"] = True
        encoded = {}
        if pixel_values is not None:
            encoded["image"] = self.get_image_features(pixel_values, image_grid_thw, **options)
        if pixel_values_videos is not None:
            encoded["video"] = self.get_video_features(pixel_values_videos, video_grid_thw, **options)
        return encoded

    def _looks_to_make_up(self, encoded: dict[str, BaseModelOutputWithPooling], cache: Cache | None) -> int:
        """How often the vision tower must still run so that no other process waits for this one's for ever.

        In the backward pass all must run it, a process whose batch holds only text, too. Where its weights are
        divided all must run it equally often, without gradients as well: twice, as for a batch of images and videos.
        Generation, which has a cache, is not evened out.
        """
        if cache is None and is_sharded(self.visual):
            return len(("image", "video")) - len(encoded)
        return int(self.training and torch.is_grad_enabled() and not encoded)

    def _zero_from_vision(self) -> torch.Tensor:
        """Sends the smallest possible image through the vision tower and makes nothing of it."""
        config = self.config.vision_config
        weight = self.visual.patch_embed.proj.weight
        grid = torch.tensor([[1, config.spatial_merge_size, config.spatial_merge_size]], device=weight.device)
        patch_values = config.in_channels * config.temporal_patch_size * config.patch_size**2
        pixels = weight.new_zeros(config.spatial_merge_size**2, patch_values)
        (tokens,) = self.get_image_features(pixels, grid, return_dict=True).pooler_output
        return tokens.sum() * 0.0


class EmotionQwenForConditionalGeneration(
    EmotionQwenPreTrainedModel, Qwen2_5_VLForConditionalGeneration, GenerationMixin
):
    """Emotion-Qwen: answers questions about images and videos.

    Args:
        config: The config.
    """

    def __init__(self, config: EmotionQwenConfig) -> None:
        # Past Qwen2_5_VLForConditionalGeneration.__init__, which would build Qwen2.5-VL's own model.
        super(Qwen2_5_VLForConditionalGeneration, self).__init__(config)
        self.model = EmotionQwenModel(config)
        self.lm_head = nn.Linear(config.text_config.hidden_size, config.text_config.vocab_size, bias=False)
        self.post_init()

    @can_return_tuple
    def forward(
        self,
        input_ids: torch.LongTensor | None = None,
        attention_mask: torch.Tensor | None = None,
        position_ids: torch.LongTensor | None = None,
        past_key_values: Cache | None = None,
        inputs_embeds: torch.FloatTensor | None = None,
        labels: torch.LongTensor | None = None,
        use_cache: bool | None = None,
        pixel_values: torch.Tensor | None = None,
        pixel_values_videos: torch.FloatTensor | None = None,
        image_grid_thw: torch.LongTensor | None = None,
        video_grid_thw: torch.LongTensor | None = None,
        mm_token_type_ids: torch.IntTensor | None = None,
        second_per_grid_ts: torch.Tensor | None = None,
        logits_to_keep: int | torch.Tensor = 0,
        mm_encoder_outputs: dict[str, BaseModelOutputWithPooling] | None = None,
        output_gate_weights: bool = False,
        **kwargs: Unpack[TransformersKwargs],
    ) -> tuple | EmotionQwenCausalLMOutputWithPast:
        """Runs the model and its output head. Arguments that are not listed are those of `EmotionQwenModel.forward`.

        Args:
            input_ids: `(batch, length)`.
            attention_mask: `(batch, length)`.
            position_ids: As in `EmotionQwenModel.forward`.
            past_key_values: As in `EmotionQwenModel.forward`.
            inputs_embeds: `(batch, length, d_t)`.
            labels: `(batch, length)` token ids to predict, -100 where there is nothing to learn.
            use_cache: Whether to return a cache.
            pixel_values: Flattened patches of all images.
            pixel_values_videos: Flattened patches of all videos.
            image_grid_thw: `(num_images, 3)`.
            video_grid_thw: `(num_videos, 3)`.
            mm_token_type_ids: `(batch, length)`.
            second_per_grid_ts: `(num_videos,)`.
            logits_to_keep: How many of the last positions to compute logits for (0: all), or their indices.
            mm_encoder_outputs: Features computed before, instead of pixels.
            output_gate_weights: Whether to return the gate.
            **kwargs: Passed on to the model and the loss.

        Returns:
            Logits `(batch, kept, vocabulary)`, the loss where there are labels, and what else was asked for.
        """
        outputs = self.model(
            input_ids=input_ids,
            attention_mask=attention_mask,
            position_ids=position_ids,
            past_key_values=past_key_values,
            inputs_embeds=inputs_embeds,
            use_cache=use_cache,
            pixel_values=pixel_values,
            pixel_values_videos=pixel_values_videos,
            image_grid_thw=image_grid_thw,
            video_grid_thw=video_grid_thw,
            mm_token_type_ids=mm_token_type_ids,
            second_per_grid_ts=second_per_grid_ts,
            mm_encoder_outputs=mm_encoder_outputs,
            output_gate_weights=output_gate_weights,
            return_dict=True,
            **kwargs,
        )
        kept = slice(-logits_to_keep, None) if isinstance(logits_to_keep, int) else logits_to_keep
        logits = self.lm_head(outputs.last_hidden_state[:, kept, :])
        loss = None
        if labels is not None:
            loss = self.loss_function(
                logits=logits, labels=labels, vocab_size=self.config.text_config.vocab_size, **kwargs
            )
        return EmotionQwenCausalLMOutputWithPast(
            loss=loss,
            logits=logits,
            hidden_states=outputs.hidden_states,
            attentions=outputs.attentions,
            gate_weights=outputs.gate_weights,
            image_outputs=outputs.image_outputs,
            video_outputs=outputs.video_outputs,
            **{CACHE: outputs.get(CACHE)},
        )

    def _prepare_position_ids_for_generation(
        self, inputs_tensor: torch.Tensor, model_kwargs: dict[str, Any]
    ) -> torch.Tensor:
        if not self.config.uses_mrope:
            return GenerationMixin._prepare_position_ids_for_generation(self, inputs_tensor, model_kwargs)
        if _media_give_positions(model_kwargs.get("input_ids", inputs_tensor), model_kwargs):
            # The offset that is remembered may be another conversation's, and knows nothing of media after the cache.
            self.model.rope_deltas = None
        return super()._prepare_position_ids_for_generation(inputs_tensor, model_kwargs)


def collect_gate_weights(
    mm_encoder_outputs: dict[str, BaseModelOutputWithPooling],
) -> tuple[torch.Tensor, ...] | None:
    """Joins the gates of images and videos; None where no features carry a gate."""
    gates = [getattr(mm_encoder_outputs.get(kind), "gate_weights", None) or () for kind in ("image", "video")]
    return (*gates[0], *gates[1]) or None


def _media_give_positions(input_ids: torch.Tensor, inputs: dict[str, Any]) -> bool:
    """Whether positions are to be computed from all media of a prompt, also where part of it is in a cache."""
    types, cache = inputs.get("mm_token_type_ids"), inputs.get(CACHE)
    mask = inputs.get("attention_mask")
    mask = input_ids if mask is None else mask
    if types is None or not types.shape == input_ids.shape == mask.shape:  # Only new tokens may be given, not all.
        return False
    after_cache = types[:, cache.get_seq_length() if cache is not None else 0 :]
    if after_cache.any():
        return True
    starts = types.diff(dim=1, prepend=torch.zeros_like(types[:, :1])) != 0
    grids = {1: inputs.get("image_grid_thw"), 2: inputs.get("video_grid_thw")}
    return all(((types == kind) & starts).sum() == (0 if thw is None else len(thw)) for kind, thw in grids.items())


__all__ = [
    "EmotionQwenForConditionalGeneration",
    "EmotionQwenModel",
    "EmotionQwenPreTrainedModel",
    "EmotionQwenVisionModel",
]
