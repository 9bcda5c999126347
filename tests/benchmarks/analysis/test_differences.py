"""Differences from the row compared with, their tables and files, from results that were made up."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console
from scipy import stats as scipy_stats

from benchmarks.analysis.comparison import collapsed
from benchmarks.analysis.differences import NO_SPREAD, NO_VALUE, ONE_SEED, differences
from benchmarks.analysis.load import Collected, collect
from benchmarks.analysis.significance import holm
from benchmarks.analysis.statistics import interquartile_mean
from benchmarks.report.document import Document, document
from benchmarks.report.files import table_csv
from benchmarks.report.report import report
from benchmarks.report.table import Table
from benchmarks.report.terminal import show
from benchmarks.specs.experiment import Algorithm, Experiment, runs_of
from benchmarks.store.manifest import Manifest
from benchmarks.store.results import Point, Reference, Result
from benchmarks.store.run_folder import write_json
from support.html_pages import page_of

SCORES: Mapping[str, Sequence[float | None]] = {
    "SeqGAN": (8.7, 8.8, 8.6, 8.9, 8.7),
    "MLE": (9.0, 9.1, 9.05, 9.0, 9.2),
    "Constant": (8.75, 8.7, 8.9, 8.6, 8.8),
    "Collapsed": (5.0, 5.1, 4.9, 5.0, 5.2),
    "Partly": (9.4, None, 9.6, None, 9.5),
    "Once": (None, None, 8.7, None, None),
    "Never": (None,) * 5,
}
NLL_TEST = {"SeqGAN": 9.5, "MLE": 9.5}


def made_up(label: str, score: float) -> Result:
    rng = np.random.default_rng(round(1000 * score))
    measures = {"nll_oracle": score, "bleu_3": 0.25 + score / 100}
    return Result(
        curve=(Point(0, 0, 0.0, -20 * score), Point(100, 50, 2.0, -20 * score)),
        mean_return=-20 * score,
        std_return=1.0,
        measures=measures | ({"nll_test": NLL_TEST[label]} if label in NLL_TEST else {}),
        errors={"nll_oracle": 0.03, "bleu_3": 0.004},
        sequence_nll_oracle=tuple(rng.normal(score, 0.5, 64).round(4).tolist()),
        reasons={} if label in NLL_TEST else {"nll_test": "it is | shy"},
        references={"data": Reference("oracle's own texts", -115.0)},
        oracle_entropy=5.75,
        samples=("1 2",),
        evaluation_seconds=1.0,
        versions={"python": "3"},
    )


def experiment(scores: Mapping[str, Sequence[float | None]], compared_with: str) -> Experiment:
    return Experiment(
        name="made-up",
        description="numbers <made> up",
        env_id="TextGen-Oracle-v0",
        algorithms=tuple(Algorithm(label, "m:A", 100) for label in scores),
        seeds=tuple(range(5)),
        unit="nats a text",
        compared_with=compared_with,
    )


def written_below(
    out: Path, scores: Mapping[str, Sequence[float | None]] = SCORES, compared_with: str = "SeqGAN"
) -> Path:
    """A run without a score diverged; that of seed 3 never ended, that of seed 4 failed."""
    what = experiment(scores, compared_with)
    runs = runs_of(what)
    Manifest.of(what, runs).write(out / what.name)
    for run in runs:
        score = scores[run.algorithm.label][run.seed]
        write_json(out / run.name / "config.json", run.to_config())
        if score is not None:
            write_json(out / run.name / "result.json", made_up(run.algorithm.label, score).to_json())
        elif run.seed == 4:
            write_json(out / run.name / "error.json", {"error": "ValueError: no", "traceback": "Traceback"})
        elif run.seed != 3:
            write_json(out / run.name / "error.json", {"error": "FloatingPointError: NaN loss", "traceback": "Trace"})
    return out / what.name


@pytest.fixture(scope="module")
def collected(tmp_path_factory: pytest.TempPathFactory) -> Collected:
    return collect(written_below(tmp_path_factory.mktemp("runs")))


@pytest.fixture(scope="module")
def made(collected: Collected) -> Document:
    return document(collected)


def named(tables: Sequence[Table], name: str) -> Table:
    (table,) = (table for table in tables if table.name == name)
    return table


def values(label: str) -> list[float]:
    return [score for score in SCORES[label] if score is not None]


def test_differences_are_welchs_with_holms_correction_over_the_rows(collected: Collected) -> None:
    found = {each.label: each for each in differences(collected, "nll_oracle")}
    assert list(found) == [label for label in SCORES if label != "SeqGAN"]
    theirs = {
        label: scipy_stats.ttest_ind(values(label), values("SeqGAN"), equal_var=False)
        for label in ("MLE", "Constant", "Collapsed", "Partly")
    }
    adjusted = dict(zip(theirs, holm([test.pvalue for test in theirs.values()]), strict=True))
    for label, test in theirs.items():
        each = found[label]
        assert each.test is not None
        assert (each.test.t, each.test.df, each.test.p) == pytest.approx((test.statistic, test.df, test.pvalue))
        assert each.p_holm == pytest.approx(adjusted[label])
        assert each.p_holm is not None
        assert each.p_holm >= each.test.p
        assert each.difference == pytest.approx(np.mean(values(label)) - np.mean(values("SeqGAN")))
        assert each.effect is not None
        assert np.sign(each.effect) == np.sign(each.difference)
        assert each.reason == ""
    assert found["Partly"].runs == (3, 5)


def test_one_seed_is_no_test_and_says_so(collected: Collected, made: Document) -> None:
    found = {each.label: each for each in differences(collected, "nll_oracle")}
    once, never = found["Once"], found["Never"]
    assert once.test is once.p_holm is once.effect is None
    assert once.difference == pytest.approx(8.7 - np.mean(values("SeqGAN")))
    assert (once.reason, never.reason) == (ONE_SEED, NO_VALUE)
    assert never.difference is never.sequences is None
    table = named(made.differences, "nll_oracle")
    assert f"No test between runs of Once and SeqGAN: {ONE_SEED}." in table.notes
    assert dict((row[0], row[1:]) for row in table.texts)["Never"] == ("0 and 5", *["–"] * 7)


def test_scores_without_spread_are_not_tested(collected: Collected) -> None:
    mle = next(each for each in differences(collected, "nll_test") if each.label == "MLE")
    assert (mle.test, mle.effect, mle.difference, mle.reason) == (None, None, 0.0, NO_SPREAD)


def test_over_sequences_is_students_test_of_one_run_of_each(collected: Collected, made: Document) -> None:
    found = {each.label: each for each in differences(collected, "nll_oracle")}
    # The lowest seed that both have finished.
    assert found["Once"].sequences is not None
    assert found["Once"].sequences.seed == 2
    for label, seed in (("MLE", 0), ("Once", 2)):
        pair = [made_up(name, SCORES[name][seed] or 0).sequence_nll_oracle for name in (label, "SeqGAN")]
        sequences = found[label].sequences
        assert sequences is not None
        assert (sequences.p, sequences.seed) == (pytest.approx(scipy_stats.ttest_ind(*pair).pvalue), seed)
    table = named(made.differences, "nll_oracle")
    assert table.heads[-1] == "p over sequences"
    assert any("as in Yu et al. 2017: blind to run-to-run variance" in note for note in table.notes)
    # No other measure is kept by sequence.
    assert all(each.sequences is None for each in differences(collected, "bleu_3"))


def test_outcomes_are_counted_and_stay_in_the_table(made: Document) -> None:
    counts = {row[0]: row[1] for row in made.comparison.texts}
    assert counts["Partly"] == "3/5, 1 diverged, 1 missing"
    assert counts["Never"] == "0/5, 1 failed, 3 diverged, 1 missing"
    assert any("over the finished runs alone" in note for note in made.comparison.notes)


def test_below_the_oracles_entropy_is_marked_as_collapse(made: Document) -> None:
    table = made.comparison
    cells = {row[0]: row[table.heads.index("NLL_oracle (entropy 5.75)")] for row in table.texts}
    assert cells["Collapsed"] == "5.040 ± 0.114 †"
    assert [label for label, cell in cells.items() if "†" in cell] == ["Collapsed"]
    assert any(note.startswith("† collapse") for note in table.notes)


def test_an_nll_within_the_error_of_the_entropy_is_no_collapse(tmp_path: Path) -> None:
    scores = {"Near": (5.72,) * 5, "Below": (5.69,) * 5}
    near, below = collect(written_below(tmp_path, scores, "")).algorithms
    # Each run's error is 0.03, that of five runs 0.0134.
    assert near.errors_over_texts["nll_oracle"] == pytest.approx(0.03 / np.sqrt(5))
    assert (collapsed(near, 5.74), collapsed(near, 5.75), collapsed(below, 5.75)) == (False, True, True)
    assert not collapsed(below, None)
    # Two errors of the difference: 2 (0.0134^2 + 0.02^2)^(1/2) = 0.048.
    assert (collapsed(below, 5.73, 0.02), collapsed(below, 5.74, 0.02)) == (False, True)


def test_the_entropy_and_its_error_are_of_one_run(tmp_path: Path) -> None:
    collected = collect(written_below(tmp_path, {"Near": (5.72,) * 5}, ""))
    (near,) = collected.algorithms
    old, new, *_ = near.records
    assert new.state.result is not None
    assert (collected.oracle_entropy, collected.oracle_entropy_error) == (5.75, None)
    result = replace(new.state.result, oracle_entropy=5.7, oracle_entropy_error=0.002)
    known = replace(new, state=replace(new.state, result=result))
    later = replace(collected, algorithms=(replace(near, records=(old, known)),))
    assert (later.oracle_entropy, later.oracle_entropy_error) == (5.7, 0.002)


def test_spread_of_a_measure_over_seeds(made: Document) -> None:
    table = named(made.spreads, "nll_oracle")
    assert table.heads[-1] == "error over texts"
    rows = {row[0]: row[1:] for row in table.texts}
    middle = interquartile_mean(np.array(values("SeqGAN"))[:, None])
    assert rows["SeqGAN"][:4] == ("5/5", "8.740", "0.114", f"{middle:.3f}")
    assert rows["SeqGAN"][-1] == f"{0.03 / np.sqrt(5):.4f}"
    assert rows["Never"][1:] == ("–",) * 7
    assert "error over texts" not in named(made.spreads, "return").heads


def lines(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_table_csv_holds_every_number(made: Document) -> None:
    found = {(line["agent"], line["measure"]): line for line in lines(table_csv(made.numbers))}
    seqgan = found["SeqGAN", "nll_oracle"]
    assert float(seqgan["mean"]) == pytest.approx(np.mean(values("SeqGAN")), abs=1e-12)
    assert float(seqgan["std"]) == pytest.approx(np.std(values("SeqGAN"), ddof=1), abs=1e-12)
    assert float(seqgan["iqm_low"]) <= float(seqgan["iqm"]) <= float(seqgan["iqm_high"])
    assert (seqgan["unit"], seqgan["collapsed"]) == ("nats a token", "False")
    assert found["Collapsed", "nll_oracle"]["collapsed"] == "True"
    assert (
        found["Never", "bleu_3"] | {"mean": "", "std": "", "failed": "1", "diverged": "3"} == found["Never", "bleu_3"]
    )
    assert found["Once", "nll_oracle"]["std"] == ""
    assert float(found["SeqGAN", "tokens_generated"]["mean"]) == 100
    assert float(found["oracle", "entropy"]["mean"]) == 5.75
    assert float(found["oracle's own texts", "return"]["mean"]) == -115


def test_differences_csv_holds_every_measure(collected: Collected, made: Document) -> None:
    assert made.tests is not None
    found = {(line["agent"], line["measure"]): line for line in lines(table_csv(made.tests))}
    assert {measure for _, measure in found} == {"return", "nll_oracle", "nll_test", "bleu_3"}
    for each in differences(collected, "nll_oracle"):
        line = found[each.label, "nll_oracle"]
        assert line["compared_with"] == "SeqGAN"
        assert line["reason"] == each.reason
        if each.test is not None:
            assert float(line["p"]) == pytest.approx(each.test.p)
            assert float(line["p_holm"]) == pytest.approx(each.p_holm)
            assert float(line["hedges_g"]) == pytest.approx(each.effect)


def test_report_writes_page_and_tables(tmp_path: Path) -> None:
    folder = written_below(tmp_path)
    console = Console(width=200, file=io.StringIO(), record=True)
    report(folder, console)
    words = " ".join(console.export_text().split())
    assert "Differences from SeqGAN in NLL_oracle" in words
    assert "Never/seed-0: diverged: FloatingPointError: NaN loss" in words
    names = sorted(path.name for path in folder.iterdir() if path.is_file())
    figures = [f"curve_{axis}.{kind}" for axis in ("seconds", "tokens") for kind in ("png", "svg")]
    others = ["differences.csv", "experiment.json", "report.html", "table.csv", "table.md", "versions.json"]
    assert names == [*figures, *others]
    text = (folder / "table.md").read_text(encoding="utf-8")
    for said in ("## Differences from SeqGAN", "### NLL\\_oracle", "it is \\| shy", "5.040 ± 0.114 †", "\\<made>"):
        assert said in text, said
    # Every line of a Markdown table has as many cells as its head.
    tables = [block.splitlines() for block in text.split("\n\n") if block.startswith("|")]
    assert all(len({line.replace("\\|", "").count("|") for line in table}) == 1 for table in tables)
    shown = page_of(folder)
    assert "Differences from SeqGAN" in shown
    assert "p over sequences" in shown


def test_without_a_row_to_compare_with_there_are_no_differences(tmp_path: Path) -> None:
    folder = written_below(tmp_path, SCORES, "")
    plain = collect(folder)
    assert differences(plain, "nll_oracle") == []
    said = document(plain)
    assert (said.differences, said.tests) == ((), None)
    assert said.spreads[0].name == "nll_oracle"
    console = Console(width=200, file=io.StringIO(), record=True)
    report(folder, console)
    assert "Differences" not in console.export_text() + (folder / "report.html").read_text(encoding="utf-8")
    assert not (folder / "differences.csv").exists()


@pytest.mark.parametrize("width", [40, 60])
def test_a_narrow_terminal_names_the_rows_and_what_is_left_out(tmp_path: Path, width: int) -> None:
    folder = written_below(tmp_path)
    console = Console(width=width, file=io.StringIO(), record=True)
    show(document(collect(folder)), console)
    text = console.export_text()
    named_rows = [line for line in text.splitlines() if line.lstrip().startswith(("SeqGAN ", "Collapsed "))]
    assert max(map(len, named_rows)) <= width
    # Once in the comparison, once among the differences.
    assert sum(line.startswith(" Collapsed ") for line in named_rows) == 2
    words = " ".join(text.split())
    assert re.search("No room for .*BLEU-3.*: the page and table.md have them", words)
    assert "p over sequences: the page and table.md have them" in words
