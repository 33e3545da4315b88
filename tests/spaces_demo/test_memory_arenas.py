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
