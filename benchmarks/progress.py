"""Progress of an experiment on the terminal: a bar for each run under way, and one for all."""

from __future__ import annotations

from collections.abc import Sequence
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from benchmarks.specs import Run
from benchmarks.table import shortened
from benchmarks.workers import Event


class ProgressBars:
    """Bars of tokens on a terminal; where there is none, a line for each run that ends.

    Args:
        console: to draw on.
        runs: all that were asked for.
    """

    def __init__(self, console: Console, runs: Sequence[Run]) -> None:
        self.console = console
        self.bars = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=30),
            TextColumn("{task.fields[amount]}"),
            TimeElapsedColumn(),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
        self.runs = {run.name: run for run in runs}
        self.waiting = set(self.runs)
        self.tasks: dict[str, TaskID] = {}
        self.overall = self.bars.add_task("all runs", total=len(runs), amount="")

    def __enter__(self) -> Self:
        self.bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.bars.stop()

    def say(self, line: str) -> None:
        """A line above the bars."""
        self.console.print(line, highlight=False, markup=False, soft_wrap=True)

    def listen(self, event: Event) -> None:
        """Draws what happened."""
        name, total = event.run.name, event.run.row.total_tokens
        if event.kind == "started":
            self.tasks[name] = self.bars.add_task(escape(name), total=max(total, 1), amount="")
        elif event.kind == "advanced":
            amount = f"{shortened(event.tokens)} of {shortened(total)} tokens" if total else ""
            self.bars.update(self.tasks[name], completed=min(event.tokens, total), amount=amount)
        else:
            self.bars.remove_task(self.tasks.pop(name))
            self.bars.advance(self.overall)
            self.say(f"{name}: {event.kind}" + (f": {event.message}" if event.message else ""))
