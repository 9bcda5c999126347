"""The table of speeds: its clock, exponents of growth, and figures in words."""

from __future__ import annotations

import time

import numpy as np
import pytest

from benchmarks.throughput.clock import Clock, exponent
from benchmarks.throughput.measured import BenchmarkRow, Curve, Figure, Target, Unit
from benchmarks.throughput.plot import mark_of
from benchmarks.throughput.sizes import grown
from benchmarks.throughput.table import times, verdict


def test_works_are_timed_in_turn() -> None:
    order: list[str] = []
    clock = Clock(repeats=4, least_seconds=0.0)
    found = clock.compare({name: lambda name=name: order.append(name) for name in "ABC"})
    assert order[-12:] == list("ABC" * 4)
    assert all(len(times) == 4 for times in found.values())


def test_short_works_are_repeated_and_long_ones_take_fewer_rounds() -> None:
    calls = {"short": 0, "long": 0}

    def short() -> None:
        calls["short"] += 1

    def long() -> None:
        calls["long"] += 1
        time.sleep(0.02)

    found = Clock(repeats=50, least_seconds=0.005, most_seconds=0.2).compare({"short": short, "long": long})
    rounds = len(found["short"])
    assert 3 <= rounds < 15
    assert calls["long"] <= rounds + 2
    assert calls["short"] > 1_000
    assert max(found["short"]) < 1e-4 < 0.02 <= min(found["long"])


def test_the_exponent_is_that_of_the_larger_half() -> None:
    sizes = grown(10, 100_000, 9)
    rng = np.random.default_rng(0)
    for power in (0.0, 1.0, 1.7):
        costs = [3e-6 * size**power * float(rng.uniform(0.99, 1.01)) + 1e-5 * (size < 100) for size in sizes]
        assert exponent(sizes, costs) == pytest.approx(power, abs=0.01)
    assert exponent([7], [1.0]) is None
    assert exponent([1, 10], [1.0, 100.0]) == pytest.approx(2.0)
    curve = Curve("c", "w", "rows", {10: (1.0, 2.0, 9.0), 100: (20.0, 1.0, 30.0)})
    assert curve.exponent == pytest.approx(1.0)
    assert curve.to_json()["seconds"] == [2.0, 20.0]


@pytest.mark.parametrize(
    ("first", "last", "points", "sizes"),
    [(64, 65_536, 6, [64, 256, 1_024, 4_096, 16_384, 65_536]), (5, 5, 5, [5]), (9, 3, 5, [3]), (1, 3, 9, [1, 2, 3])],
)
def test_growing_sizes(first: int, last: int, points: int, sizes: list[int]) -> None:
    assert grown(first, last, points) == sizes


@pytest.mark.parametrize(
    ("unit", "cost", "shown"),
    [
        (Unit("time", "text"), 5.27e-4, "527 us/text"),
        (Unit("time", "text"), 0.9996, "1 s/text"),
        (Unit("time", ""), 1.5e-9, "1.5 ns"),
        (Unit("time", ""), 2e-12, "0.002 ns"),
        (Unit("rate", "tokens"), 1 / 187_000, "187k tokens/s"),
        (Unit("rate", "steps"), 1 / 62e6, "62M steps/s"),
        (Unit("memory", "process"), 3.5 * 2**30, "3.5 GiB"),
    ],
)
def test_figures_in_words(unit: Unit, cost: float, shown: str) -> None:
    assert unit.shown(cost) == shown


def test_ratio_share_and_targets_of_a_row() -> None:
    targets = (Target("ratio", 20), Target("share", 0.7), Target("cost", 0.003))
    row = BenchmarkRow(
        "sampling",
        "w",
        Unit("rate", "tokens"),
        Figure("ours", (0.002, 0.004, 0.0021)),
        Figure("slow", (0.0462,)),
        Figure("floor", (0.00105,)),
        targets,
    )
    assert row.ratio == pytest.approx(22)
    assert row.share == pytest.approx(0.5)
    assert [row.met(target) for target in targets] == [True, False, True]
    assert [verdict(row, target) for target in targets[:2]] == ["≥ 20x met", "≥ 0.7 MISSED"]
    # Each mark stands where the bar would end if the target were just met.
    marks = [mark_of(row, target) for target in targets]
    assert marks == pytest.approx([20, 22 * 0.7 / 0.5, 0.0462 / 0.003])
    assert times(22.04) == "22x"
    assert times(0.7463) == "0.746x"
    assert times(99_999.6) == "100,000x"
