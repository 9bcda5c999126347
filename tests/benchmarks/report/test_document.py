"""The document against the results by hand, and the three writers against the document."""

from __future__ import annotations

import ast
import csv
import io
import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

import benchmarks.report
from benchmarks.analysis.load import collect
from benchmarks.report.document import Document, document
from benchmarks.report.files import DIFFERENCES, MARKDOWN, TABLE, VERSIONS, files
from benchmarks.report.report import report
from benchmarks.report.table import Table
from benchmarks.report.terminal import show
from benchmarks.specs.experiment import Algorithm, Evaluation, Experiment, Run, runs_of
from benchmarks.store.manifest import Manifest
from benchmarks.store.results import Failure, Measurement, Point, Reference, Result
from benchmarks.store.run_folder import write_json
from support.html_pages import Page, page_of

RETURNS: Mapping[str, tuple[float, ...]] = {
    "Random": (-71.0, -69.0, -70.0),
    "MLE": (-50.0, -52.0, -48.0),
    "GAN": (-30.0, -36.0),
}
ENTROPY = 2.5
EXPERIMENT = Experiment(
    name="by-hand",
    description="a report of everything",
    env_id="TextGen-OracleSmall-v0",
    algorithms=tuple(Algorithm(label, "mle", 100) for label in (*RETURNS, "Never")),
    seeds=(0, 1, 2),
    evaluation=Evaluation(measures=("nll_oracle", "distinct_2"), validation="nll"),
    baseline="Random",
    goal="greedy",
    compared_with="MLE",
    unit="nats a text",
    curve="nll_oracle",
    expected_shares={"GAN": 0.5},
    threshold=0.5,
)


def result(label: str, seed: int) -> Result:
    """Linear in training, from -70; GAN goes on from where MLE ended."""
    final = RETURNS[label][seed]
    nll = -final / 10
    read = 0 if label == "Random" else 1_000
    begun = label == "GAN"
    points = [
        Point(
            1_000 * k if begun else 0,
            read if begun else read * k // 4,
            10.0 * k + 5 * begun,
            -70 + (final + 70) * k / 4,
            measures={"nll_oracle": 7 - (7 - nll) * k / 4, "validation_nll": 4.0 - k if k < 3 else 3.0},
        )
        for k in range(5 if read else 1)
    ]
    values, errors = {"nll_oracle": nll, "distinct_2": 0.25 + seed / 10}, {"nll_oracle": 0.03}
    return Result(
        curve=tuple(points),
        mean_return=final,
        std_return=1.0,
        measures=values,
        errors=errors,
        sequence_nll_oracle=(nll - 0.25, nll, nll + 0.25),
        reasons={"nll_test": "it is shy"} if label == "GAN" else {},
        references={"greedy": Reference("greedy oracle sequence", -10.0), "data": Reference("oracle's own", -25.0)},
        oracle_entropy=ENTROPY,
        samples=(f"{label} wrote", f"in run {seed}"),
        evaluation_seconds=1.0,
        versions={"python": "3"},
        best=Measurement(points[2], final - 1, {"nll_oracle": nll + 0.1, "distinct_2": 0.5}, {}) if read else None,
    )


def became(run: Run) -> Result | Failure | None:
    if run.algorithm.label == "Never":
        return Failure("FloatingPointError: loss is nan", "Traceback\n  line", (Point(80, 10, 1.0, -60.0, 4),))
    return result(run.algorithm.label, run.seed) if run.seed < len(RETURNS[run.algorithm.label]) else None


def written_below(out: Path, experiment: Experiment = EXPERIMENT) -> Path:
    """Seed 2 of GAN was never started, and Never diverged."""
    folder = out / experiment.name
    runs = runs_of(experiment)
    Manifest.of(experiment, runs).write(folder)
    for run in runs:
        found = became(run)
        if found is not None:
            write_json(out / run.name / "config.json", run.to_config())
            name = "result.json" if isinstance(found, Result) else "error.json"
            write_json(out / run.name / name, found.to_json())
    return folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return written_below(tmp_path_factory.mktemp("runs"))


@pytest.fixture(scope="module")
def made(folder: Path) -> Document:
    return document(collect(folder))


def values(table: Table) -> dict[object, dict[str, object]]:
    """First cell of each row -> heading -> value."""
    return {
        row[0].value: dict(zip(table.heads[1:], (cell.value for cell in row[1:]), strict=True)) for row in table.rows
    }


