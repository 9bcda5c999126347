"""Page of the measures: each with its unit and which of two values is the better one."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from sphinx.application import Sphinx

from benchmarks.measures.measures import TABLE, Measure
from class_docs import cell, class_doc
from written_pages import write_pages


def meaning(measure: Measure) -> str:
    """The first paragraph of its function's docstring."""
    function = measure.function
    while isinstance(function, partial):
        function = function.func
    return class_doc(function).summary.split("\n\n")[0]  # type: ignore[arg-type]


def index() -> str:
    lines = ["# Measures", "", "What an experiment can measure of a trained policy, beside its return:", ""]
    lines += ["| name | heading | unit | better | |", "|---|---|---|---|---|"]
    lines += [
        f"| `{each.name}` | {cell(each.title)} | {cell(each.unit)} | {each.better} | {cell(meaning(each))} |"
        for each in TABLE
    ]
    lines += [
        "",
        "An experiment names them in `Evaluation(measures=...)`: {py:obj}`benchmarks.specs.experiment.Evaluation`.",
        "",
    ]
    return "\n".join(lines)


def write(app: Sphinx) -> None:
    write_pages(Path(app.srcdir) / "measures", {"index.md": index()})


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("builder-inited", write)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
