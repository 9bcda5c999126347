"""Searches with an objective that is a formula: pruned, killed, damaged, of another question."""

from __future__ import annotations

import json
import math
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from benchmarks.specs.experiment import Run, runs_of
from benchmarks.specs.question import Question, experiment_of
from benchmarks.specs.reserved_seeds import FRESH, RESERVED, SEARCHED, SELECTED
from benchmarks.store.results import Point
from textgen_env.files import DamagedFile

pytest.importorskip("optuna", reason="searching for settings needs Optuna")

from benchmarks.tuning.journal import JOURNAL, KEPT
from benchmarks.tuning.space import Choice, Real, defaults_of
from benchmarks.tuning.study import SEARCH, OtherStudy, Search, searched
from benchmarks.tuning.trial import objective, trained

POINTS = 4
Hear = Callable[[Point], None]


def run_of(env_settings: tuple[str, ...] = (), agent: str = "ppo") -> Run:
    settings = (f"evaluation.points={POINTS}", "evaluation.episodes=8", "evaluation.final_episodes=8")
    asked = Question((agent,), "TextGen-Tiny-v0", (*settings, "evaluation.measures=[]", *env_settings), 400)
    return runs_of(experiment_of(asked), (SEARCHED.start,))[0]


def search_of(trials: int = 16, **changes: Any) -> Search:
    space = {"learning_rate": Real(1e-4, 1e-1, log=True), "clip": Real(0.1, 0.4), "epochs": Choice((1, 2, 4))}
    search = Search(run_of(), space, defaults_of("ppo", space), tuple(SEARCHED[:2]), trials)
    return replace(search, **changes)


def formula(run: Run, hear: Hear) -> float:
    """The highest at a learning rate of 0.01 and a clip of 0.3, approached point by point."""
    settings = run.algorithm.hyperparameters
    value = -abs(math.log10(settings["learning_rate"]) + 2) - abs(settings["clip"] - 0.3) + run.seed * 1e-9
    for number in range(POINTS + 1):
        hear(Point(100 * number, 0, 0.0, value * (2 - number / POINTS)))
    return value


def silent(words: str) -> None:
    pass


class Killed(BaseException):
    """What ends a process, as seen from within."""


def dying(after: int) -> Callable[[Run, Hear], float]:
    """`formula` for so many calls; the next one ends in the middle of its curve."""
    left = [after]

    def train(run: Run, hear: Hear) -> float:
        left[0] -= 1
        if left[0] < 0:
            hear(Point(0, 0, 0.0, 0.0))
            raise Killed
        return formula(run, hear)

    return train


def folder_of(path: Path) -> Path:
    path.mkdir()
    return path


def test_a_search_finds_the_best_and_begins_with_the_defaults(tmp_path: Path) -> None:
    tried = searched(tmp_path, search_of(40), silent, formula)
    assert [each.number for each in tried] == list(range(40))
    assert tried[0].settings == {"learning_rate": 0.003, "clip": 0.2, "epochs": 4}
    values = [each.value for each in tried if each.value is not None]
    assert max(values) > -0.2 > (tried[0].value or 0.0)
    assert max(values[len(values) // 2 :]) > max(values[:5])


def test_poor_trials_are_pruned_from_the_middle_of_the_first_curve(tmp_path: Path) -> None:
    calls: list[int] = []

    def counting(run: Run, hear: Hear) -> float:
        calls.append(run.seed)
        return formula(run, hear)

    tried = searched(tmp_path, search_of(20), silent, counting)
    pruned = [each for each in tried if each.value is None]
    assert pruned
    assert all(each.steps >= POINTS // 2 for each in pruned)
    assert all(each.number >= 5 for each in pruned)
    # The second seed is not spent on those that the first has shown to be poor.
    assert calls.count(SEARCHED[0]) == 20
    assert calls.count(SEARCHED[1]) == 20 - sum(each.steps <= POINTS for each in pruned)


@pytest.mark.parametrize("deaths", [(0,), (1,), (5, 3), (13, 2, 0, 1)])
def test_a_search_that_was_killed_equals_one_that_was_not(deaths: tuple[int, ...], tmp_path: Path) -> None:
    undisturbed = searched(folder_of(tmp_path / "a"), search_of(), silent, formula)
    (tmp_path / "b").mkdir()
    for after in deaths:
        with pytest.raises(Killed):
            searched(tmp_path / "b", search_of(), silent, dying(after))
    assert searched(tmp_path / "b", search_of(), silent, formula) == undisturbed


def test_a_search_that_was_killed_by_the_system_goes_on(tmp_path: Path) -> None:
    (tmp_path / "killed").mkdir()
    code = """
import os, signal, sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
import test_study

def killed(run, hear, left=[7]):
    left[0] -= 1
    if not left[0]:
        os.kill(os.getpid(), signal.SIGKILL)
    return test_study.formula(run, hear)

test_study.searched(Path(sys.argv[1]), test_study.search_of(), test_study.silent, killed)
"""
    root, here = Path(__file__).resolve().parents[3], Path(__file__).parent
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "killed"), str(here)], env=os.environ | {"PYTHONPATH": str(root)}
    )
    assert done.returncode == -signal.SIGKILL
    undisturbed = searched(folder_of(tmp_path / "a"), search_of(), silent, formula)
    assert searched(tmp_path / "killed", search_of(), silent, formula) == undisturbed


