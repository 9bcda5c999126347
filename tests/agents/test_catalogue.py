"""The catalogue of agents: each is read from its own file and one base of its family."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import agents
from agents import AGENTS
from agents.bases.policy_agent import PolicyAgent
from agents.value.deep_q import DeepQAgent


@pytest.mark.parametrize("name", list(AGENTS))
def test_no_more_than_three_classes_of_ours_stand_above_an_agent(name: str) -> None:
    above = [each for each in AGENTS.load(name).__mro__[1:] if each.__module__.startswith("agents.")]
    assert 1 <= len(above) <= 3, f"{name} stands on {[each.__name__ for each in above]}"


def test_values_are_no_policy() -> None:
    assert not issubclass(DeepQAgent, PolicyAgent)


def test_agents_reach_the_game_by_its_protocol_alone() -> None:
    """Only what is needed of any vector environment is read off `envs` itself."""
    for path in Path(agents.__file__).parent.rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        assert "ignore[attr-defined]" not in text, path
        reached = {
            node.attr
            for node in ast.walk(ast.parse(text))
            if isinstance(node, ast.Attribute) and ast.unparse(node.value).endswith("unwrapped")
        }
        assert not reached, f"{path}: unwrapped.{reached}; take text_game(envs)"
