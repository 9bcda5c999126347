"""Search spaces: every corner is one that the agent takes, and the agent's own settings lie inside."""

from __future__ import annotations

import itertools
import re
from typing import Any

import pytest

from agents import AGENTS
from benchmarks.specs.named import SB3, agent_names, named_agent
from benchmarks.tuning import space as table
from benchmarks.tuning.space import Choice, Range, Real, Whole, as_json, defaults_of, space_of

optuna = pytest.importorskip("optuna", reason="searching for settings needs Optuna")
# They have nothing to search.
FIXED = {"uniform", "unigram", "mc_prediction", "td_prediction"}
SEARCHED = [name for name in agent_names() if name not in FIXED]


def ends(span: Range) -> tuple[Any, ...]:
    return span.values if isinstance(span, Choice) else (span.low, span.high)  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", SEARCHED)
def test_the_agents_own_settings_lie_inside(name: str) -> None:
    space = space_of(name, {}, True)
    defaults = defaults_of(name, space)
    for each, value in defaults.items():
        assert space[each].holds(value), f"{name}: {each}={value!r} is outside {space[each]}"


@pytest.mark.parametrize("name", [each for each in SEARCHED if each in AGENTS])
def test_every_corner_is_taken(name: str) -> None:
    space = space_of(name, {}, True)
    config = AGENTS.load(name).config_class
    widest = max(len(ends(span)) for span in space.values())
    for number in range(widest):
        config(**{each: ends(span)[number % len(ends(span))] for each, span in space.items()})
    for one, other in itertools.combinations(space, 2):
        for first, second in itertools.product(ends(space[one]), ends(space[other])):
            config(**{one: first, other: second})


def test_numbers_have_few_digits_and_stay_inside() -> None:
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    for _ in range(50):
        trial = study.ask()
        real, whole = Real(0.0012345, 0.9, log=True), Whole(1_234, 98_765, log=True)
        assert real.holds(value := real.suggest(trial, "real"))
        assert float(f"{value:.3g}") == value or value == real.low
        assert whole.holds(number := whole.suggest(trial, "whole"))
        assert int(float(f"{number:.3g}")) == number or number in (whole.low, whole.high)
        assert Real(0.0, 1.0).holds(Real(0.0, 1.0).suggest(trial, "unit"))
        study.tell(trial, 0.0)


def test_what_is_searched_depends_on_the_agent_and_the_task() -> None:
    assert "attention" in space_of("ppo", {}, True)
    assert "attention" not in space_of("ppo", {}, False)
    assert "clip" not in space_of("ppo", {"clip": 0.1}, False)
    assert "learning_rate" not in space_of("trpo", {}, False)
    assert "discount" not in space_of("ppo", {}, False)
    assert "n_epochs" in space_of("sb3/PPO", {}, False)
    assert "exploration_fraction" in space_of("sb3/DQN", {}, False)
    assert as_json({"clip": Real(0.1, 0.4)}) == {"clip": {"range": "Real", "low": 0.1, "high": 0.4, "log": False}}


@pytest.mark.parametrize("name", sorted(FIXED))
def test_agents_without_settings_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match=re.escape(f"--agent {name}: nothing is left to search")):
        space_of(name, {}, False)


def test_every_row_of_the_table_is_of_some_agent() -> None:
    named = {name: {each.name for each in named_agent(name).arguments} for name in agent_names()}
    ours = set().union(*(names for agent, names in named.items() if agent in AGENTS))
    theirs = set().union(*(names for agent, names in named.items() if agent not in AGENTS))
    assert table.AGENTS.keys() | table.WITH_SOURCES.keys() <= ours
    assert table.SB3.keys() <= theirs
    for agent, own in {**table.OWN, **table.SB3_OWN}.items():
        assert own.keys() <= named[agent]
    assert {name.removeprefix("sb3/") for name in table.SB3_OWN} <= SB3.keys()