def test_the_comparison_holds_the_means_over_runs(made: Document) -> None:
    found = values(made.comparison)
    for label, returns in RETURNS.items():
        assert found[label]["return"] == pytest.approx(np.mean(returns))
        assert found[label]["NLL_oracle (entropy 2.50)"] == pytest.approx(-np.mean(returns) / 10)
        assert found[label]["runs"] == len(returns)
    assert (found["MLE"]["tokens"], found["MLE"]["seconds"]) == (0, 40)
    assert (found["GAN"]["tokens"], found["GAN"]["seconds"]) == (4_000, 40)
    assert found["Never"]["return"] is None
    assert found["oracle's own"]["NLL_oracle (entropy 2.50)"] == ENTROPY
    assert made.comparison.references == 2
    (shown,) = (row for row in made.comparison.texts if row[0] == "GAN")
    assert shown == (
        *("GAN", "2/3, 1 missing", "-33.00 ± 4.24", "3.300 ± 0.424", "0.300 ± 0.071", "–"),
        *("4.00k (read 1.00k)", "40.0 + 5.0"),
    )
    assert [column.unit for column in made.comparison.columns[2:5]] == [
        "nats a text",
        "nats a token",
        "share in [0, 1]",
    ]


def test_time_to_threshold_and_best_points(made: Document) -> None:
    assert made.threshold is not None
    # Half of -10, below it: -15, which no run reaches.
    assert [row[1:] for row in made.threshold.texts] == [("0/3", "–", "–")] * 4
    assert made.best is not None
    assert made.best.heads[-2:] == ("NLL_validation", "tokens")
    found = values(made.best)
    assert list(found) == ["MLE", "GAN"]
    assert found["MLE"]["return"] == pytest.approx(-51)
    assert found["GAN"]["NLL_validation"] == pytest.approx(2)
    assert found["GAN"]["tokens"] == 2_000


def test_differences_and_spreads_are_of_every_measure(made: Document) -> None:
    assert made.compared_with == "MLE"
    # Of nll_test there is no value at all, and so no difference; it is listed all the same.
    names = ["nll_oracle", "distinct_2", "nll_test", "return"]
    assert [table.name for table in made.differences] == [table.name for table in made.spreads] == names
    first = values(made.differences[0])
    assert list(first) == ["Random", "GAN", "Never"]
    assert first["GAN"]["difference"] == pytest.approx(3.3 - 5.0)
    spread = values(made.spreads[0])["GAN"]
    assert (spread["lowest"], spread["highest"]) == pytest.approx((3.0, 3.6))
    assert spread["standard deviation"] == pytest.approx(np.std([3.0, 3.6], ddof=1))
    assert [table.name for table in made.tables][:3] == ["comparison", "threshold", "best"]
    assert len(made.tables) == 3 + 2 * len(names)


def test_what_else_it_says(made: Document) -> None:
    assert made.title == "by-hand · TextGen-OracleSmall-v0"
    assert made.facts["finished"] == "8 of 12 runs"
    assert made.facts["seeds"] == "0, 1, 2"
    assert [verdict.met for verdict in made.verdicts] == [None, True]
    assert "GAN closed 62% of the distance between Random (-70.00)" in made.verdicts[1].sentence
    assert [(run.name, run.story.split(":")[0]) for run in made.missing] == [
        ("by-hand/GAN/seed-2", "not started"),
        *((f"by-hand/Never/seed-{seed}", "diverged after 94 tokens") for seed in range(3)),
    ]
    assert made.missing[1].traceback.startswith("Traceback")
    assert [(each.label, each.seed, each.texts[0]) for each in made.samples] == [
        (label, 0, f"{label} wrote") for label in RETURNS
    ]
    assert list(made.settings) == [each.label for each in EXPERIMENT.algorithms]
    assert "seed" not in made.settings["MLE"]
    assert made.versions == ({"python": "3"},)
    assert made.warnings == ()


def test_what_figures_show(made: Document) -> None:
    tokens, seconds, after = made.charts
    assert [line.label for line in tokens.lines] == ["MLE", "GAN"]
    # Never, which has no result yet, keeps no colour from the others; Random, which has no curve, takes none.
    assert [line.position for line in tokens.lines] == [0, 1]
    assert [each.title for each in tokens.references] == ["Random", "oracle's entropy"]
    np.testing.assert_allclose(tokens.lines[0].curve.mean[[0, -1]], [7.0, 5.0])
    np.testing.assert_allclose(tokens.lines[1].curve.low[-1], 3.0)
    assert tokens.y_title == "NLL_oracle (nats a token)"
    assert tokens.x_title == "tokens read and generated"
    assert (seconds.title, seconds.x_title) == (
        "NLL_oracle against wall time",
        "seconds of training (wall clock)",
    )
    assert [line.label for line in after.lines] == ["GAN"]
    assert (after.lines[0].curve.tokens[0], after.lines[0].curve.tokens[-1]) == (0, 4_000)
    assert "Dotted vertical lines" in made.caption
    assert "MLE generates no tokens" in made.caption


