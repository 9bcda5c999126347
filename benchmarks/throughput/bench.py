"""Bench that the cases share: sizes, clock, the oracle and its texts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from importlib import import_module
from typing import Any

import numpy as np
import torch

from benchmarks.throughput.clock import Call, Clock
from benchmarks.throughput.measured import BenchmarkRow, Curve, Figure, Unit
from benchmarks.throughput.sizes import Sizes
from benchmarks.throughput.targets import TARGETS
from textgen_env.tasks.oracle import OracleTask
from textgen_env.vocabulary import IntArray


@dataclass(frozen=True)
class Work:
    """Work: something to time.

    Attributes:
        name: whose.
        call: does it once.
        units: of it in a call.
        less: what the call does beside the work; its time is taken off.
    """

    name: str
    call: Call
    units: float = 1.0
    less: Call | None = None


@dataclass(frozen=True)
class Missing:
    """Missing work: one that cannot be done here, and why."""

    name: str
    reason: str


class Bench:
    """Bench: sizes, clock and the data that several cases use, drawn when first asked for."""

    def __init__(self, sizes: Sizes, clock: Clock) -> None:
        self.sizes = sizes
        self.clock = clock

    @cached_property
    def oracle(self) -> OracleTask:
        """The random LSTM; its training texts are the references."""
        size = self.sizes
        return OracleTask(
            size.vocab_size, size.length, train_size=size.references, test_size=max(size.rows, size.texts)
        )

    @cached_property
    def references(self) -> IntArray:
        """(R, T) texts of the oracle."""
        return self.oracle.training_sequences().tokens

    @cached_property
    def oracle_texts(self) -> IntArray:
        """(N, T) further texts of the oracle, enough for `rows` and for `texts`."""
        return self.oracle.test_sequences().tokens

    @cached_property
    def uniform_texts(self) -> IntArray:
        """(rows, T) texts of tokens drawn uniformly, as an untrained agent writes them."""
        return np.random.default_rng(0).integers(self.sizes.vocab_size, size=(self.sizes.rows, self.sizes.length))

    def row(
        self,
        name: str,
        work: str,
        unit: Unit,
        ours: Work | Missing,
        reference: Work | Missing | None = None,
        floor: Work | Missing | None = None,
        note: str = "",
    ) -> BenchmarkRow:
        """The works timed in turn, as a row of the table."""
        works = {role: each for role, each in zip(ROLES, (ours, reference, floor), strict=True) if each is not None}
        calls = {role: each.call for role, each in works.items() if isinstance(each, Work)}
        calls |= {f"{role} less": w.less for role, w in works.items() if isinstance(w, Work) and w.less is not None}
        seconds = self.clock.compare(calls)
        return BenchmarkRow(
            name,
            work,
            unit,
            **{role: _figure(each, role, seconds) for role, each in works.items()},
            targets=TARGETS.get(name, ()),
            note=note,
        )

    def curve(
        self,
        name: str,
        work: str,
        axis: str,
        sizes: list[int],
        made: Callable[[int], Call],
        units: Callable[[int], float] = lambda size: 1.0,
        expected: float = 1.1,
    ) -> Curve:
        """Cost against size: `made(size)` is the call to time, of `units(size)` works."""
        clock = replace(self.clock, repeats=min(5, self.clock.repeats), most_seconds=self.clock.most_seconds / 2)
        seconds = clock.compare({str(size): made(size) for size in sizes})
        costs = {size: tuple(each / units(size) for each in seconds[str(size)]) for size in sizes}
        return Curve(name, work, axis, costs, expected)


ROLES = ("ours", "reference", "floor")


def library(module: str, distribution: str) -> Any | str:
    """An optional library's module; or why it is missing, in words."""
    try:
        return import_module(module)
    except ImportError:
        return f"{distribution} not installed"


def on_one_thread(call: Call) -> Call:
    """The call with one thread of torch's."""

    def called() -> None:
        threads = torch.get_num_threads()
        torch.set_num_threads(1)
        try:
            call()
        finally:
            torch.set_num_threads(threads)

    return called


def _figure(work: Work | Missing, role: str, seconds: dict[str, tuple[float, ...]]) -> Figure:
    if isinstance(work, Missing):
        return Figure(work.name, missing=work.reason)
    less = seconds.get(f"{role} less", (0.0,) * len(seconds[role]))
    # A difference of two times can be anything where the work is lost in the noise; a cost is above zero.
    costs = tuple(max(whole - part, 1e-12) / work.units for whole, part in zip(seconds[role], less, strict=True))
    return Figure(work.name, costs)
