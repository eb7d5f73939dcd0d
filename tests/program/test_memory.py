"""What RocksDB lets go of goes back to the system."""

import subprocess
import sys

_BLOCKS = """
import ctypes, pathlib, sys
from trackrev_stream.program.process import tune_allocator

if sys.argv[1] == "calm":
    tune_allocator()
libc = ctypes.CDLL(None)
libc.malloc.restype = ctypes.c_void_p
block = 2**20
libc.free(ctypes.c_void_p(libc.malloc(block)))  # from which glibc would learn to keep them
blocks = []
for _ in range(64):
    blocks.append(libc.malloc(block))
    ctypes.memset(blocks[-1], 1, block)
    libc.malloc(50_000)  # what stays, after each of them
for each in blocks:
    libc.free(ctypes.c_void_p(each))
status = pathlib.Path("/proc/self/status").read_text()
print(int(status.partition("VmRSS:")[2].split()[0]) // 1024)
"""


def megabytes(allocator: str) -> int:
    command = (sys.executable, "-c", _BLOCKS, allocator)
    return int(subprocess.run(command, capture_output=True, check=True).stdout)


def test_a_memtable_that_is_flushed_is_no_memory_of_ours() -> None:
    assert megabytes("calm") < megabytes("as it is") - 32
