"""Keeps the memory of a process of many threads from growing."""

import ctypes
from typing import Any

_M_ARENA_MAX = -8
"""The option's number in glibc's `malloc.h`."""


def limit_arenas(arenas: int) -> None:
    """Let all threads share so many arenas; to be called before they start.

    By default glibc gives threads arenas of their own, up to eight for each core, and each keeps for itself what a
    request has freed there. Other C libraries have no arenas: there, nothing happens.

    Args:
        arenas: At least 1.
    """
    if (mallopt := _from_glibc("mallopt")) is not None:
        mallopt(_M_ARENA_MAX, arenas)


def give_back_freed_memory() -> None:
    """Give the system what is free in every arena.

    glibc keeps the pages between blocks that are still in use. Other C libraries have no such call: there, nothing
    happens.
    """
    if (malloc_trim := _from_glibc("malloc_trim")) is not None:
        malloc_trim(ctypes.c_size_t(0))


def _from_glibc(name: str) -> Any:
    """A function of glibc; None where the process does without glibc."""
    try:
        return getattr(ctypes.CDLL("libc.so.6"), name)
    except (OSError, AttributeError):
        return None