def test_returns_are_drawn_where_no_measure_is_asked_for(tmp_path: Path) -> None:
    drawn = document(collect(written_below(tmp_path, replace(EXPERIMENT, curve="return")))).charts
    assert drawn[0].y_title == "mean return (nats a text)"
    assert drawn[0].title == "Return against tokens"
    assert [each.title for each in drawn[0].references] == ["Random", "greedy oracle sequence", "oracle's own"]


def test_the_three_writers_agree(folder: Path, made: Document) -> None:
    console = Console(width=400, file=io.StringIO(), record=True)
    show(made, console)
    printed, shown, text = console.export_text(), Page(page_of(folder)).text, files(made)[MARKDOWN]
    plain = text.replace("\\", "")
    for row in made.comparison.texts:
        assert re.search(r"\s+".join(map(re.escape, row)), printed), row
        assert "".join(row) in shown, row
        assert f"| {' | '.join(row)} |" in plain, row
    for table in made.tables:
        assert all("".join(row) in shown for row in table.texts), table.name
        assert all(f"| {' | '.join(row)} |" in plain for row in table.texts), table.name
    said = [verdict.sentence for verdict in made.verdicts] + [run.story for run in made.missing]
    for words in (*said, *made.comparison.notes):
        for written in (printed, plain):
            assert words in " ".join(written.split()), words
        # Subscripts on the page.
        assert words.replace("NLL_", "NLL") in " ".join(shown.split()), words


def test_files_hold_the_numbers_of_the_document(made: Document) -> None:
    written = files(made)
    assert list(written) == [TABLE, DIFFERENCES, MARKDOWN, VERSIONS]
    assert made.tests is not None
    for name, table in ((TABLE, made.numbers), (DIFFERENCES, made.tests)):
        head, *lines = csv.reader(io.StringIO(written[name]))
        assert tuple(head) == table.heads
        assert lines == [["" if cell.value is None else str(cell.value) for cell in row] for row in table.rows]
    numbers = {
        (row[0].value, row[1].value): dict(zip(made.numbers.heads, row, strict=True)) for row in made.numbers.rows
    }
    assert numbers["MLE", "return"]["mean"].value == values(made.comparison)["MLE"]["return"]
    assert numbers["MLE", "nll_oracle"]["best_by_validation"].value == pytest.approx(5.1)
    assert numbers["Never", "return"]["diverged"].value == 3


def test_a_report_is_analysed_once_and_drawn_once(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[str] = []

    def counted(name: str, function: object) -> object:
        def call(*args: object) -> object:
            calls.append(name)
            return function(*args)  # type: ignore[operator]

        return call

    for module, names in (
        (benchmarks.report.document, ("compare", "time_to_threshold", "verdicts", "charts", "differences")),
        (benchmarks.report.report, ("collect", "document", "learning_curves")),
    ):
        for name in names:
            monkeypatch.setattr(module, name, counted(name, getattr(module, name)))
    report(folder, Console(file=io.StringIO()))
    once = ["collect", "document", "compare", "time_to_threshold", "charts", "verdicts"]
    assert {name: calls.count(name) for name in once} == dict.fromkeys(once, 1)
    # One for each measure, and for the return.
    assert calls.count("differences") == 4
    assert calls.count("learning_curves") == len(document(collect(folder)).charts)


@pytest.mark.parametrize("writer", ["terminal", "html", "files"])
def test_writers_compute_nothing(writer: str) -> None:
    path = Path(benchmarks.report.__file__).with_name(f"{writer}.py")
    named = [
        name
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in [getattr(node, "module", None) or "", *(alias.name for alias in node.names)]
    ]
    assert named
    assert not [name for name in named if name.startswith("benchmarks.analysis") or name in ("numpy", "collect")]


def test_a_report_loads_neither_torch_nor_agents() -> None:
    script = "import sys, benchmarks.report.report; print([n for n in ('torch', 'agents.bases') if n in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=Path(benchmarks.report.__file__).parents[2], capture_output=True, text=True
    )
    assert (done.stdout.strip(), done.stderr) == ("[]", "")
