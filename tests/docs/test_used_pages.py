"""Tutorials and explanations end with links to the pages of what they use."""

from __future__ import annotations

from pathlib import Path

import pytest

from used_pages import links, used

DOCS = Path(__file__).parents[2] / "docs"
TEXTS = [*sorted(DOCS.glob("tutorial_scripts/*.py")), *sorted(DOCS.glob("explanations/*.md"))]


def test_ids_imports_and_names_are_found():
    text = """
    from agents.policy_gradient.ppo import PPO, PPOConfig
    env = gym.make("TextGen-Tiny-v0", reward="bleu")
    python -m benchmarks train --agent mle --agent ppo
    Algorithm("Steady", "seqgan", 100)
    {"name": "sum", "parts": [[1.0, "chrf"]]}
    """
    pages = ["environments/TextGen-Tiny-v0", "agents/mle", "agents/ppo", "agents/seqgan"]
    assert used(text) == [*pages, "rewards/bleu", "rewards/chrf", "rewards/sum"]


def test_acronyms_in_prose_are_agents_but_not_another_librarys():
    assert used("SeqGAN, as A2C, steps on.") == ["agents/a2c", "agents/seqgan"]
    assert used("from stable_baselines3 import PPO\nPPO learns, MLE too; SB3-A2C is another.") == ["agents/mle"]


def test_what_is_not_registered_is_no_page():
    assert used('gym.make("TextGen-Mine-v0", reward="mine"); from agents.nothing import Nothing') == []


def test_links_are_those_of_the_pages_form():
    assert ":doc:`/agents/ppo`" in links(["agents/ppo"], restructured=True)
    assert "[](/agents/ppo.md)" in links(["agents/ppo"], restructured=False)
    assert links([], restructured=True) == ""


@pytest.mark.parametrize("name", ["first_agent", "seqgan", "table1", "own_reward"])
def test_a_tutorial_uses_something(name):
    assert used((DOCS / "tutorial_scripts" / f"{name}.py").read_text(encoding="utf-8"))