def test_more_trials_go_on_and_none_is_done_twice(tmp_path: Path) -> None:
    whole = searched(folder_of(tmp_path / "a"), search_of(12), silent, formula)
    few = searched(folder_of(tmp_path / "b"), search_of(5), silent, formula)
    assert few == whole[:5]
    assert searched(tmp_path / "b", search_of(12), silent, formula) == whole

    def refused(run: Run, hear: Hear) -> float:
        raise AssertionError("nothing is left to do")

    assert searched(tmp_path / "b", search_of(12), silent, refused) == whole
    assert searched(folder_of(tmp_path / "c"), search_of(12, sampler_seed=1), silent, formula)[1:] != whole[1:]


def test_trials_that_diverge_are_poor_and_the_search_goes_on(tmp_path: Path) -> None:
    def diverging(run: Run, hear: Hear) -> float:
        if run.algorithm.hyperparameters["learning_rate"] > 0.01:
            hear(Point(0, 0, 0.0, 0.0))
            raise FloatingPointError("the loss is nan")
        return formula(run, hear)

    said: list[str] = []
    tried = searched(tmp_path, search_of(), said.append, diverging)
    diverged = [each for each in tried if each.diverged]
    assert diverged
    assert all(each.value is None for each in diverged)
    assert any("diverged" in words for words in said)


def test_the_objective_is_the_mean_over_seeds(tmp_path: Path) -> None:
    heard: list[tuple[int, float]] = []
    run = replace(run_of(), algorithm=replace(run_of().algorithm, hyperparameters={"learning_rate": 0.1, "clip": 0.3}))
    value = objective(run, (0, 10**9, 2 * 10**9), lambda step, each: heard.append((step, each)), formula)
    assert value == pytest.approx(-1 + 1)
    assert [step for step, _ in heard] == [1, 2, 3, 4, 5, 6]
    assert heard[3:] == [(4, pytest.approx(-1)), (5, pytest.approx(-0.5)), (6, pytest.approx(0))]


@pytest.mark.parametrize("agent", ["mle", "sb3/PPO"])
def test_a_trial_trains_the_agent_that_a_run_would(agent: str, tmp_path: Path) -> None:
    if agent.startswith("sb3"):
        pytest.importorskip("stable_baselines3")
    heard: list[Point] = []
    # A batch of Stable-Baselines3's is a whole rollout.
    sizes = ("agent.num_envs=8", "agent.batch_size=40") if agent.startswith("sb3") else ("agent.num_envs=8",)
    run = run_of(sizes, agent)
    value = trained(run, heard.append)
    assert heard[-1].tokens_spent >= 400 > heard[-2].tokens_spent
    assert value == trained(run, lambda point: None)


