"""The model, loaded from an exported folder alone, as any user of the Hub would."""

from functools import lru_cache
from typing import Any

import torch
from transformers import AutoModel, AutoProcessor
from transformers.dynamic_module_utils import get_class_from_dynamic_module

_MEGABYTE = 2**20


@lru_cache
def from_model_code(name: str, model_id: str) -> Any:
    """Take a class or function from the code that the model's folder carries, looking for it once.

    Args:
        name: `module.name`, such as `"analyzer.EmotionAnalyzer"`.
        model_id: Exported folder or Hub id.
    """
    return get_class_from_dynamic_module(name, model_id)


@lru_cache(maxsize=1)
def load_analyzer(model_id: str, adapters: str, max_decoded_megabytes: int) -> Any:
    """Load the model, its processor and its adapters once.

    Args:
        model_id: Exported folder or Hub id.
        adapters: More adapters, folders or Hub ids separated by commas.
        max_decoded_megabytes: Memory for the decoded frames of one clip.

    Returns:
        The folder's own `EmotionAnalyzer`, on the accelerator where there is one.

    Raises:
        OSError: If there is no such folder or repository.
    """
    device = "cuda" if torch.cuda.is_available() else "cpu"
    dtype = "auto" if device == "cuda" else torch.float32
    model = AutoModel.from_pretrained(model_id, trust_remote_code=True, dtype=dtype).to(device).eval()
    processor = AutoProcessor.from_pretrained(model_id, trust_remote_code=True)
    processor.video_processor.max_decoded_bytes = max_decoded_megabytes * _MEGABYTE
    analyzer = from_model_code("analyzer.EmotionAnalyzer", model_id)(model, processor)
    own = from_model_code("adapter_files.own_adapters", model_id)(model_id)
    name_of = from_model_code("adapter_files.adapter_name", model_id)
    named = {name_of(source): source for source in filter(None, map(str.strip, adapters.split(",")))}
    for name, source in (own | named).items():  # what is named takes the place of the model's own of that name
        analyzer.adapters.add(source, name)
    return analyzer
