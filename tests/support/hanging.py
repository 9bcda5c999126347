"""Module that hangs or fails as it is imported, in the way that `HANGING` says; not at all where nothing is said."""

from __future__ import annotations

import os
import re
import signal
import sys
import time

HANGING = "hanging"


def wait_for_what_never_comes(how: str) -> None:
    """Sleeps, computes with the interpreter's lock held, is stopped with all threads, or fails."""
    if how == "sleeps":
        time.sleep(600)
    elif how == "computes":
        re.match("(a+)+$", "a" * 60 + "b")
    elif how == "stops":
        os.kill(os.getpid(), signal.SIGSTOP)
    elif how == "lacks a library":
        raise ImportError("libnowhere.so.1: cannot open shared object file: No such file or directory")


def say_how(words: str, tell: object) -> str:
    """The words, with how this process was begun."""
    return f"{words} {'spawn' if 'spawn_main' in sys.argv[-1] or '--multiprocessing-fork' in sys.orig_argv else 'fork'}"


wait_for_what_never_comes(os.environ.get(HANGING, ""))
