"""`export`: the tidy frame has every number of every run once, and says of every run what became of it."""

from __future__ import annotations

import csv
import math
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from benchmarks.analysis.load import collect
from benchmarks.cli import app
from benchmarks.exchange.frames import COLUMNS, rows_in
from benchmarks.specs.experiment import Algorithm, Evaluation, Experiment, runs_of
from benchmarks.store.manifest import Manifest
from benchmarks.store.results import Failure, Point
from benchmarks.store.run_folder import CONFIG, ERROR, write_sealed
from support.tiny_experiment import do

EXPERIMENT = Experiment(
    name="framed",
    description="a test",
    env_id="TextGen-Tiny-v0",
    algorithms=(Algorithm("MLE", "mle", 200, num_envs=4), Algorithm("Random", "uniform", num_envs=4)),
    seeds=(0, 1),
    evaluation=Evaluation(
        points=2, episodes=4, final_episodes=16, test_texts=20, measures=("bleu_2", "nll_test"), validation="nll"
    ),
)


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four finished runs, one that diverged, one that was never begun."""
    folder = tmp_path_factory.mktemp("framed")
    do(EXPERIMENT, folder)
    asked = runs_of(EXPERIMENT, (0, 1, 2))
    Manifest.of(EXPERIMENT, asked).write(folder / "framed")
    diverged = folder / "framed" / "MLE" / "seed-2"
    diverged.mkdir()
    write_sealed(diverged / CONFIG, asked[-2].to_config())
    failure = Failure("FloatingPointError: the loss is nan", "", (Point(10, 5, 0.5, -3.0, measures={"x": 1.0}),))
    write_sealed(diverged / ERROR, failure.to_json())
    return folder


def exported(out: Path, file: Path) -> list[dict[str, str]]:
    result = CliRunner().invoke(app, ["export", str(out), "--out", str(file)])
    assert result.exit_code == 0, result.output
    with file.open(encoding="utf-8", newline="") as opened:
        return list(csv.DictReader(opened))


def test_every_number_is_there_once(out: Path, tmp_path: Path) -> None:
    rows = exported(out, tmp_path / "rows.csv")
    assert tuple(rows[0]) == COLUMNS
    keys = [tuple(row[name] for name in ("label", "seed", "split", "measure", "tokens")) for row in rows]
    assert len(set(keys)) == len(keys)
    found = collect(out / "framed")
    expected: dict[tuple[str, str], set[float]] = {}
    for algorithm in found.algorithms:
        for result in algorithm.results:
            for point in result.curve:
                numbers = {"return": point.mean_return, **point.measures}
                for name, value in numbers.items():
                    expected.setdefault(("curve", name), set()).add(value)
            finals = {"return": result.mean_return, **result.measures}
            for name, value in finals.items():
                expected.setdefault(("final", name), set()).add(value)
            if result.best is not None:
                for name, value in {"return": result.best.mean_return, **result.best.measures}.items():
                    expected.setdefault(("best", name), set()).add(value)
    assert ("best", "bleu_2") in expected
    for (split, name), values in expected.items():
        there = [row for row in rows if (row["split"], row["measure"], row["status"]) == (split, name, "finished")]
        assert {float(row["value"]) for row in there} == values
        assert {row["environment"] for row in there} == {"TextGen-Tiny-v0"}
    assert {(split, name) for split, name in expected} == {
        (row["split"], row["measure"]) for row in rows if row["status"] == "finished"
    }


def test_runs_without_a_result_are_rows_too(out: Path, tmp_path: Path) -> None:
    rows = exported(out / "framed", tmp_path / "rows.csv")
    diverged = [row for row in rows if (row["label"], row["seed"]) == ("MLE", "2")]
    assert [(row["status"], row["measure"], row["tokens"], row["value"]) for row in diverged] == [
        ("diverged", "return", "15", "-3.0"),
        ("diverged", "x", "15", "1.0"),
    ]
    (absent,) = [row for row in rows if (row["label"], row["seed"]) == ("Random", "2")]
    assert (absent["status"], absent["agent"], absent["measure"], absent["value"]) == ("not started", "uniform", "", "")


def test_the_error_of_the_return_is_that_of_its_episodes(out: Path) -> None:
    result = collect(out / "framed").algorithms[0].results[0]
    (row,) = [
        row for row in rows_in([out]) if (row.label, row.seed, row.split, row.measure) == ("MLE", 0, "final", "return")
    ]
    assert row.error == pytest.approx(result.std_return / math.sqrt(16))


def test_parquet_holds_the_same(out: Path, tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet", reason="pyarrow is of the extra [export]")
    result = CliRunner().invoke(app, ["export", str(out), "--to", "parquet", "--out", str(tmp_path / "rows.parquet")])
    assert result.exit_code == 0, result.output
    table = parquet.read_table(tmp_path / "rows.parquet")
    assert tuple(table.column_names) == COLUMNS
    assert [str(kind) for kind in table.schema.types] == [
        *["string"] * 4, "int64", *["string"] * 3, "int64", "double", "double", "double"
    ]  # fmt: skip
    assert [tuple(row.values()) for row in table.to_pylist()] == [
        tuple(getattr(row, name) for name in COLUMNS) for row in rows_in([out])
    ]


def test_without_pyarrow_the_remedy_is_named(out: Path, tmp_path: Path) -> None:
    code = (
        "import sys; sys.modules['pyarrow'] = None; from benchmarks.cli import app; "
        f"app(['export', {str(out)!r}, '--out', {str(tmp_path / 'rows.parquet')!r}])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert 'pip install "textgen-env[export]", or take --to csv' in done.stderr
    assert not (tmp_path / "rows.parquet").exists()


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (["--out", "rows.xls"], "its ending 'xls' must be one of csv, parquet"),
        (["--out", "rows"], "its ending '' must be one of csv, parquet"),
        (["--to", "csvv", "--out", "rows.csv"], "--to 'csvv' must be one of csv, parquet; did you mean 'csv'?"),
        (["--to", "parquet", "--out", "rows.csv"], "must end in .parquet, as --to says; nothing was written"),
        (["{out}/nothing", "--out", "rows.csv"], "is no folder"),
        (["{other}", "--out", "rows.csv"], "both hold an experiment 'framed'"),
    ],
)
def test_mistakes_are_named(
    more: list[str], words: str, out: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Manifest.of(EXPERIMENT, []).write(_made(tmp_path / "other"))
    given = [each.format(out=out, other=tmp_path / "other") for each in more]
    result = CliRunner().invoke(app, ["export", str(out), *given])
    assert result.exit_code == 2, result.output
    assert words in " ".join(result.output.split())
    assert not list(tmp_path.glob("rows*"))


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder
