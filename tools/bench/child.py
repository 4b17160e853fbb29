"""child.py RESULT_FD COMMAND…: runs one command and writes its exit status, seconds and peak memory to a descriptor.

A process of its own, because Linux counts the memory of whoever starts a command as the command's: this one is small."""

import os
import sys
import time


def main():
    result, command = int(sys.argv[1]), sys.argv[2:]
    os.set_inheritable(result, False)
    begin = time.perf_counter()
    child = os.posix_spawnp(command[0], command, os.environ)
    _, status, usage = os.wait4(child, 0)
    seconds = time.perf_counter() - begin
    os.write(result, f"{os.waitstatus_to_exitcode(status)} {seconds:.6f} {usage.ru_maxrss / 1024:.3f}".encode())


main()
