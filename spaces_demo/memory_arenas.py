"""Keeps the memory of a process of many threads from growing."""

import ctypes

_M_ARENA_MAX = -8
"""The option's number in glibc's `malloc.h`."""


def limit_arenas(arenas: int) -> None:
    """Let all threads share so many arenas; to be called before they start.

    By default glibc gives threads arenas of their own, up to eight for each core, and each keeps for itself what a
    request has freed there. Other C libraries have no arenas: there, nothing happens.

    Args:
        arenas: At least 1.
    """
    try:
        library = ctypes.CDLL("libc.so.6")
    except OSError:
        return
    library.mallopt(_M_ARENA_MAX, arenas)
