"""Folders that appear whole or not at all."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4


@contextmanager
def appearing_whole(target: Path) -> Iterator[Path]:
    """Give a folder to fill, which takes the place of `target` if the block succeeds and is removed otherwise.

    Args:
        target: The folder to write. Whatever is there is replaced: check before the block ends that it may be.

    Yields:
        An empty folder beside `target`, to be filled in the block.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    suffix = uuid4().hex[:8]
    staging = target.with_name(f".{target.name}.{suffix}.partial")
    replaced = target.with_name(f".{target.name}.{suffix}.replaced")
    staging.mkdir()
    try:
        yield staging
        _share_weights(staging)
        if target.exists():
            target.rename(replaced)
        try:
            staging.rename(target)
        except OSError:
            if replaced.exists():
                replaced.rename(target)
            raise
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    shutil.rmtree(replaced, ignore_errors=True)


def _share_weights(folder: Path) -> None:
    """Give weights the mode that the umask leaves to every other file: safetensors keeps them to their owner."""
    mode = folder.stat().st_mode & 0o666
    for file in folder.rglob("*.safetensors"):
        file.chmod(mode)


def free_folder(path: str | Path) -> Path:
    """Return the absolute path of a folder that is to be written.

    Raises:
        FileExistsError: If there is a file, or a folder that is not empty.
    """
    target = Path(path).expanduser().resolve()
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise FileExistsError(f"{str(target)!r} exists already; name a new folder.")
    return target


__all__ = ["appearing_whole", "free_folder"]
