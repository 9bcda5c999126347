"""Settings tuned for the suite: searched beside its rules, taken by it alone, and only while its run is the same."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from benchmarks.cli import app
from benchmarks.specs.experiment import Run
from benchmarks.specs.tuned import FOLDER, read_settings, settings_file, settings_of, tuned_at
from benchmarks.store.leases import Leases
from benchmarks.store.results import Point
from benchmarks.suite.applicable import label_of
from benchmarks.suite.experiments import Part, suite_facts, suite_parts
from benchmarks.suite.sizes import SIZES
from benchmarks.suite.tuned import game_digest

pytest.importorskip("optuna", reason="searching for settings needs Optuna")
pytest.importorskip("stable_baselines3")

from benchmarks.suite.tuning import SuiteTuning, suite_plans, tune_suite
from benchmarks.tuning.space import Choice, Real, Whole, including

PARALLEL = "TextGen-Parallel-v0"
TINY_SIZE = SIZES["tiny"]


def fast_wins(run: Run, hear: Callable[[Point], None]) -> float:
    """High for settings that learn fast."""
    value = float(run.algorithm.hyperparameters["learning_rate"])
    for number in range(3):
        hear(Point(100 * number, 0, 0.0, value))
    return value


def asked_of(tmp_path: Path) -> SuiteTuning:
    return SuiteTuning(
        TINY_SIZE, ("mle",), (PARALLEL,), trials=10, fresh=3, out=tmp_path / "studies", into=tmp_path / "won"
    )


@pytest.fixture(scope="module")
def won(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("suite_tuning")
    assert tune_suite(asked_of(folder), lambda words: None, "2026-01-02", fast_wins) == []
    return folder


def part_of(folder: Path | None) -> Part:
    return next(part for part in suite_parts(TINY_SIZE, folder, ["mle"]) if part.experiment.env_id == PARALLEL)


def test_the_suite_takes_what_was_found_for_it(won: Path) -> None:
    (found,) = read_settings(settings_file("mle", won / "won"), "mle")
    assert (found.place.environment, found.place.suite, found.found["tokens"]) == (PARALLEL, "tiny", 400)
    assert found.found["command"] == (
        f"python -m benchmarks tune-suite --size tiny --agent mle --env {PARALLEL} --trials 10 --best 2 --fresh 3"
    )
    assert found.found["tuned"] > found.found["default"]
    (plain,), (tuned,) = (part_of(folder).experiment.algorithms for folder in (None, won / "won"))
    assert tuned.hyperparameters == {**plain.hyperparameters, **found.settings}
    assert replace(tuned, hyperparameters=plain.hyperparameters) == plain
    part = part_of(won / "won")
    assert suite_facts(TINY_SIZE, [part])["tuned"] == {"Parallel-v0": {"mle": found.in_words}}
    assert "in the suite's size tiny at 400 tokens" in found.in_words
    assert suite_facts(TINY_SIZE, [part_of(None)], False)["command"].endswith("--untuned")


def test_no_other_run_takes_it(won: Path) -> None:
    kwargs = part_of(None).experiment.env_kwargs
    assert tuned_at("mle", PARALLEL, kwargs, won / "won") == []
    assert tuned_at("mle", PARALLEL, {}, won / "won") == []
    longer = replace(TINY_SIZE, tokens=500)
    assert not any(part.tuned for part in suite_parts(longer, won / "won", ["mle"])), "other rules, another question"


def test_what_another_process_searches_is_left_to_it(tmp_path: Path) -> None:
    asked, said = asked_of(tmp_path), []
    with Leases() as others:
        assert others.claim(tmp_path / "studies" / "Parallel-v0-mle") is not None
        assert tune_suite(asked, said.append, "2026-01-02", fast_wins) == ["Parallel-v0-mle"]
    assert "left to another process" in said[-1]


def test_every_search_begins_with_the_rules_of_the_suite() -> None:
    laptop = replace(SIZES["laptop"], tasks={"tiny": {}, "captions": SIZES["laptop"].tasks["captions"]})
    agents = ("ppo", "dqn", "sb3/PPO", "sb3/DQN", "sb3/TRPO")
    plans = list(suite_plans(SuiteTuning(laptop, agents)))
    assert len(plans) >= 2 * len(agents)
    for plan in plans:
        search = plan.search
        for name, value in search.defaults.items():
            assert search.space[name].holds(value), f"{plan.folder.name}: {name}={value!r}"
            assert search.run.algorithm.hyperparameters.get(name, value) == value
        assert search.run.algorithm.total_tokens == laptop.tokens


def test_ranges_are_widened_for_a_value_outside() -> None:
    assert including(Choice((1, 2)), 2) == Choice((1, 2))
    assert including(Choice((1, 2)), 3) == Choice((1, 2, 3))
    assert including(Real(0.1, 1.0, log=True), 0.0) == Real(0.0, 1.0)
    assert including(Whole(10, 20, log=True), 5) == Whole(5, 20, log=True)
    with pytest.raises(ValueError, match="None cannot be put into"):
        including(Real(0.1, 1.0), None)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (["--agent", "pppo"], "did you mean 'ppo'?"),
        (["--env", "TextGen-Poems-v0"], "--env 'TextGen-Poems-v0'"),
        (["--size", "tini"], "--size 'tini'"),
        (["--agent", "uniform"], "nothing is left to search"),
        (["--agent", "seqgan", "--env", "TextGen-Tiny-v0", "--fresh", "1"], "--fresh 1 must be at least 2"),
        (["--trials", "0"], "--trials 0 must be at least 1"),
    ],
)
def test_mistakes_are_named_before_anything_runs(change: list[str], words: str, tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["tune-suite", "--size", "tiny", "--out", str(tmp_path / "out"), *change])
    assert result.exit_code == 2, result.output
    assert words in " ".join(result.output.split())
    assert not (tmp_path / "out").exists()


def test_settings_of_the_suite_say_for_which_run(won: Path, tmp_path: Path) -> None:
    path = settings_file("mle", won / "won")
    lines = [line for line in path.read_text().splitlines() if not line.startswith("game")]
    settings_file("mle", tmp_path).write_text("\n".join(lines))
    with pytest.raises(ValueError, match="settings for the suite name environment, suite and game; give all three"):
        settings_of("mle", tmp_path)


def test_settings_that_come_along_are_of_todays_suite() -> None:
    agents = ["reinforce", "mle", "sb3/A2C"]
    for part in suite_parts(SIZES["laptop"], None, agents):
        for agent in agents:
            for each in settings_of(agent, FOLDER):
                if (each.place.suite, each.place.environment) == ("laptop", part.experiment.env_id):
                    assert each.place.game == game_digest(part.experiment, label_of(agent)), each.in_words
