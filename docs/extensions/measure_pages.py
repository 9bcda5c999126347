"""Pages of the measures: equation, unit, range, papers, the public function, a value computed at the build, use."""

from __future__ import annotations

import tomllib
from functools import partial
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx

import papers
from benchmarks.measures.measured import DECODINGS
from benchmarks.measures.measures import TABLE, Measure
from class_docs import cell, class_doc, linked
from computed_values import shown
from textgen_env.registries import load_object
from written_pages import write_pages

NOTES = Path(__file__).resolve().parents[1] / "measures.toml"
WAYS = {"greedy": "written greedily", "sample": "drawn", "beam": "found by beam search"}


def notes() -> dict[str, dict[str, Any]]:
    """Page -> its entry of `measures.toml`."""
    return tomllib.loads(NOTES.read_text(encoding="utf-8"))


def function_of(measure: Measure) -> Any:
    """The function that measures, without the arguments that are bound to it."""
    function: Any = measure.function
    while isinstance(function, partial):
        function = function.func
    return function


def meaning(measure: Measure) -> str:
    """The first paragraph of its function's docstring."""
    return class_doc(function_of(measure)).summary.split("\n\n")[0]


def page_of(measure: Measure) -> str:
    """Name of the page that a measure stands on: those that differ by a number, or by how texts are decoded, share
    it."""
    if measure.name.partition("_")[0] in DECODINGS:
        return str(function_of(measure).__name__)
    return measure.name.rstrip("0123456789").rstrip("_")


def pages() -> dict[str, list[Measure]]:
    """Page -> its measures, in the order of the table."""
    found: dict[str, list[Measure]] = {}
    for measure in TABLE:
        found.setdefault(page_of(measure), []).append(measure)
    return found


def program(note: dict[str, Any]) -> str:
    """The entry's program, after the imports that it needs."""
    module, _, name = note["function"].rpartition(".")
    body = note["program"].lstrip("\n")
    heads = ["import gymnasium as gym"] * ("gym." in body) + ["import numpy as np"] * ("np." in body)
    heads += ["import textgen_env"] * ("gym." in body) + [f"from {module} import {name}"] * (f"{name}(" in body)
    own = body.startswith(("from ", "import "))
    return "\n".join([*heads, *([] if own else [""]), body]).lstrip("\n")


def title(page: str, measures: list[Measure]) -> str:
    """The heading of a page: the measure's own, without what its measures differ by."""
    if len(measures) == 1:
        return measures[0].title
    first = measures[0]
    if first.name.partition("_")[0] in DECODINGS:
        words = first.title.partition(" ")[2]
        return words if words.startswith("corpus") else f"{words} of decoded texts"
    return {"repetition": "repeated n-grams"}.get(page, first.title.rstrip("0123456789").rstrip("-"))


def names(measures: list[Measure]) -> str:
    """The names that an experiment asks for them by, each with what sets it apart."""
    parts = []
    for each in measures:
        how = WAYS.get(each.name.partition("_")[0]) if each.name.partition("_")[0] in DECODINGS else None
        parts.append(f"`{each.name}`" + (f" (texts {how})" if how else ""))
    return ", ".join(parts)


def page(name: str) -> str:
    measures, note = pages()[name], notes()[name]
    first, known, function = measures[0], papers.load(), note["function"]
    better = f"the {first.better} value is the better one" if first.better else "neither direction is better by itself"
    is_class = isinstance(load_object(":".join(function.rsplit(".", 1)), "function"), type)
    directive = "autoclass" if is_class else "autofunction"
    parts = [f"# {title(name, measures)}", "", class_doc(function_of(first)).summary, ""]
    parts += [f"$$\n{note['equation']}\n$$", ""]
    parts += [f"**Unit:** {first.unit}. **Range:** {note['range']}; {better}.", ""]
    parts += [f"**In experiments:** {names(measures)}; named in `Evaluation(measures=...)`:"]
    parts += ["{py:obj}`benchmarks.specs.experiment.Evaluation`.", ""]
    use, avoid = (linked(note[each], pages(), name) for each in ("use", "avoid"))
    parts += ["## When", "", f"**Use it.** {use}", "", f"**Do not.** {avoid}", ""]
    parts += ["## A value", "", "Computed when this page was built.", "", shown(program(note)), ""]
    parts += ["## Function", "", "```{eval-rst}", f".. {directive}:: {function}", "   :no-index:", "```", ""]
    if note["papers"]:
        parts += ["## Papers", "", *(f"- {known[key].cite}" for key in note["papers"]), ""]
    return "\n".join(parts)


def index() -> str:
    lines = ["# Measures", "", "What can be measured of a trained policy, beside its return.", ""]
    lines += ["| measure | names | unit | better | |", "|---|---|---|---|---|"]
    for name, measures in pages().items():
        first, named = measures[0], ", ".join(f"`{each.name}`" for each in measures)
        link = f"[{cell(title(name, measures))}]({name}.md)"
        lines.append(f"| {link} | {named} | {cell(first.unit)} | {first.better} | {cell(meaning(first))} |")
    lines += ["", "An experiment names them in `Evaluation(measures=...)`:"]
    lines += ["{py:obj}`benchmarks.specs.experiment.Evaluation`.", ""]
    return "\n".join([*lines, "```{toctree}", ":hidden:", "", *pages(), "```", ""])


def write(app: Sphinx) -> None:
    write_pages(Path(app.srcdir) / "measures", {**{f"{name}.md": page(name) for name in pages()}, "index.md": index()})


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("builder-inited", write)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
