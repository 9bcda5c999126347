"""Measurements that a case yields: rows of the table and curves of cost against size, with every repeat."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from statistics import median
from typing import Any, Literal

from benchmarks.throughput.clock import exponent

UnitKind = Literal["time", "rate", "memory"]
Quantity = Literal["ratio", "share", "cost"]
SECONDS = ((1.0, "s"), (1e-3, "ms"), (1e-6, "us"), (1e-9, "ns"))
COUNTS = ((1e9, "G"), (1e6, "M"), (1e3, "k"), (1.0, ""))
BYTES = ((2**30, "GiB"), (2**20, "MiB"), (2**10, "KiB"), (1, "B"))


@dataclass(frozen=True)
class Unit:
    """Unit that costs are stated for: "time" a text (us/text; us without a name), the "rate" of tokens
    (tokens/s), or "memory" (GiB)."""

    kind: UnitKind
    name: str

    def shown(self, cost: float) -> str:
        """A cost a unit, seconds or bytes, in three digits."""
        if self.kind == "rate":
            return f"{_scaled(1 / cost, COUNTS, '')} {self.name}/s"
        scaled = _scaled(cost, BYTES if self.kind == "memory" else SECONDS, " ")
        return scaled + (f"/{self.name}" if self.kind == "time" and self.name else "")


@dataclass(frozen=True)
class Figure:
    """Figure: a work's cost.

    Attributes:
        name: whose work.
        costs: seconds (or bytes) a unit, one number for each repeat.
        missing: why there are none.
    """

    name: str
    costs: tuple[float, ...] = ()
    missing: str = ""

    @property
    def cost(self) -> float | None:
        """The median."""
        return median(self.costs) if self.costs else None

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        if not self.costs:
            return {"name": self.name, "missing": self.missing}
        spread = {"least": min(self.costs), "most": max(self.costs)}
        return {"name": self.name, "cost": self.cost, **spread, "repeats": list(self.costs)}


@dataclass(frozen=True)
class Target:
    """Target to reach: a "ratio" to the reference's speed or a "share" of the floor's at least, or a "cost" a unit
    at most."""

    quantity: Quantity
    value: float


@dataclass(frozen=True)
class BenchmarkRow:
    """Row of the table.

    Attributes:
        name: short, of letters, digits and "-"; `targets.TARGETS` is looked up by it.
        work: what is done, with its sizes.
        unit: of all costs.
        ours: the suite's.
        reference: what one would use without it, or None.
        floor: the arithmetic that the work cannot do without, or None.
        targets: to reach.
        note: what is worth knowing.
    """

    name: str
    work: str
    unit: Unit
    ours: Figure
    reference: Figure | None = None
    floor: Figure | None = None
    targets: tuple[Target, ...] = ()
    note: str = ""

    @property
    def ratio(self) -> float | None:
        """The speed as a multiple of the reference's."""
        return _quotient(self.reference, self.ours)

    @property
    def share(self) -> float | None:
        """Our speed as a share of the floor's."""
        return _quotient(self.floor, self.ours)

    def met(self, target: Target) -> bool | None:
        """Whether a target is reached; None where it was not measured."""
        value = {"ratio": self.ratio, "share": self.share, "cost": self.ours.cost}[target.quantity]
        if value is None:
            return None
        return value <= target.value if target.quantity == "cost" else value >= target.value

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {
            "name": self.name,
            "work": self.work,
            "unit": {"kind": self.unit.kind, "name": self.unit.name},
            "ours": self.ours.to_json(),
            "reference": None if self.reference is None else self.reference.to_json(),
            "ratio": self.ratio,
            "floor": None if self.floor is None else self.floor.to_json(),
            "share_of_floor": self.share,
            "targets": [
                {"quantity": target.quantity, "value": target.value, "met": self.met(target)} for target in self.targets
            ],
            "note": self.note,
        }


@dataclass(frozen=True)
class Curve:
    """Curve of cost against size.

    Attributes:
        name: short.
        work: what is done.
        axis: what grows.
        costs: size, ascending -> seconds of the work, one number for each repeat.
        expected: what the exponent should be at most.
    """

    name: str
    work: str
    axis: str
    costs: Mapping[int, tuple[float, ...]]
    expected: float = 1.1

    @property
    def sizes(self) -> list[int]:
        """Sizes that were measured."""
        return list(self.costs)

    @property
    def medians(self) -> list[float]:
        """Seconds at each size."""
        return [median(costs) for costs in self.costs.values()]

    @property
    def exponent(self) -> float | None:
        """b of cost = a * size^b over the larger half of the sizes."""
        return exponent(self.sizes, self.medians)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {
            "name": self.name,
            "work": self.work,
            "axis": self.axis,
            "sizes": self.sizes,
            "seconds": self.medians,
            "repeats": [list(costs) for costs in self.costs.values()],
            "exponent": self.exponent,
            "expected": self.expected,
        }


def _quotient(other: Figure | None, ours: Figure) -> float | None:
    if other is None or other.cost is None or ours.cost is None:
        return None
    return other.cost / ours.cost


def _scaled(value: float, scales: tuple[tuple[float, str], ...], space: str) -> str:
    # 999.6 ms are 1.00 s: a number is rounded before its scale is chosen.
    rounded = float(f"{value:.3g}")
    size, unit = next(((size, unit) for size, unit in scales if rounded >= size), scales[-1])
    return f"{float(f'{value / size:.3g}'):.10g}{space}{unit}".strip()
