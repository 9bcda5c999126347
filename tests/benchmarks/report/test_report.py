"""Table and page, from whole results and from what is left of them."""

from __future__ import annotations

import csv
import io
import json
import re
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from benchmarks.analysis.load import collect, experiment_folders
from benchmarks.analysis.verdicts import verdicts
from benchmarks.report.document import document
from benchmarks.report.files import table_csv
from benchmarks.report.report import report
from benchmarks.report.shown_tables import shortened
from benchmarks.report.terminal import show
from benchmarks.specs.experiment import Algorithm, Experiment, runs_of
from benchmarks.store.manifest import Manifest
from benchmarks.store.results import Failure, Measurement, Point, Reference, Result
from benchmarks.store.run_folder import write_json
from support.html_pages import Page, page_of

EXPERIMENT = Experiment(
    name="made-up",
    description="numbers <made> up & checked",
    env_id="TextGen-OracleSmall-v0",
    algorithms=(
        Algorithm("Random", "m:A"),
        Algorithm("Reader", "m:B", 100),
        Algorithm("Learner", "m:C", 100),
        Algorithm("Broken", "m:D", 100),
    ),
    seeds=(0, 1),
    baseline="Random",
    unit="nats a text",
    expected_shares={"Learner": 0.5, "Reader": 0.5},
)


