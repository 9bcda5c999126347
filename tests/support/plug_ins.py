"""Agents that reach beyond their own run, hang, leave children behind, or find the machine wanting."""

from __future__ import annotations

import errno
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch

from agents.baselines.uniform import Uniform
from agents.imitation.mle import MLE
from agents.protocol import Progress

ORPHAN = "orphan.pid"
MET = "met"
"""An environment variable: a file; while it is there the machine lacks nothing."""


class Trained(Uniform):
    """Counts tokens that it has not seen, after what it does."""

    spent = 0

    def train(self, envs: Any, total_tokens: int, callback: Any = None) -> Any:
        if not self.spent:
            self.work()
        self.spent += total_tokens
        if callback is not None:
            callback(Progress(self.spent, 0, 0.0, {}))
        return self

    def work(self) -> None:
        raise NotImplementedError(f"{type(self).__name__} must define work(), what its training does once")


class Reaches(Trained):
    """Changes all that runs in one process share: a class, torch's default dtype, an environment variable, the current
    folder, the global generators."""

    def work(self) -> None:
        MLE.train = lambda self, *arguments, **options: self  # type: ignore[method-assign]
        torch.set_default_dtype(torch.float64)
        torch.use_deterministic_algorithms(True)
        os.environ["TEXTGEN_COMPILED"] = "0"
        np.random.seed(0)  # noqa: NPY002
        sys.path.clear()
        os.chdir("/")


class Draws(Trained):
    """Draws from a generator that all in a process share."""

    def work(self) -> None:
        with Path(os.environ[MET]).open("a") as file:
            file.write(f"{np.random.randint(1 << 62)}\n")  # noqa: NPY002


class Hangs(Trained):
    """Never comes back."""

    def work(self) -> None:
        time.sleep(600)


class Forks(Trained):
    """Leaves a child that lives on, with all that it holds, and comes back."""

    def work(self) -> None:
        if os.fork() == 0:
            time.sleep(600)
            os._exit(0)


class ForksAndStays(Trained):
    """Leaves a child in its own group, and says which."""

    def work(self) -> None:
        child = os.fork()
        if child == 0:
            time.sleep(600)
            os._exit(0)
        Path(os.environ[MET]).write_text(str(child))


class Crashes(Trained):
    def work(self) -> None:
        os.kill(os.getpid(), signal.SIGSEGV)


class ForksAndDies(Forks):
    """Leaves a child that lives on, out of reach, and dies."""

    def work(self) -> None:
        child = os.fork()
        if child == 0:
            os.setsid()
            Path(os.environ[MET]).write_text(str(os.getpid()))
            time.sleep(600)
            os._exit(0)
        while not Path(os.environ[MET]).exists():
            time.sleep(0.01)
        os.kill(os.getpid(), 9)


class EndsItsParent(Trained):
    """Ends the process that it was forked from, and goes on for as long as it may."""

    def work(self) -> None:
        Path(os.environ[MET]).write_text("")
        os.kill(os.getppid(), signal.SIGKILL)
        time.sleep(600)


class Exits(Trained):
    """Ends the program."""

    def work(self) -> None:
        sys.exit("had enough")


class Wanting(Trained):
    """Fails for want of something, until it is there."""

    def work(self) -> None:
        if not Path(os.environ[MET]).exists():
            self.fail()

    def fail(self) -> None:
        raise NotImplementedError


class NoSpace(Wanting):
    def fail(self) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "/full/of/it")


class NoSpaceUnnamed(Wanting):
    """As the end of `write` says it: without a path."""

    def fail(self) -> None:
        try:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        except OSError as error:
            raise RuntimeError("cannot keep the buffer") from error


class NoQuota(Wanting):
    def fail(self) -> None:
        raise OSError(errno.EDQUOT, os.strerror(errno.EDQUOT), "/home/me/buffer")


class NoMemory(Wanting):
    def fail(self) -> None:
        np.empty(1 << 60, np.uint8)


class NoTensorMemory(Wanting):
    def fail(self) -> None:
        torch.empty(1 << 60, dtype=torch.uint8)


class NoDeviceMemory(Wanting):
    def fail(self) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")


class NoLibrary(Wanting):
    def fail(self) -> None:
        import ctypes

        ctypes.CDLL("libnowhere-of-this-name.so.1")


class NoExtension(Wanting):
    def fail(self) -> None:
        raise ImportError("libcudart.so.99: cannot open shared object file: No such file or directory")


class NoFile(Wanting):
    """Fails for a reason of its own, though an operating system says it."""

    def fail(self) -> None:
        Path("/nowhere/at/all").read_text()
