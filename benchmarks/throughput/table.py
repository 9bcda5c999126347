"""Table of the measurements on the terminal."""

from __future__ import annotations

from typing import Literal

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from benchmarks.throughput.machine import uncompiled, versions
from benchmarks.throughput.measured import BenchmarkRow, Curve, Target, Unit
from benchmarks.throughput.quiet import described, is_busy
from benchmarks.throughput.run import Measurements
from benchmarks.throughput.sizes import Sizes

STYLES = {True: "green", False: "bold red", None: ""}
WIDE = 110
WIDE_WIDTHS, NARROW_WIDTHS = (26, 16, 10, 16), (17, 14, 8, 13)
JUSTIFIED: tuple[Literal["left", "right"], ...] = ("left", "right", "right", "left")


def show(found: Measurements, console: Console) -> None:
    """Header, rows, exponents, and what failed."""
    judged = found.sizes == Sizes()
    _show_header(found, console)
    if found.rows:
        console.print(_rows(found.rows, judged, console.width >= WIDE))
    for row in found.rows:
        if row.note:
            console.print(f"{row.name}: {row.note}", style="dim", highlight=False, markup=False, soft_wrap=True)
    if found.rows and not judged:
        said = "The targets are stated for other sizes (the defaults): here they are a hint."
        console.print(said, style="yellow", highlight=False)
    if found.curves:
        console.print(_curves(found.curves))
    for name, error in found.failed.items():
        console.print(f"{name} failed: {error}", style="bold red", highlight=False, markup=False, soft_wrap=True)


def verdict(row: BenchmarkRow, target: Target) -> str:
    """A target in words, and whether it is met."""
    if target.quantity == "cost":
        said = f"≤ {Unit(row.unit.kind, '').shown(target.value)}"
    elif target.quantity == "share":
        said = f"≥ {target.value:g}"
    else:
        said = f"≥ {times(target.value)}"
    met = row.met(target)
    return said if met is None else f"{said} {'met' if met else 'MISSED'}"


def times(ratio: float) -> str:
    """A ratio in three digits or, from a hundred, as a whole number: 0.83x, 12.4x, 812x."""
    return f"{ratio:,.0f}x" if ratio >= 100 else f"{float(f'{ratio:.3g}'):g}x"


def growth(curve: Curve) -> str:
    """The fitted exponent, and whether it is as expected."""
    if curve.exponent is None:
        return "one size only"
    return f"{curve.exponent:.2f}" + ("" if curve.exponent <= curve.expected else f" > {curve.expected:g}")


def _show_header(found: Measurements, console: Console) -> None:
    made_with = ", ".join(f"{name} {number}" for name, number in versions().items())
    threads = found.machine.get("torch_threads")
    lines = [
        f"{found.machine.get('processor')}, {found.machine.get('processors')} processors, {threads} torch threads",
        made_with,
        f"medians of {found.repeats} rounds (fewer where they are long), works timed in turn, {found.seconds:.0f} s",
    ]
    for line in lines:
        console.print(line, style="dim", highlight=False, markup=False, soft_wrap=True)
    shares = found.machine.get("busy_before"), found.machine.get("busy_after")
    if quiet := described(*shares):
        style = "yellow" if is_busy(*shares) else "dim"
        console.print(quiet, style=style, highlight=False, markup=False, soft_wrap=True)
    if uncompiled():
        console.print(uncompiled(), style="yellow", highlight=False, markup=False, soft_wrap=True)


def _rows(rows: list[BenchmarkRow], judged: bool, wide: bool) -> Table:
    table = Table(box=SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    widths = WIDE_WIDTHS if wide else NARROW_WIDTHS
    table.add_column("work", ratio=1, overflow="fold")
    # The header of the lines within each cell, which have columns of their own.
    table.add_column(_lines([("by", "speed", "ours to it", "target")], widths), width=sum(widths) + len(widths))
    for row in rows:
        table.add_row(f"[bold]{escape(row.name)}[/]\n[dim]{escape(row.work)}[/]", _lines(_cells(row, judged), widths))
    return table


def _cells(row: BenchmarkRow, judged: bool) -> list[tuple[str, str, str, str]]:
    """A line for us, for the reference and for the floor, each with the targets that speak of it."""
    lines = []
    for figure, name, compared, quantity in (
        (row.ours, row.ours.name, "", "cost"),
        (row.reference, row.reference.name if row.reference else "", row.ratio and times(row.ratio), "ratio"),
        (row.floor, f"floor: {row.floor.name}" if row.floor else "", row.share and f"{row.share:.2f}", "share"),
    ):
        if figure is not None:
            # The line begins with the name.
            missing = escape(figure.missing.removeprefix(f"{figure.name} "))
            speed = missing if figure.cost is None else row.unit.shown(figure.cost)
            said = [_judged(row, target, judged) for target in row.targets if target.quantity == quantity]
            lines.append((escape(name), speed, compared or "", " ".join(said)))
    return lines


def _judged(row: BenchmarkRow, target: Target, judged: bool) -> str:
    style = STYLES[row.met(target)] if judged else "dim"
    return f"[{style}]{escape(verdict(row, target))}[/]" if style else escape(verdict(row, target))


def _lines(lines: list[tuple[str, str, str, str]], widths: tuple[int, ...]) -> Table:
    grid = Table.grid(padding=(0, 1, 0, 0))
    for width, justify in zip(widths, JUSTIFIED, strict=True):
        grid.add_column(width=width, justify=justify)
    for cells in lines:
        grid.add_row(*cells)
    return grid


def _curves(curves: list[Curve]) -> Table:
    table = Table(box=SIMPLE_HEAD, padding=(0, 2, 0, 0), pad_edge=False)
    for title in ("cost of", "from", "to", "exponent"):
        table.add_column(title)
    for curve in curves:
        ends = [_point(curve, place) for place in (0, -1)]
        met = curve.exponent is None or curve.exponent <= curve.expected
        table.add_row(curve.work, *ends, f"[{STYLES[met]}]{growth(curve)}[/]")
    return table


def _point(curve: Curve, place: int) -> str:
    size, seconds = curve.sizes[place], Unit("time", "").shown(curve.medians[place])
    return f"V={size:,}: {seconds}" if curve.axis == "V" else f"{size:,} {curve.axis}: {seconds}"