def made_up(final: float, generated: int = 0, read: int = 0, **changes: object) -> Result:
    points = [Point(0, 0, 0.0, -70.0)]
    points += [Point(generated * k // 4, read * k // 4, 0.5 * k, -70 + (final + 70) * k / 4) for k in range(1, 5)]
    result = Result(
        curve=tuple(points if generated + read else points[:1]),
        mean_return=final,
        std_return=1.0,
        measures={"nll_oracle": -final / 10, "nll_test": 3.0},
        errors={"nll_oracle": 0.01},
        sequence_nll_oracle=(-final / 10 - 0.25, -final / 10, -final / 10 + 0.25),
        reasons={},
        references={
            "greedy": Reference("greedy oracle sequence", -10.0),
            "data": Reference("oracle's own texts", -25.0),
        },
        oracle_entropy=2.5,
        samples=("1 2 3", "<script>alert(1)</script>", ""),
        evaluation_seconds=1.0,
        versions={"python": "3"},
    )
    return replace(result, **changes)  # type: ignore[arg-type]


RESULTS = {
    ("Random", 0): made_up(-71.0),
    ("Random", 1): made_up(-69.0),
    ("Reader", 0): made_up(-60.0, read=1000),
    ("Reader", 1): made_up(-50.0, read=1000),
    ("Learner", 0): made_up(-20.0, generated=123_456, measures={"nll_oracle": 2.0}, reasons={"nll_test": "it is shy"}),
}


def written_below(out: Path) -> Path:
    """Seed 1 of Learner unfinished, seed 0 of Broken failed, its seed 1 never started."""
    runs = runs_of(EXPERIMENT)
    path = out / EXPERIMENT.name
    Manifest.of(EXPERIMENT, runs).write(path)
    for run in runs:
        place = out / run.name
        key = run.algorithm.label, run.seed
        if key != ("Broken", 1):
            write_json(place / "config.json", run.to_config())
        if key in RESULTS:
            write_json(place / "result.json", RESULTS[key].to_json())
        if key == ("Broken", 0):
            write_json(
                place / "error.json", {"error": "ValueError: <b>no</b>", "traceback": "Traceback\n  <i>line</i>"}
            )
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Of incomplete results."""
    return written_below(tmp_path / "runs")


@pytest.fixture(scope="module")
def html(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The page of incomplete results."""
    folder = written_below(tmp_path_factory.mktemp("runs"))
    path = report(folder, Console(file=io.StringIO()))
    assert path == folder / "report.html"
    # All finished runs were made with the same.
    assert json.loads((folder / "versions.json").read_text(encoding="utf-8")) == [{"python": "3"}]
    return path.read_text(encoding="utf-8")


def printed(folder: Path, width: int = 200) -> str:
    console = Console(width=width, file=io.StringIO(), record=True)
    show(document(collect(folder)), console)
    return console.export_text()


def test_table_says_what_there_is(folder: Path) -> None:
    table = document(collect(folder)).comparison
    assert table.heads == ("agent", "runs", "return", "NLL_oracle (entropy 2.50)", "NLL_test", "tokens", "seconds")
    rows = {row[0]: row[1:] for row in table.texts}
    assert rows["Random"] == ("2/2", "-70.00 ± 1.41", "7.000 ± 0.141", "3.000 ± 0.000", "0", "0.0")
    assert rows["Reader"] == ("2/2", "-55.00 ± 7.07", "5.500 ± 0.707", "3.000 ± 0.000", "0 (read 1.00k)", "2.0")
    assert rows["Learner"] == ("1/2, 1 missing", "-20.00", "2.000 †", "–", "123k", "2.0")
    assert rows["Broken"] == ("0/2, 1 failed, 1 missing", "–", "–", "–", "–", "–")
    assert rows["oracle's own texts"] == ("–", "-25.00", "2.500", "2.500", "–", "–")
    assert rows["greedy oracle sequence"] == ("–", "-10.00", "–", "–", "–", "–")
    assert "Learner has no NLL_test: it is shy." in table.notes


def test_verdicts_are_the_shares_of_the_distance(folder: Path) -> None:
    reader, learner = verdicts(collect(folder))
    assert reader.sentence == (
        "Reader closed 25% of the distance between Random (-70.00) and the greedy oracle sequence (-10.00); "
        "at least 50% is expected: MISSED."
    )
    assert (reader.met, learner.met) == (False, True)
    assert "Learner closed 83%" in learner.sentence


def test_statistics_of_runs(folder: Path) -> None:
    (table,) = (table for table in document(collect(folder)).spreads if table.name == "return")
    rows = {row[0]: row[1:] for row in table.texts}
    assert rows["Reader"] == ("2/2", "-55.00", "7.07", "-55.00", "-118.53 to 8.53", "-60.00", "-50.00")
    assert rows["Learner"] == ("1/2, 1 missing", "-20.00", "–", "-20.00", "–", "-20.00", "-20.00")
    assert rows["Broken"][1:] == ("–",) * 6


@pytest.mark.parametrize("width", [80, 200])
def test_terminal_names_what_is_missing_and_what_failed(folder: Path, width: int) -> None:
    words = " ".join(printed(folder, width).split())
    assert "made-up/Learner/seed-1: unfinished" in words
    assert "made-up/Broken/seed-0: failed: ValueError: <b>no</b>" in words
    assert "made-up/Broken/seed-1: not started" in words
    for label in ("Random", "Reader", "Learner", "Broken"):
        assert label in words


def test_a_diverged_run_is_told_with_what_was_last_measured_of_it(folder: Path) -> None:
    last = Measurement(Point(80, 10, 1.0, -60.0, 4), -61.5, {"nll_oracle": 6.0}, {})
    failure = Failure(
        "FloatingPointError: policy is nan", "Traceback", (last.point, Point(95, 10, 1.0, -60.0, 4)), last
    )
    write_json(folder / "Broken" / "seed-0" / "error.json", failure.to_json())
    said = (
        "made-up/Broken/seed-0: diverged after 109 tokens: FloatingPointError: policy is nan "
        "(last finite, after 94 tokens: return -61.50, NLL_oracle 6.000)"
    )
    assert said in printed(folder)
    assert said in " ".join(Page(page_of(folder)).text.split())
    assert "0/2, 1 diverged, 1 missing" in printed(folder)


def test_budgets_count_roll_outs_and_what_was_before(tmp_path: Path) -> None:
    path = tmp_path / EXPERIMENT.name
    run = runs_of(EXPERIMENT, (0,))[2]
    Manifest.of(EXPERIMENT, [run]).write(path)
    curve = (Point(0, 1_000, 3.0, -70.0), Point(1_200_000, 1_000, 5.5, -20.0, 3_400_000, "adversarial"))
    write_json(tmp_path / run.name / "config.json", run.to_config())
    write_json(tmp_path / run.name / "result.json", made_up(-20.0, 1, curve=curve).to_json())
    found = document(collect(path))
    table = found.comparison
    (learner,) = (row for row in table.texts if row[0] == "Learner")
    assert learner[-2:] == ("1.20M (read 1.00k) + 3.40M rolled out", "2.5 + 3.0")
    assert sum("rolled out" in note or "starts from" in note for note in table.notes) == 2
    written = csv.DictReader(io.StringIO(table_csv(found.numbers)))
    lines = {line["measure"]: line["mean"] for line in written if line["agent"] == "Learner"}
    assert [float(lines[name]) for name in ("tokens_rolled_out", "seconds", "own_seconds")] == [3_400_000, 5.5, 2.5]
    text = Page(page_of(path)).text
    assert "Dotted vertical lines: where pre-training ends." in text
    assert [chart.view for chart in found.charts] == ["tokens", "seconds", "after"]
    assert "against tokens after pre-training" in text
    assert "are clipped at the lower edge" in text
    assert "tokens read and generated" in text


def test_figures_are_kept_as_files(folder: Path) -> None:
    console = Console(file=io.StringIO())
    report(folder, console)
    for axis in ("tokens", "seconds"):
        assert (folder / f"curve_{axis}.png").read_bytes().startswith(b"\x89PNG")
        assert "<svg" in (folder / f"curve_{axis}.svg").read_text()
    # Nobody had a pre-training.
    assert not list(folder.glob("curve_after.*"))
    before = {path: path.read_bytes() for path in folder.glob("curve_*")}
    report(folder, console)
    assert {path: path.read_bytes() for path in before} == before


def test_page_needs_nothing_from_outside(html: str) -> None:
    read = Page(html)
    assert read.open == []
    assert not read.tags & {"script", "link", "img", "iframe", "object"}
    assert all(target.startswith("#") for target in read.loads)
    assert not re.search(r"https?://|@import|url\((?!#)", html)
    assert 'name="viewport"' in html
    ids = re.findall(r'\sid="([^"]+)"', html)
    assert len(ids) == len(set(ids))


def test_page_shows_everything(html: str) -> None:
    text = Page(html).text
    assert "pre-training" not in text
    for said in (
        "made-up",
        "numbers <made> up & checked",
        "Learner closed 83%",
        "<script>alert(1)</script>",
        "made-up/Learner/seed-1: unfinished",
        "ValueError: <b>no</b>",
        "<i>line</i>",
        "made-up/Broken/seed-1: not started",
        "123k",
        "-55.00 ± 7.07",
        "tokens generated (Reader: tokens read)",
        "seconds of training",
        '"total_tokens": 100',
        "5 of 8 runs",
    ):
        assert said in text, said


def test_page_marks_where_words_come_from(tmp_path: Path) -> None:
    folder = written_below(tmp_path)
    assert "Copied" not in page_of(folder)
    spans = ((("a <b>", "new"), (" dog runs", "copied"), (" a dog", "repeated")), (), (("x", "elsewhere"),))
    changed = replace(RESULTS["Learner", 0], samples=("a <b> dog runs a dog", "", "x"), sample_spans=spans)
    write_json(folder / "Learner" / "seed-0" / "result.json", changed.to_json())
    html = page_of(folder)
    marked = 'a &lt;b&gt; <span class="copied">dog runs</span> <span class="repeated">a dog</span>'
    assert marked in html
    assert "<em>(empty)</em>" in html
    assert "stand so in a training text" in Page(html).text
    assert Page(html).open == []


def test_nothing_finished_yet_is_a_report_too(tmp_path: Path) -> None:
    folder = tmp_path / EXPERIMENT.name
    Manifest.of(EXPERIMENT, runs_of(EXPERIMENT)).write(folder)
    assert printed(folder).count("not started") == 8
    assert "0 of 8 runs" in Page(page_of(folder)).text


def test_without_the_manifest_the_folders_speak(folder: Path) -> None:
    (folder / "experiment.json").unlink()
    # No experiment could be called so.
    folder = folder.rename(folder.with_name("my results"))
    words = printed(folder)
    assert words.lstrip().startswith("my results")
    assert "experiment.json is missing" in words
    assert "my results/Broken/seed-0: failed" in words
    assert "-55.00 ± 7.07" in words


def test_a_broken_result_is_reported_as_such(folder: Path) -> None:
    (folder / "Reader" / "seed-0" / "result.json").write_text("{")
    words = printed(folder)
    assert "Reader/seed-0/result.json is broken" in words
    assert "1/2, 1 missing" in words


def test_experiments_in_a_folder(folder: Path, tmp_path: Path) -> None:
    assert experiment_folders(folder) == [folder]
    assert experiment_folders(folder.parent) == [folder]
    (tmp_path / "empty").mkdir()
    for path, said in ((tmp_path / "empty", "holds no results"), (tmp_path / "nowhere", "is no folder")):
        with pytest.raises(ValueError, match=said):
            experiment_folders(path)


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0, "0"),
        (950, "950"),
        (999.6, "1.00k"),
        (1_000, "1.00k"),
        (9_980, "9.98k"),
        (9_996, "10.0k"),
        (12_345, "12.3k"),
        (99_800, "99.8k"),
        (99_960, "100k"),
        (999_400, "999k"),
        (999_500, "1.00M"),
        (999_600, "1.00M"),
        (2.5e9, "2.50G"),
        (1.2345e13, "12345G"),
    ],
)
def test_counts_are_shortened_to_three_digits(number: float, text: str) -> None:
    assert shortened(number) == text
