"""Progress of an experiment on the terminal: a bar for each run under way, and one for all."""

from __future__ import annotations

from types import TracebackType
from typing import Self

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from benchmarks.report.shown_tables import shortened
from benchmarks.running.executor import Event


class ProgressBars:
    """Bars of tokens on a terminal; where there is none, a line for each run that ends.

    Args:
        console: to draw on.
        total: runs that were asked for.
        done: those of them that are finished already.
    """

    def __init__(self, console: Console, total: int, done: int = 0) -> None:
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
        self.tasks: dict[str, TaskID] = {}
        self.total, self.done = total, done
        self.overall = self.bars.add_task("all runs", total=total, completed=done, amount=self._amount())

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
        name, total = event.run.name, event.run.algorithm.total_tokens
        if event.kind == "started":
            self.tasks[name] = self.bars.add_task(escape(name), total=max(total, 1), amount="")
        elif event.kind == "advanced":
            amount = f"{shortened(event.tokens)} of {shortened(total)} tokens" if total else ""
            self.bars.update(self.tasks[name], completed=min(event.tokens, total), amount=amount)
        else:
            # One that another process has done was never begun here.
            if name in self.tasks:
                self.bars.remove_task(self.tasks.pop(name))
            if event.kind != "taken":
                self.done += 1
                self.bars.update(self.overall, completed=self.done, amount=self._amount())
            self.say(f"{name}: {event.kind}" + (f": {event.message}" if event.message else ""))

    def _amount(self) -> str:
        return f"{self.done} of {self.total} runs"