def spoiled(folder: Path, change: Callable[[bytes], bytes], trials: int = 6) -> Path:
    searched(folder, search_of(trials), silent, formula)
    path = folder / JOURNAL
    path.write_bytes(change(path.read_bytes()))
    return path


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda content: content[: len(content) // 2], "is shorter than it was"),
        (lambda content: b"", "is shorter than it was"),
        (lambda content: content.replace(b"e", b"f", 1), "is not what it was"),
        (lambda content: content + b"nonsense\n", "is no entry of a study, or cut it"),
        (lambda content: content + b'{"op_code":99,"worker_id":"a"}\n', "is no journal of a study"),
        (lambda content: content + b'{"op_code":5,"worker_id":"a"}\n', "is no journal of a study"),
    ],
)
def test_a_damaged_journal_is_refused_and_left_alone(
    change: Callable[[bytes], bytes], words: str, tmp_path: Path
) -> None:
    path = spoiled(tmp_path, change)
    before = {each.name: each.read_bytes() for each in tmp_path.iterdir() if each.is_file()}
    with pytest.raises(DamagedFile) as refused:
        searched(tmp_path, search_of(8), silent, formula)
    said = str(refused.value)
    assert str(path) in said
    assert "to begin the search anew" in said
    assert (words if "cut" not in words else "or cut it to its first") in said
    assert {each.name: each.read_bytes() for each in tmp_path.iterdir() if each.is_file()} == before


def test_what_the_refusal_says_helps(tmp_path: Path) -> None:
    whole = searched(folder_of(tmp_path / "a"), search_of(8), silent, formula)
    path = spoiled(folder_of(tmp_path / "b"), lambda content: content + b"nonsense\n")
    kept = json.loads((tmp_path / "b" / KEPT).read_text())["bytes"]
    with pytest.raises(DamagedFile, match=f"first {kept} bytes"):
        searched(tmp_path / "b", search_of(8), silent, formula)
    path.write_bytes(path.read_bytes()[:kept])
    assert searched(tmp_path / "b", search_of(8), silent, formula) == whole
    for name in (JOURNAL, KEPT):
        (tmp_path / "b" / name).unlink()
    assert searched(tmp_path / "b", search_of(8), silent, formula) == whole


def test_a_line_that_was_not_written_whole_is_kept_and_done_again(tmp_path: Path) -> None:
    whole = searched(folder_of(tmp_path / "a"), search_of(8), silent, formula)
    path = spoiled(folder_of(tmp_path / "b"), lambda content: content + b'{"op_code":4,"wor')
    said: list[str] = []
    assert searched(tmp_path / "b", search_of(8), said.append, formula) == whole
    assert "was not written whole" in said[0]
    assert path.with_name(f"{JOURNAL}.broken-1").read_bytes() == b'{"op_code":4,"wor'


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"run": run_of(("env.train_size=10",))}, "run.env_kwargs.train_size: not set there, 10 now"),
        ({"seeds": (SEARCHED[0],)}, "seeds: [10000, 10001] there, [10000] now"),
        ({"sampler_seed": 3}, "sampler.seed: 0 there, 3 now"),
        ({"space": {"clip": Real(0.1, 0.5)}}, "space.clip.high: 0.4 there, 0.5 now"),
    ],
)
def test_the_study_of_another_search_is_refused(changes: dict[str, Any], words: str, tmp_path: Path) -> None:
    searched(tmp_path, search_of(3), silent, formula)
    before = (tmp_path / JOURNAL).read_bytes()
    with pytest.raises(OtherStudy) as refused:
        searched(tmp_path, search_of(3, **changes), silent, formula)
    assert words in str(refused.value)
    assert "Give another --name" in str(refused.value)
    assert (tmp_path / JOURNAL).read_bytes() == before


def test_a_journal_without_its_search_is_refused(tmp_path: Path) -> None:
    searched(tmp_path, search_of(3), silent, formula)
    (tmp_path / SEARCH).unlink()
    with pytest.raises(DamagedFile, match=r"study.json is missing"):
        searched(tmp_path, search_of(3), silent, formula)
    (tmp_path / JOURNAL).unlink()
    with pytest.raises(DamagedFile, match="is shorter than it was"):
        searched(tmp_path, search_of(3), silent, formula)


def test_seeds_lie_apart() -> None:
    assert not {*SEARCHED} & {*SELECTED}
    assert not {*SELECTED} & {*FRESH}
    assert {*SEARCHED} | {*SELECTED} | {*FRESH} == {*RESERVED}
