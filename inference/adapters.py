"""The adapters of one model: loaded together, chosen per call or per row, off where none is chosen."""

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Any

import torch
from torch import nn

from emotion_qwen import EmotionQwenForConditionalGeneration

from .adapter_files import BASE, adapter_name, checked_name, locate_adapter
from .adapter_loading import load_another, load_peft_model
from .adapter_purpose import AdapterPurpose, read_purpose
from .errors import AdapterError

_PEFT_BASE = "__base__"
_ROWS = ("input_ids", "inputs_embeds", "inputs")
"""Inputs whose first dimension is the batch."""


class AdapterSet:
    """The adapters of one model.

    With none chosen the model computes what it computes without them, bit for bit.

    Args:
        model: The model. Its layers are wrapped in place when an adapter is loaded, and it can't be saved until
            `unload`.
    """

    def __init__(self, model: EmotionQwenForConditionalGeneration) -> None:
        self._model = model
        self._peft: nn.Module | None = None
        self._folders: dict[str, Path] = {}
        self._purposes: dict[str, AdapterPurpose] = {}
        self._active: str | None = None
        self._lock = threading.RLock()

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the adapters, in the order in which they were added."""
        return tuple(self._folders)

    @property
    def active(self) -> str | None:
        """The adapter that the model now answers with, or None."""
        return self._active

    @property
    def purposes(self) -> Mapping[str, AdapterPurpose]:
        """What each adapter answers, by name."""
        return MappingProxyType(self._purposes)

    def add(self, path_or_id: str | Path, name: str | None = None) -> str:
        """Make an adapter known; it is loaded when it is first chosen, or by `load`.

        Args:
            path_or_id: Local folder or Hub id.
            name: The name to call it by; the folder's name by default.

        Returns:
            Its name.

        Raises:
            AdapterError: If there is no such adapter, its purpose file is damaged, or another one has that name.
        """
        folder = locate_adapter(path_or_id)
        name = adapter_name(path_or_id) if name is None else checked_name(name)
        if name in self._folders and self._folders[name].resolve() != folder.resolve():
            raise AdapterError(f"There are two adapters named {name!r}: {self._folders[name]} and {folder}.")
        self._purposes[name] = read_purpose(folder, name)
        self._folders[name] = folder
        return name

    def is_loaded(self, name: str) -> bool:
        """Whether an adapter is in the model already."""
        return self._peft is not None and name in self._peft.peft_config

    def load(self, name: str) -> None:
        """Load an adapter into the model, unless it is there already; which one is active stays as it was.

        Raises:
            AdapterError: If it is unknown, or does not fit the model.
        """
        if name not in self._folders:
            known = ", ".join(self._folders) or "none"
            raise AdapterError(f"There is no adapter {name!r} here; known: {known}.")
        # Tensors made in inference mode can't be used outside of it, and the caller may be in it now but not later.
        with self._lock, torch.inference_mode(False):
            try:
                if self._peft is None:
                    self._peft = load_peft_model(self._model, self._folders[name], name)
                elif not self.is_loaded(name):
                    load_another(self._peft, self._folders[name], name)
            finally:
                self._switch(self._active)  # PEFT turns on what it loads

    def unload(self) -> None:
        """Give the model its own layers back, to be saved, exported or trained; adapters chosen later load again."""
        with self._lock:
            if self._peft is not None:
                self._peft.unload()
            self._peft = self._active = None

    def activate(self, name: str | None) -> None:
        """Answer with an adapter from now on, or without any if `name` is None.

        Raises:
            AdapterError: As `load`.
        """
        with self._lock:
            if name is not None:
                self.load(name)
            self._switch(name)
            self._active = name

    @contextmanager
    def using(self, name: str | None) -> Iterator[None]:
        """Answer with an adapter inside the block; other threads that ask for one wait for its end.

        Args:
            name: Its name, or None (or `BASE`) for the model without any.
        """
        if not self._folders and name in (None, BASE):
            yield  # there is nothing to wait for
            return
        with self._lock:
            before = self._active
            self.activate(None if name == BASE else name)
            try:
                yield
            finally:
                self.activate(before)

    def generate(self, adapter_names: Sequence[str | None], **inputs: Any) -> torch.Tensor:
        """Generate with an adapter for each row; each row's answer is the one of its adapter used alone.

        Args:
            adapter_names: One per row of the batch: a name, or None (or `BASE`) for the model without any.
            **inputs: Arguments of `model.generate`; beams and several answers per row are supported.

        Returns:
            What `model.generate` returns.

        Raises:
            AdapterError: As `load`.
            ValueError: If there is not one name per row, or no row.
        """
        answers = self._answers_per_row(inputs)
        return self._by_row("generate", adapter_names, inputs, answers)

    def forward(self, adapter_names: Sequence[str | None], **inputs: Any) -> Any:
        """Run the model with an adapter for each row.

        Args:
            adapter_names: As in `generate`.
            **inputs: Arguments of the model's `forward`.

        Returns:
            What the model returns.

        Raises:
            AdapterError: As `load`.
            ValueError: If there is not one name per row, or no row.
        """
        return self._by_row("forward", adapter_names, inputs, 1)

    def _answers_per_row(self, inputs: Mapping[str, Any]) -> int:
        """Rows of the model's batch that generation makes of one row, apart from those that PEFT accounts for."""
        settings = inputs.get("generation_config") or self._model.generation_config
        beams, answers = (
            inputs.get(name) or getattr(settings, name, None) or 1 for name in ("num_beams", "num_return_sequences")
        )
        return 1 if (inputs.get("num_beams") or 1) > 1 else max(beams, answers)

    def _switch(self, name: str | None) -> None:
        if self._peft is None:
            return
        if name is None:
            self._peft.base_model.disable_adapter_layers()
            return
        self._peft.base_model.enable_adapter_layers()
        self._peft.set_adapter(name, inference_mode=True)

    def _by_row(self, method: str, adapter_names: Sequence[str | None], inputs: dict[str, Any], times: int) -> Any:
        rows = [None if name == BASE else name for name in adapter_names]
        batch = next((len(inputs[name]) for name in _ROWS if inputs.get(name) is not None), 0)
        if len(rows) != batch:
            raise ValueError(f"There are {batch} rows and {len(rows)} names of adapters.")
        chosen = list(dict.fromkeys(name for name in rows if name is not None))
        with self._lock:
            for name in chosen:
                self.load(name)
            # PEFT heeds the names of rows only while its layers are on.
            with self.using(chosen[0] if chosen else None):
                if not chosen:
                    return getattr(self._model, method)(**inputs)
                names = [_PEFT_BASE if name is None else name for name in rows for _ in range(times)]
                with _hooks_removed_on_error(self._peft):
                    return getattr(self._peft, method)(**inputs, adapter_names=names)


@contextmanager
def _hooks_removed_on_error(model: nn.Module) -> Iterator[None]:
    """Remove the hooks that a failing call in the block leaves on a model.

    PEFT removes the hooks that assign adapters to rows only after a call that succeeds. Left in place, they would
    apply the failed batch's rows to every later call.
    """
    before = {module: set(module._forward_pre_hooks) for module in model.modules()}
    try:
        yield
    except BaseException:
        for module, hooks in before.items():
            for hook in set(module._forward_pre_hooks) - hooks:
                del module._forward_pre_hooks[hook]
                module._forward_pre_hooks_with_kwargs.pop(hook, None)
        raise
