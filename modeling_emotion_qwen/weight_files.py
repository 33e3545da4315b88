"""Reading and writing the weights of a checkpoint folder tensor by tensor, so that memory stays within one shard."""

import json
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

import torch
from huggingface_hub import split_torch_state_dict_into_shards
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

SINGLE_FILE = "model.safetensors"
INDEX_FILE = "model.safetensors.index.json"
DEFAULT_SHARD_SIZE = "5GB"

TensorSources = dict[str, Callable[[], torch.Tensor]]
"""For each weight's name, a function that reads or makes it when it is to be written."""


class ConversionError(ValueError):
    """A checkpoint can't be turned into one of Emotion-Qwen; one sentence says why."""


class WeightFolder:
    """The tensors of a checkpoint folder's safetensors files, each read when asked for.

    Args:
        folder: A local folder with `model.safetensors`, or shards and their index.

    Raises:
        ConversionError: If there are no such files, or one is missing or damaged.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        self._file_of: dict[str, str] = {}
        self._shapes: dict[str, tuple[int, ...]] = {}
        for file_name in self._list_files():
            with self._open(file_name) as file:
                for name in file.keys():  # noqa: SIM118 - not a dict
                    self._file_of[name] = file_name
                    self._shapes[name] = tuple(file.get_slice(name).get_shape())

    @property
    def names(self) -> list[str]:
        """Names of all tensors."""
        return list(self._file_of)

    def shape(self, name: str) -> tuple[int, ...]:
        """Shape of a tensor, without reading it."""
        return self._shapes[name]

    def load(self, name: str) -> torch.Tensor:
        """Read one tensor, in the file's dtype."""
        # Opened anew each time: what was read stays mapped into memory for as long as its file is open.
        with self._open(self._file_of[name]) as file:
            return file.get_tensor(name)

    def reader(self, name: str) -> Callable[[], torch.Tensor]:
        """Return a function that loads a tensor when called."""
        return partial(self.load, name)

    def _list_files(self) -> list[str]:
        if not self.folder.is_dir():
            raise ConversionError(f"There is no checkpoint folder {str(self.folder)!r}.")
        index = self.folder / INDEX_FILE
        if (self.folder / SINGLE_FILE).is_file() or not index.is_file():  # the order in which transformers looks
            return [SINGLE_FILE]
        try:
            weight_map = json.loads(index.read_text(encoding="utf-8"))["weight_map"]
            return sorted(set(map(str, weight_map.values())))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise ConversionError(f"{str(index)!r} is not an index of weights.") from error

    def _open(self, name: str) -> safe_open:
        path = self.folder / name
        if not path.is_file():
            raise ConversionError(f"{str(self.folder)!r} lacks {name}.")
        try:
            return safe_open(path, framework="pt")
        except SafetensorError as error:
            raise ConversionError(f"{str(path)!r} is damaged: {error}.") from error


def write_weights(
    shapes: Mapping[str, torch.Size],
    sources: TensorSources,
    folder: Path,
    dtype: torch.dtype,
    max_shard_size: int | str = DEFAULT_SHARD_SIZE,
) -> None:
    """Write weights as safetensors, in shards with an index where one file would be too large.

    Args:
        shapes: Name and shape of each weight that the model has.
        sources: The source of each weight.
        folder: An existing folder.
        dtype: Type of the written weights.
        max_shard_size: Largest size of one file, in bytes or as "5GB"; no more than this is in memory at once.

    Raises:
        ConversionError: If a weight has no source, a source no weight, or a shape differs.
    """
    _require_same_names(set(shapes), set(sources))
    plan = split_torch_state_dict_into_shards(
        {name: torch.empty(shape, dtype=dtype, device="meta") for name, shape in shapes.items()},
        filename_pattern="model{suffix}.safetensors",
        max_shard_size=max_shard_size,
    )
    for file_name, names in plan.filename_to_tensors.items():
        tensors = {name: _read(name, shapes[name], sources[name], dtype) for name in names}
        save_file(tensors, folder / file_name, metadata={"format": "pt"})
    if plan.is_sharded:
        index = {"metadata": plan.metadata, "weight_map": plan.tensor_to_filename}
        (folder / INDEX_FILE).write_text(json.dumps(index, indent=2, sort_keys=True) + "\n", encoding="utf-8")


def _require_same_names(wanted: set[str], given: set[str]) -> None:
    missing, unexpected = sorted(wanted - given), sorted(given - wanted)
    if missing:
        raise ConversionError(f"The source lacks {len(missing)} of the model's weights, such as {missing[0]}.")
    if unexpected:
        raise ConversionError(
            f"The model has no place for {len(unexpected)} of the source's weights, such as {unexpected[0]}."
        )


def _read(name: str, shape: torch.Size, source: Callable[[], torch.Tensor], dtype: torch.dtype) -> torch.Tensor:
    tensor = source()
    if tensor.shape != shape:
        raise ConversionError(f"{name} is {tuple(tensor.shape)} in the source and {tuple(shape)} in the model.")
    return tensor.to(dtype).contiguous()


__all__ = ["ConversionError", "TensorSources", "WeightFolder", "write_weights"]
