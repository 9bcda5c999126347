"""Threads of small computations: torch takes one, and loops over many rows are split by hand.

Torch hands each of its products and passes to all of its threads and waits for the last of them. Of products that take
microseconds there are hundreds in an update; where another process has one of the processors, each may wait for a
thread that is not running, as long as the system's time slice is. A loop that is split by hand waits once.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from threading import Barrier
from typing import TypeVar

import torch

Found = TypeVar("Found")

# Up to this size of a network's states its products are so small that threads wait longer than they work.
SMALL = 128
# What torch was allowed before `one_thread`.
_allowed: ContextVar[int | None] = ContextVar("_allowed", default=None)
_pools: dict[int, ThreadPoolExecutor] = {}


@contextmanager
def one_thread() -> Iterator[None]:
    """Torch on one thread, while `in_parts` has those that torch had. Also a decorator."""
    before = torch.get_num_threads()
    if before == 1:
        yield
        return
    allowed = _allowed.set(allowed_threads())
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
        _allowed.reset(allowed)


def allowed_threads() -> int:
    """Threads that a loop may be split among: torch's, or what they were before `one_thread`."""
    return _allowed.get() or torch.get_num_threads()


def threads_for(size: int, device: torch.device) -> AbstractContextManager[None]:
    """`one_thread` for a network on the CPU whose states have `size` numbers, if that is small; else nothing."""
    return one_thread() if device.type == "cpu" and size <= SMALL else nullcontext()


def in_parts(count: int, at_once: int, device: torch.device, work: Callable[[range], Found]) -> list[Found]:
    """Results of `work` for the rows 0 to `count` - 1, on the CPU as many consecutive ones a thread as there are
    threads, in blocks of `at_once`. It is called in this thread if there is but one part.

    A part runs on one thread of torch's, with gradients and inference mode set as here. The parts are found in order,
    so that what is summed up over them depends on the number of threads alone.
    """
    blocks = -(-count // at_once)
    parts = min(allowed_threads(), blocks) if device.type == "cpu" else 1
    if parts <= 1:
        return [work(range(count))]
    ends = [min(count, at_once * (blocks * part // parts)) for part in range(parts + 1)]
    gradients, inference = torch.is_grad_enabled(), torch.is_inference_mode_enabled()

    def run(part: int) -> Found:
        # A loop within is not split again.
        allowed = _allowed.set(1)
        try:
            with one_thread(), torch.inference_mode(inference), torch.set_grad_enabled(gradients):
                return work(range(ends[part], ends[part + 1]))
        finally:
            _allowed.reset(allowed)

    others = [_pool(parts - 1).submit(run, part) for part in range(1, parts)]
    first = run(0)
    return [first, *(other.result() for other in others)]


def _pool(size: int) -> ThreadPoolExecutor:
    """Threads that are kept from call to call, each with one of torch's."""
    pool = _pools.get(size)
    if pool is None:
        pool = _pools[size] = ThreadPoolExecutor(size, "textgen-env")
        before, all_begun = torch.get_num_threads(), Barrier(size + 1)

        def begin() -> None:
            torch.set_num_threads(1)
            all_begun.wait()

        begun = [pool.submit(begin) for _ in range(size)]
        all_begun.wait()
        for each in begun:
            each.result()
        # What is set in any thread is what threads take that come later.
        torch.set_num_threads(before)
    return pool


os.register_at_fork(after_in_child=_pools.clear)
