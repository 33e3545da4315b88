"""Which attention a run computes with."""

import logging

from transformers.utils import is_flash_attn_2_available

logger = logging.getLogger(__name__)


def choose_attention(wanted: str | None) -> str:
    """The attention to run: what was asked for, and for "auto" the fastest that is there.

    Args:
        wanted: "auto", None for "sdpa", or a name that transformers knows.
    """
    if wanted != "auto":
        return wanted or "sdpa"
    chosen = "flash_attention_2" if is_flash_attn_2_available() else "sdpa"
    logger.info("attention: %s", chosen)
    return chosen
