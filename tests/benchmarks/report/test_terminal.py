"""Tables on terminals of every width."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from rich.console import Console

from benchmarks.analysis.load import collect
from benchmarks.experiments.quick import EXPERIMENT
from benchmarks.report.document import Document, document
from benchmarks.report.table import Cell, Column, Table
from benchmarks.report.terminal import print_table, show
from benchmarks.specs.experiment import runs_of
from benchmarks.store.manifest import Manifest
from benchmarks.store.results import Point, Reference, Result
from benchmarks.store.run_folder import write_json

ALL = ("agent", "runs", "return", "NLL_oracle", "NLL_test", "distinct-2", "tokens", "seconds")


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Document:
    """That of `make demo`, with numbers as long as they become."""
    out = tmp_path_factory.mktemp("runs")
    runs = runs_of(EXPERIMENT)
    Manifest.of(EXPERIMENT, runs).write(out / EXPERIMENT.name)
    for run in runs:
        spent = run.algorithm.total_tokens
        read = spent if run.algorithm.agent == "mle" else 0
        result = Result(
            curve=(Point(0, 0, 0.0, -73.0), Point(spent - read, read, 12.5, -50.0 - run.seed)),
            mean_return=-50.0 - run.seed,
            std_return=1.0,
            measures={"nll_oracle": 5.0 + run.seed / 10, "nll_test": 4.0, "distinct_2": 0.9},
            errors={},
            sequence_nll_oracle=(),
            reasons={},
            references={
                "data": Reference("oracle's own texts", -26.13),
                "greedy": Reference("greedy oracle sequence", -12.74),
            },
            oracle_entropy=2.542,
            samples=(),
            evaluation_seconds=1.0,
            versions={},
        )
        write_json(out / run.name / "config.json", run.to_config())
        write_json(out / run.name / "result.json", result.to_json())
    return document(collect(out / EXPERIMENT.name))


def printed(document: Document, width: int) -> list[str]:
    console = Console(width=width, file=io.StringIO(), record=True)
    show(document, console)
    return console.export_text().splitlines()


@pytest.mark.parametrize(
    ("width", "columns"),
    [
        (80, ("agent", "runs", "return", "NLL_oracle", "tokens")),
        (100, ("agent", "runs", "return", "NLL_oracle", "tokens", "seconds")),
        (160, ALL),
    ],
)
def test_the_demo_fits_into_one_table(demo: Document, width: int, columns: tuple[str, ...]) -> None:
    lines = printed(demo, width)
    rule = next(number for number, line in enumerate(lines) if "───" in line)
    head = " ".join(lines[1:rule])
    assert [name for name in ALL if name in head] == list(columns)
    # One line an algorithm, once.
    for row in demo.comparison.texts:
        (line,) = (line for line in lines[rule:] if line.startswith(f" {row[0]} "))
        assert len(line.rstrip()) <= width
        shown = [cell for cell, name in zip(row, ALL, strict=True) if name in columns]
        assert " ".join(line.split()) == " ".join(" ".join(shown).split())
    assert "(continued)" not in "\n".join(lines)
    left_out = [name for name in ALL if name not in columns]
    words = " ".join(" ".join(lines).split())
    assert ("No room for" in words) == bool(left_out)
    assert all(name in words for name in left_out)


def test_no_line_of_a_table_is_wider_than_the_terminal(demo: Document) -> None:
    before = 0
    for width in range(40, 200, 5):
        lines = printed(demo, width)
        assert max(map(len, lines)) <= width
        (random,) = (line for line in lines if line.startswith(" Random "))
        # More room never shows less.
        assert len(random.split()) >= before
        before = len(random.split())
    assert before == len(" ".join(demo.comparison.texts[0]).split())


def test_columns_go_by_their_priority_and_stand_in_their_order() -> None:
    columns = tuple(Column(name * 8, priority=place) for name, place in (("a", 0), ("b", 3), ("c", 2), ("d", 1)))
    table = Table("x", "x", columns, (tuple(Cell(name * 8) for name in "abcd"),))
    for width, shown in ((40, "abcd"), (39, "acd"), (30, "acd"), (29, "ad"), (12, "a")):
        console = Console(width=width, file=io.StringIO(), record=True)
        print_table(table, "heading", console, "a file has them")
        assert console.export_text().splitlines()[2].split() == [name * 8 for name in shown]


def test_a_later_column_that_fits_is_shown_where_an_earlier_one_does_not() -> None:
    columns = (Column("name"), Column("long", priority=1), Column("short", priority=2))
    table = Table("x", "x", columns, ((Cell("row"), Cell("x" * 90), Cell("1")),))
    console = Console(width=80, file=io.StringIO(), record=True)
    print_table(table, "heading", console, "a file has it")
    said = console.export_text()
    assert "No room for long: a file has it." in said
    assert "short" in said


def test_headings_and_words_are_no_markup(tmp_path: Path) -> None:
    table = Table("x", "x", (Column("[red]a"), Column("[b]")), ((Cell("[/]"), Cell("1")),), ("[note]",))
    console = Console(width=80, file=io.StringIO(), record=True)
    print_table(table, "[heading]", console)
    said = console.export_text()
    assert all(words in said for words in ("[red]a", "[b]", "[/]", "[note]", "[heading]"))
