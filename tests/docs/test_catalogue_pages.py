"""Each agent, reward and measure has its page, with an equation that is drawn and lines that run."""

from __future__ import annotations

import re

import pytest
from docutils.utils.math.latex2mathml import tex2mathml

import agent_pages
import measure_pages
import reward_pages
from agent_pages import notes
from agents import AGENTS
from benchmarks.measures.measures import TABLE
from textgen_env.specs import REWARDS

CODE = re.compile(r"^```python\n(.*?)^```", re.DOTALL | re.MULTILINE)


@pytest.mark.parametrize(("file", "registry"), [("agents.toml", AGENTS), ("rewards.toml", REWARDS)])
def test_every_name_has_its_entry_and_none_is_left_over(file, registry):
    assert set(notes(file)) == set(registry)
    for name, note in notes(file).items():
        assert set(note) == {"equation", "use", "avoid"}, name
        assert tex2mathml(note["equation"], as_block=True).startswith("<math"), name


@pytest.mark.parametrize("name", list(AGENTS))
def test_the_page_of_an_agent(name):
    text = agent_pages.page(name)
    assert all(part in text for part in ("## When", "## Hyperparameters", "## Held to the exact answer"))
    assert agent_pages.index().count(f"\n{name}\n") == 1


def test_an_agents_page_has_its_rows_and_its_papers():
    text = agent_pages.page("ppo")
    assert "| PPO | " in text
    assert "#paper-schulman2017" in text or "paper-schulman2017" in text
    assert "`clip" in text


@pytest.mark.parametrize("name", ["mle", "reinforce", "q_learning"])
def test_an_agents_lines_run(name):
    (code,) = CODE.findall(agent_pages.page(name))
    exec(compile(code, name, "exec", dont_inherit=True), {"__name__": "page"})


@pytest.mark.parametrize("name", list(REWARDS))
def test_the_page_of_a_reward(name):
    text = reward_pages.page(name)
    assert "## When" in text
    assert reward_pages.index().count(f"\n{name}\n") == 1


@pytest.mark.parametrize("name", ["bleu", "chrf", "repetition", "sum", "discriminator"])
def test_a_rewards_line_makes_a_game(name):
    (code,) = CODE.findall(reward_pages.page(name))
    exec("import gymnasium as gym\nimport textgen_env\n" + code, {"__name__": "page"})


def test_every_measure_is_described():
    text = measure_pages.index()
    assert [each.name for each in TABLE if f"| `{each.name}` |" not in text] == []
    assert all(measure_pages.meaning(each) for each in TABLE)
