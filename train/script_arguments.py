"""The settings of a training script beyond those of TRL and transformers."""

from dataclasses import dataclass, field
from typing import Any


@dataclass
class ScriptArguments:
    """What TRL's own settings leave open.

    Attributes:
        data: Sources of the conversations, each as `data.sources.build_source` takes it.
        eval_data: Sources held out, of which the loss is logged as `eval_loss` as often as `eval_strategy` says.
        trainable: Names of the modules that are trained, "" for all; everything else is frozen. Empty with
            `use_peft`: the adapter alone is trained.
        learning_rates: Learning rate by name of module, for those that do not take `learning_rate`.
        muon_learning_rates: Learning rate by name of module whose matrices Muon trains; AdamW trains all else.
        facial_emotion_capture: Whether masked copies of faces follow pictures and clips.
        samples_per_epoch: Samples drawn in an epoch; by default as many as the sources have.
        max_broken_share: Largest share of samples that may be broken, 0 to below 1; more stop the run.
        streaming: Whether files are read as they are needed, for data too large to be listed; needs `max_steps`.
        shuffle_buffer: Samples of a source among which the next one is drawn where they are streamed.
        overwrite_output_dir: Whether to start anew where `output_dir` holds checkpoints or a finished model. The
            model stays until the new one is written.
    """

    data: list[Any] = field(metadata={"help": "Sources of the conversations."})
    eval_data: list[Any] = field(default_factory=list, metadata={"help": "Sources held out, for the loss on them."})
    trainable: list[str] = field(default_factory=list, metadata={"help": "Names of the modules that are trained."})
    learning_rates: dict[str, float] = field(
        default_factory=dict, metadata={"help": "Learning rate by name of module, for those with one of their own."}
    )
    muon_learning_rates: dict[str, float] = field(
        default_factory=dict, metadata={"help": "Learning rate by name of module whose matrices Muon trains."}
    )
    facial_emotion_capture: bool = field(
        default=True, metadata={"help": "Whether masked copies of faces follow pictures and clips."}
    )
    samples_per_epoch: int | None = field(default=None, metadata={"help": "Samples drawn in an epoch."})
    max_broken_share: float = field(default=0.0, metadata={"help": "Largest share of broken samples, 0 to below 1."})
    streaming: bool = field(default=False, metadata={"help": "Whether files are read as they are needed."})
    shuffle_buffer: int = field(default=1000, metadata={"help": "Streamed samples among which the next is drawn."})
    overwrite_output_dir: bool = field(default=False, metadata={"help": "Whether to start anew in `output_dir`."})

    def __post_init__(self) -> None:
        for name in ("data", "eval_data", "trainable"):
            if not isinstance(getattr(self, name), list):
                raise ValueError(f"{name} must be a list, not {getattr(self, name)!r:.80}.")
        if self.samples_per_epoch is not None and self.samples_per_epoch < 1:
            raise ValueError(f"samples_per_epoch must be above 0, not {self.samples_per_epoch}.")
        if self.samples_per_epoch is not None and self.streaming:
            raise ValueError("Streamed data has no epochs: leave samples_per_epoch out, and say max_steps.")
        for name in ("learning_rates", "muon_learning_rates"):
            setattr(self, name, _rates(name, getattr(self, name)))


def _rates(name: str, rates: Any) -> dict[str, float]:
    """Learning rates as numbers: YAML takes 1e-4, without a point, for a text."""
    try:
        return {module: float(rate) for module, rate in rates.items()}
    except (AttributeError, TypeError, ValueError) as error:
        raise ValueError(f"{name} must be rates by name of module, not {rates!r:.80}.") from error
