"""Runs a Python program that ends with whoever started it: `python -m cli.tether PROGRAM ARGUMENTS...`.

Standard input is the tether. Its other end is held by the starter alone, so the kernel cuts it however the starter
ends, SIGKILL included; then this process group is ended at once. Works wherever there are pipes.
"""

import os
import runpy
import signal
import sys
import threading


def main() -> None:
    threading.Thread(target=_end_with_the_starter, name="tether", daemon=True).start()
    del sys.argv[0]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)


def _end_with_the_starter() -> None:
    while os.read(0, 512):
        pass
    os.killpg(os.getpgrp(), signal.SIGKILL)


if __name__ == "__main__":
    main()
