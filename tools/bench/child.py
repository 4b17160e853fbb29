"""child.py RESULT_FD STOP_AFTER COMMAND…: runs one command; writes its exit status, seconds and peak memory (MiB).

After STOP_AFTER seconds (0: never) the command is interrupted as by Ctrl-C; status and seconds are then those of its
own clean end. A process of its own, because Linux counts the memory of whoever starts a command as the command's: this
one is small."""

import os
import signal
import sys
import time


def main():
    result, stop_after, command = int(sys.argv[1]), float(sys.argv[2]), sys.argv[3:]
    os.set_inheritable(result, False)
    begin = time.perf_counter()
    child = os.posix_spawnp(command[0], command, os.environ)
    if stop_after > 0:
        signal.signal(signal.SIGALRM, lambda *_: os.kill(child, signal.SIGINT))
        signal.setitimer(signal.ITIMER_REAL, stop_after)
    _, status, usage = os.wait4(child, 0)
    seconds = time.perf_counter() - begin
    code = os.waitstatus_to_exitcode(status)
    os.write(result, f"{code} {seconds:.6f} {usage.ru_maxrss / 1024:.3f}".encode())


main()
