"""Time to threshold, and what algorithms reach of the goal where there is no baseline."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.analysis.comparison import first_reached, time_to_threshold
from benchmarks.analysis.load import collect
from benchmarks.analysis.verdicts import verdicts
from benchmarks.report.document import document
from benchmarks.report.files import markdown
from benchmarks.report.shown_tables import threshold_table
from benchmarks.specs.experiment import Algorithm, Experiment, runs_of
from benchmarks.store.manifest import Manifest, read_manifest
from benchmarks.store.results import Point, Reference, Result
from benchmarks.store.run_folder import read_sealed, write_json
from support.html_pages import page_of

AGENT = "uniform"
SLOW, FAST, NEVER = "Slow", "Fast", "Never"
EXPERIMENT = Experiment(
    "made-up",
    "made up",
    "TextGen-Tiny-v0",
    tuple(Algorithm(label, AGENT, 100) for label in (SLOW, FAST, NEVER)),
    seeds=(0, 1, 2),
    goal="optimum",
    threshold=0.95,
    expected_shares={SLOW: 0.98, NEVER: 0.98},
)


def curve(*returns: float) -> tuple[Point, ...]:
    return tuple(Point(1_000 * number, 0, float(number), value) for number, value in enumerate(returns))


def result(points: tuple[Point, ...], optimum: float = 10.0) -> Result:
    last = points[-1].mean_return
    levels = {"optimum": Reference("best text", optimum)}
    return Result(points, last, 0.0, {}, {}, (), {}, levels, None, (), 0.0, {})


def folder_of(out: Path, curves: dict[str, list[tuple[Point, ...]]], optimum: float = 10.0) -> Path:
    runs = runs_of(EXPERIMENT)
    Manifest.of(EXPERIMENT, runs).write(out / EXPERIMENT.name)
    for run in runs:
        if run.seed < len(curves[run.algorithm.label]):
            write_json(out / run.name / "config.json", run.to_config())
            write_json(out / run.name / "result.json", result(curves[run.algorithm.label][run.seed], optimum).to_json())
    return out / EXPERIMENT.name


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    slow = [curve(0, 9.4, 9.5, 9.9), curve(0, 1, 2, 9.9), curve(0, 9.9, 9.0, 9.9)]
    return folder_of(tmp_path, {SLOW: slow, FAST: [curve(0, 9.9, 9.9, 9.9)] * 2, NEVER: [curve(0, 9.9, 9.4)] * 3})


def test_a_level_counts_from_where_it_is_kept() -> None:
    assert first_reached(curve(0, 5, 4, 5, 6), 5.0) == curve(0, 5, 4, 5, 6)[3]
    assert first_reached(curve(5, 5), 5.0) == curve(5, 5)[0]
    assert first_reached(curve(5, 4), 5.0) is None


def test_the_median_of_the_runs_that_reach_it(folder: Path) -> None:
    found = time_to_threshold(collect(folder))
    assert found is not None
    assert (found.value, found.goal) == (9.5, "best text")
    assert [(each.label, each.reached, each.asked) for each in found.times] == [
        (SLOW, 3, 3),
        (FAST, 2, 3),
        (NEVER, 0, 3),
    ]
    assert found.times[0].tokens == (2_000, 3_000, 3_000)
    table = threshold_table(found)
    assert document(collect(folder)).threshold == table
    assert table.texts == (
        (SLOW, "3/3", "3.00k (2.00k to 3.00k)", "3.0 (2.0 to 3.0)"),
        (FAST, "2/3", "1.00k", "1.0"),
        (NEVER, "0/3", "–", "–"),
    )
    assert table.heads[2] == "tokens to 95%"
    assert "How soon" in page_of(folder)
    assert "## How soon" in markdown(document(collect(folder)))


def test_below_zero_a_level_near_the_goal_lies_under_it(tmp_path: Path) -> None:
    below = {SLOW: [curve(-30, -10.6)], FAST: [curve(-30, -10.4)], NEVER: []}
    found = time_to_threshold(collect(folder_of(tmp_path, below, optimum=-10.0)))
    assert found is not None
    assert [row[1] for row in threshold_table(found).texts] == ["0/3", "1/3", "0/3"]


def test_without_a_baseline_a_share_is_of_the_goal_itself(folder: Path) -> None:
    slow, never = verdicts(collect(folder))
    assert slow.sentence == "Slow reached 99.0% of the best text (10.00); at least 98% is expected: met."
    assert (slow.met, never.met) == (True, False)


def test_nothing_asked_for_is_no_table(folder: Path) -> None:
    manifest = read_sealed(folder / "experiment.json")
    # As kept before there was such a table.
    del manifest["threshold"], manifest["at_most"]
    write_json(folder / "experiment.json", manifest)
    assert read_manifest(folder).experiment.threshold == 0
    assert time_to_threshold(collect(folder)) is None
    assert document(collect(folder)).threshold is None
    with pytest.raises(ValueError, match=r"threshold=1.5 must lie in \[0, 1\]"):
        Experiment("x", "", "TextGen-Tiny-v0", (), threshold=1.5)


def test_what_should_be_small_is_held_to_it(tmp_path: Path) -> None:
    bars = {SLOW: 0.02, FAST: 0.0125, NEVER: 0.02}
    experiment = replace(EXPERIMENT, expected_shares={}, at_most={"kl_soft": bars})
    runs = runs_of(experiment, (0, 1))
    Manifest.of(experiment, runs).write(tmp_path)
    for run in runs:
        write_json(tmp_path / run.algorithm.label / f"seed-{run.seed}" / "config.json", run.to_config())
        measures = {} if run.algorithm.label == NEVER else {"kl_soft": 0.012 + 0.002 * run.seed}
        found = replace(result(curve(0, 9)), measures=measures)
        write_json(tmp_path / run.algorithm.label / f"seed-{run.seed}" / "result.json", found.to_json())
    assert read_manifest(tmp_path).experiment.at_most == {"kl_soft": bars}
    slow, fast, never = verdicts(collect(tmp_path))
    assert slow.sentence == "Slow has KL(agent‖soft optimum) 0.0130; at most 0.02 is expected: met."
    assert fast.sentence == "Fast has KL(agent‖soft optimum) 0.0130; at most 0.0125 is expected: MISSED."
    assert never.sentence == "Never has no KL(agent‖soft optimum); at most 0.02 is expected: MISSED."
    assert (slow.met, fast.met, never.met) == (True, False, False)
    with pytest.raises(ValueError, match="'Nobody' is no algorithm"):
        replace(experiment, at_most={"kl_soft": {"Nobody": 1.0}})
