import subprocess
import sys

import pytest

from .space_process import ROOT

THREADS_THAT_ALLOCATE = """
import ctypes, sys, threading
from memory_arenas import limit_arenas

if int(sys.argv[1]):
    limit_arenas(int(sys.argv[1]))
library = ctypes.CDLL("libc.so.6")
library.fdopen.restype = ctypes.c_void_p
together = threading.Barrier(8)

def allocate():
    together.wait()
    for _ in range(1000):
        library.malloc(1000)
    together.wait()

threads = [threading.Thread(target=allocate) for _ in range(8)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
file = ctypes.c_void_p(library.fdopen(1, b"w"))
library.malloc_info(0, file)
library.fflush(file)
"""


def arenas(limit: int) -> int:
    """Arenas of a process whose threads allocate at the same time; a limit of 0 is none."""
    command = [sys.executable, "-c", THREADS_THAT_ALLOCATE, str(limit)]
    said = subprocess.run(command, cwd=ROOT / "spaces_demo", capture_output=True, text=True, check=True).stdout
    return said.count("<heap nr=")


@pytest.mark.skipif(sys.platform != "linux", reason="other C libraries have no arenas")
def test_threads_share_what_they_are_given():
    assert arenas(1) == 1
    assert arenas(2) == 2
    assert arenas(0) > 2


BLOCKS_FREED_BETWEEN_BLOCKS_IN_USE = """
import ctypes, os
from pathlib import Path
from memory_arenas import give_back_freed_memory

library = ctypes.CDLL("libc.so.6")
library.malloc.restype = ctypes.c_void_p
library.free.argtypes = [ctypes.c_void_p]

def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")

blocks = [library.malloc(64 * 1024) for _ in range(2000)]
for block in blocks:
    ctypes.memset(block, 1, 64 * 1024)
for block in blocks[1::2]:
    library.free(block)
before = resident()
give_back_freed_memory()
print(before - resident())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="other C libraries give memory back in their own ways")
def test_what_was_freed_between_blocks_in_use_is_given_back():
    command = [sys.executable, "-c", BLOCKS_FREED_BETWEEN_BLOCKS_IN_USE]
    said = subprocess.run(command, cwd=ROOT / "spaces_demo", capture_output=True, text=True, check=True).stdout
    assert int(said) > 1000 * 48 * 1024  # of 1000 freed blocks of 64 KiB, whole pages


@pytest.mark.parametrize("missing", ["the library", "the function"])
def test_nothing_happens_without_glibc(module, monkeypatch, missing):
    memory_arenas = module("memory_arenas")

    def library(name: str) -> object:
        if missing == "the library":
            raise OSError(name)
        return object()

    monkeypatch.setattr(memory_arenas.ctypes, "CDLL", library)
    memory_arenas.limit_arenas(2)
    memory_arenas.give_back_freed_memory()
