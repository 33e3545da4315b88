"""A tiny folder of the parts that the authors' published checkpoint is known to have, with made-up layer names."""

import json
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import nn
from transformers import Qwen2_5_VLForConditionalGeneration

from emotion_qwen.from_qwen2_5_vl import qwen_sources
from emotion_qwen.weight_files import WeightFolder

from .source_folders import write_qwen

WIDTH, TOKEN_WIDTH, GATE_WIDTH = 32, 48, 8


class Norm(nn.Module):
    """An RMSNorm."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.rand(WIDTH) + 0.5)

    def forward(self, patches: torch.Tensor) -> torch.Tensor:
        return patches * torch.rsqrt(patches.pow(2).mean(-1, keepdim=True) + 1e-6) * self.weight


class Compressor(nn.Module):
    """A 2x2 block's patches to one token."""

    def __init__(self, has_norm: bool) -> None:
        super().__init__()
        self.ln_q = Norm() if has_norm else nn.Identity()
        first, second = nn.Linear(4 * WIDTH, 4 * WIDTH), nn.Linear(4 * WIDTH, TOKEN_WIDTH)
        self.mlp = nn.Sequential(first, nn.GELU(), second, nn.LayerNorm(TOKEN_WIDTH))

    def forward(self, patches: torch.Tensor) -> torch.Tensor:
        return self.mlp(self.ln_q(patches).reshape(-1, 4 * WIDTH))


class SplitAttention(nn.Module):
    """An attention over a single vector, with four layers of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.q_proj, self.k_proj = nn.Linear(WIDTH, WIDTH), nn.Linear(WIDTH, WIDTH)
        self.v_proj, self.out_proj = nn.Linear(WIDTH, WIDTH), nn.Linear(WIDTH, WIDTH)

    def forward(self, pooled: torch.Tensor) -> torch.Tensor:
        return self.out_proj(self.v_proj(pooled))


class JoinedAttention(nn.Module):
    """The same by torch's module."""

    def __init__(self) -> None:
        super().__init__()
        self.attention = nn.MultiheadAttention(WIDTH, 4, batch_first=True)

    def forward(self, pooled: torch.Tensor) -> torch.Tensor:
        return self.attention(pooled[None], pooled[None], pooled[None])[0][0]


class GateNet(nn.Module):
    """The mean of all patches to two weights, the general expert's first."""

    def __init__(self, joined: bool) -> None:
        super().__init__()
        self.attn = JoinedAttention() if joined else SplitAttention()
        self.fc1, self.norm1 = nn.Linear(WIDTH, GATE_WIDTH), nn.LayerNorm(GATE_WIDTH)
        self.fc2, self.norm2 = nn.Linear(GATE_WIDTH, GATE_WIDTH), nn.LayerNorm(GATE_WIDTH)
        self.fc3 = nn.Linear(GATE_WIDTH, 2)

    def forward(self, pooled: torch.Tensor) -> torch.Tensor:
        hidden = self.norm1(self.fc1(self.attn(pooled)).relu())
        return self.fc3(self.norm2(self.fc2(hidden).relu())).softmax(-1)


class Published(nn.Module):
    """What the tests compare with: the three parts and the Qwen2.5-VL around them."""

    def __init__(self, qwen: Qwen2_5_VLForConditionalGeneration, joined: bool, has_norms: bool) -> None:
        super().__init__()
        self.qwen = [qwen]  # not a child: its weights are written by their own names
        self.generalcompressor, self.emotioncompressor = Compressor(has_norms), Compressor(has_norms)
        self.gatenet = GateNet(joined)


def write_authors(folder: Path, *, joined: bool = False, has_norms: bool = True) -> Published:
    """Writes the folder.

    Args:
        joined: Whether the gate's attention keeps query, key and value in one layer, as torch's does.
        has_norms: Whether the compressors normalise their input.
    """
    qwen = write_qwen(folder, max_shard_size="1GB")
    torch.manual_seed(0)
    published = Published(qwen, joined, has_norms).eval()
    tensors = {}
    for name, read in qwen_sources(WeightFolder(folder)).items():
        if ".merger." not in name:
            tensors[name.replace("model.visual.", "vpm.").replace("model.language_model.", "llm.")] = read()
    tensors |= dict(published.state_dict())
    save_file({name: tensor.clone().contiguous() for name, tensor in tensors.items()}, folder / "model.safetensors")
    config = json.loads((folder / "config.json").read_text())
    config |= {"model_type": "emotionqwen_vl", "auto_map": {"AutoConfig": "configuration_emotionqwen_vl.Config"}}
    (folder / "config.json").write_text(json.dumps(config))
    return published
