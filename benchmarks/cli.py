"""Command line of the benchmarks: `python -m benchmarks --help` lists its commands."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import typer

from benchmarks.commands import agents, exchange, measurements, runs, studies, suite, training, tuning
from benchmarks.diagnostics.command import diagnose

# In the order that `--help` shows.
COMMANDS: Mapping[str, Callable[..., None]] = {
    "train": training.train,
    "arguments": training.arguments,
    "tune": tuning.tune,
    "tune-suite": tuning.tune_suite,
    "gains": tuning.gains,
    "schema": training.schema,
    "list": runs.list_experiments,
    "run": runs.run,
    "work": runs.work,
    "report": runs.report_folder,
    "leaderboard": suite.leaderboard,
    "regress": suite.regress,
    "export": exchange.export,
    "import": exchange.import_,
    "plot-attention": agents.plot_attention,
    "sample": agents.sample,
    "evaluate": agents.evaluate,
    "watch": agents.watch,
    "throughput": measurements.throughput,
    "variance": measurements.variance,
    "degenerate": measurements.degenerate,
    "exposure": studies.exposure,
    "sweep": studies.sweep,
    "diagnose": diagnose,
}
app = typer.Typer(add_completion=False, no_args_is_help=True, help=__doc__, pretty_exceptions_enable=False)
for name, command in COMMANDS.items():
    app.command(name)(command)
