"""Tables of the pages of results, written from the committed files while the site is built.

A page has a fence with the table's name, and its rows come from `benchmarks/results`:

    ```{kept-table} table1-small
    ```

`docs/result_tables.toml` says which columns and rows it has; tables of other forms are made by a function of
`other_tables` or `speed_tables`. A title sorts its column.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx

import other_tables
import speed_tables
from benchmarks.store.manifest import read_manifest
from exact_evidence import SOFT_LABELS
from kept_tables import RESULTS, TABLE, csv_rows

SPECS = Path(__file__).resolve().parents[1] / "result_tables.toml"
FENCE = re.compile(r"^```\{kept-table\} (\S+)\n```$", re.MULTILINE)
LEAST_P = 1e-300
OTHERS = {**other_tables.TABLES, **speed_tables.TABLES}


@cache
def specs() -> Mapping[str, Any]:
    """Folder -> its columns, rows and cells that no file has."""
    return tomllib.loads(SPECS.read_text(encoding="utf-8"))


@cache
def _measured(folder: str) -> dict[tuple[str, str], dict[str, str]]:
    return {(row["agent"], row["measure"]): row for row in csv_rows(folder, TABLE)}


@cache
def _differences(folder: str) -> dict[tuple[str, str], dict[str, str]]:
    return {(row["agent"], row["measure"]): row for row in csv_rows(folder, "differences.csv")}


@cache
def _soon(folder: str) -> dict[str, dict[str, str]]:
    """Agent -> its row of the report's table of how soon a share of the optimum was reached."""
    report = (RESULTS / folder / "table.md").read_text(encoding="utf-8").partition("## How soon")[2]
    lines = [line.strip("| ").split(" | ") for line in report.partition("\n## ")[0].splitlines() if line[:1] == "|"]
    titles, _, *rows = lines
    return {row[0]: dict(zip(titles, row, strict=True)) for row in rows}


@cache
def _budgets(folder: str) -> dict[str, int]:
    runs = read_manifest(RESULTS / folder).runs
    return {label: int(config["algorithm"]["total_tokens"]) for (label, _), config in runs.items()}


def p_value(p: float) -> str:
    """A p-value with two decimals, or one significant digit where it is small."""
    return "< 1e-300" if p < LEAST_P else f"{p:.0e}" if p < 0.0095 else f"{p:.2f}"


def mean_and_std(row: Mapping[str, str], digits: int) -> str:
    collapsed = " †" if row["collapsed"] == "True" and row["measure"] == "nll_oracle" else ""
    return f"{float(row['mean']):.{digits}f} ± {float(row['std']):.{digits}f}{collapsed}"


def _mean(folder: str, agent: str, measure: str, digits: int) -> str:
    row = _measured(folder).get((agent, measure))
    if row is None or not row["mean"]:
        return "–"
    if measure == "optimum_share" and agent in SOFT_LABELS:
        return f"{mean_and_std(row, digits)}; KL {mean_and_std(_measured(folder)[agent, 'kl_soft'], digits)}"
    return mean_and_std(row, digits)


def _worst(folder: str, agent: str, measure: str, digits: int) -> str:
    if agent in SOFT_LABELS:
        return f"KL {float(_measured(folder)[agent, 'kl_soft']['highest']):.{digits}f}"
    return f"{float(_measured(folder)[agent, measure]['lowest']):.{digits}f}"


def _spread(folder: str, agent: str, measure: str, digits: int) -> str:
    row = _measured(folder)[agent, measure]
    return f"{float(row['lowest']):.{digits}f}, {float(row['highest']):.{digits}f}"


def _mean_alone(folder: str, agent: str, measure: str, digits: int) -> str:
    return f"{float(_measured(folder)[agent, measure]['mean']):.{digits}f}"


def _difference(column: str) -> Callable[[str, str, str, int], str]:
    def cell(folder: str, agent: str, measure: str, digits: int) -> str:
        found = _differences(folder).get((agent, measure), {}).get(column)
        return p_value(float(found)) if found else ""

    return cell


CELLS: Mapping[str, Callable[[str, str, str, int], str]] = {
    "mean": _mean,
    "mean_alone": _mean_alone,
    "worst": _worst,
    "spread": _spread,
    "p_holm": _difference("p_holm"),
    "p_over_sequences": _difference("p_over_sequences"),
    "finished": lambda folder, agent, measure, digits: _measured(folder)[agent, measure]["finished"],
    "soon": lambda folder, agent, measure, digits: _soon(folder)[agent][measure],
    "budget": lambda folder, agent, measure, digits: f"{_budgets(folder)[agent]:,}",
}


def experiment_table(folder: str) -> str:
    """The table of an experiment that `result_tables.toml` describes, as Markdown.

    Raises:
        ValueError: rows that are not those of the committed table.
    """
    spec = specs()[folder]
    asked = list(dict.fromkeys(row["agent"] for row in csv_rows(folder, TABLE) if row["asked"]))
    if [label for label, _ in spec["rows"]] != asked:
        raise ValueError(f"rows of {folder!r} in {SPECS.name} are not those of its table: {', '.join(asked)}")
    titles = [spec["first"], *(column[0] for column in spec["columns"])]
    lines = [f"| {' | '.join(titles)} |", f"| :-- |{' --: |' * (len(titles) - 1)}"]
    for number, (label, words) in enumerate(spec["rows"]):
        cells = [words]
        for title, kind, *more in spec["columns"]:
            measure, digits = [*more, "", 0][:2] if len(more) != 1 else [*more, 0]
            given = kind == "given"
            cells.append(spec["given"][title][number] if given else CELLS[kind](folder, label, measure, digits))
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def table(name: str) -> str:
    """A table by its name, as Markdown.

    Raises:
        ValueError: no such table.
    """
    if name in OTHERS:
        return OTHERS[name]()
    if name not in specs():
        raise ValueError(f"there is no table {name!r}; there are: {', '.join([*specs(), *OTHERS])}")
    return experiment_table(name)


def expanded(text: str, sortable: bool = False) -> str:
    """A page with its tables in the place of their fences."""

    def put(found: re.Match[str]) -> str:
        lines = table(found[1])
        return f":::{{table}}\n:class: sortable\n\n{lines}\n:::" if sortable else lines

    return FENCE.sub(put, text)


def read(app: Sphinx, docname: str, source: list[str]) -> None:
    if docname.startswith("results/"):
        source[0] = expanded(source[0], sortable=True)


def outdated(app: Sphinx, env: Any, added: set[str], changed: set[str], removed: set[str]) -> list[str]:
    """The pages of results, each time: their tables may have changed though their words have not."""
    return [name for name in env.found_docs if name.startswith("results/")]


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("source-read", read)
    app.connect("env-get-outdated", outdated)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
