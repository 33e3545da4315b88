"""What a Space can be told by environment variables, each with its default."""

import os
from dataclasses import dataclass, fields
from pathlib import Path

HERE = Path(__file__).resolve().parent


@dataclass(frozen=True)
class Settings:
    """Settings of the Space. Each is read from the environment variable of the same name in capitals.

    Attributes:
        model_id: Exported model folder or Hub id.
        adapters: PEFT adapters beside those in the model's own `adapters/`: folders or Hub ids, separated by commas.
        max_clip_seconds: Longest clip that is read.
        max_megapixels: Largest picture that is read.
        max_file_megabytes: Largest file that is taken.
        max_decoded_megabytes: Memory for the decoded frames of one clip; larger frames are scaled down to fit.
        max_question_characters: Longest question.
        max_new_tokens: Longest answer in tokens.
        retention_seconds: Age at which an upload is deleted.
        sweep_seconds: How often old uploads are looked for.
        requests_at_once: Clips that are decoded and searched for faces at the same time; the model answers one by one.
        queue_length: Requests that may wait; further ones are refused with a sentence.
        sessions: Open pages whose last result is remembered; the oldest are forgotten first.
        patience_seconds: Longest wait for the next piece of an answer, the wait for answers before it included.
        gpu_seconds: Time on the accelerator that one request may ask for (ZeroGPU).
        memory_arenas: Parts of memory that threads share (see `memory_arenas.py`); more are quicker, and grow.
    """

    model_id: str = str(HERE / "emotion-qwen-nano")
    adapters: str = ""
    max_clip_seconds: float = 60.0
    max_megapixels: int = 64
    max_file_megabytes: int = 50
    max_decoded_megabytes: int = 96
    max_question_characters: int = 500
    max_new_tokens: int = 256
    retention_seconds: int = 3600
    sweep_seconds: int = 300
    requests_at_once: int = 4
    queue_length: int = 40
    sessions: int = 200
    patience_seconds: int = 300
    gpu_seconds: int = 60
    memory_arenas: int = 2

    @property
    def model_name(self) -> str:
        """Last part of the model's folder or Hub id."""
        return self.model_id.rstrip("/").rpartition("/")[2]

    @classmethod
    def from_environment(cls) -> "Settings":
        """Read the settings.

        Raises:
            ValueError: If a variable does not hold a number where one is needed.
        """
        given = {field: os.environ[field.name.upper()] for field in fields(cls) if field.name.upper() in os.environ}
        return cls(**{field.name: field.type(value) for field, value in given.items()})
